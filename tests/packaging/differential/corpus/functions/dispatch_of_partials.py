# run: main(name="half", x=8)
from functools import cmp_to_key, partial


def scale(x, by):
    return x * by


TABLE = {name: partial(scale, by=by) for name, by in {"half": 0.5, "twice": 2}.items()}
by_last = cmp_to_key(lambda a, b: (a[-1] > b[-1]) - (a[-1] < b[-1]))


def main(name, x):
    return TABLE[name](x), sorted(["ab", "ba"], key=by_last)
