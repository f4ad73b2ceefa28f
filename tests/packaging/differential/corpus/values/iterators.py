# run: main()
import itertools

ids = itertools.count(100)
next(ids)
turns = itertools.cycle("ab")
lines = iter([1, 2, 3])
next(lines)


def main():
    return next(ids), next(turns), next(lines), list(itertools.accumulate([1, 2, 3]))
