# run: main()
# expect: refused: generator
def numbers():
    yield from range(10)


stream = numbers()
next(stream)


def main():
    return next(stream)
