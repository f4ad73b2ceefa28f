# run: main()
first, *middle, last = range(5)
pairs = [(1, "a"), (2, "b")]
numbers, letters = zip(*pairs)


def main():
    return first, middle, last, numbers, letters, {**{"a": 1}, "b": 2}
