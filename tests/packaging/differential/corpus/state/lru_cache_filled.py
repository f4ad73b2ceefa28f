# run: main()
from functools import lru_cache

@lru_cache
def load(name):
    return name.upper()


load("a")


def main():
    return load("a"), load("b"), load.cache_parameters()["maxsize"]
