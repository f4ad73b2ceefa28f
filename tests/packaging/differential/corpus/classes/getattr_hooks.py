# run: main()
class Lazy:
    def __init__(self):
        self.loaded = []

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        self.loaded.append(name)
        return name.title()


lazy = Lazy()
first = lazy.first


def main():
    return lazy.second, lazy.loaded, first
