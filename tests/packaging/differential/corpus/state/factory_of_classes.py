# run: main()
def make(name, size):
    return type(name, (), {"size": size, "grow": lambda self, n: self.size * n})


Small = make("Small", 1)
Large = make("Large", 100)


def main():
    return Small().size, Large().grow(2), Small.__name__
