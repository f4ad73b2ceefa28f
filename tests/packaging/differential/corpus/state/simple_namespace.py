# run: main()
from types import SimpleNamespace

config = SimpleNamespace(lr=0.1, model=SimpleNamespace(width=3))
config.model.depth = 2


def main():
    return config.lr, config.model.width * config.model.depth
