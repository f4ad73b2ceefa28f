# run: pipeline(x=3)
from functools import reduce


def compose(*functions):
    return reduce(lambda f, g: lambda x: g(f(x)), functions)


inner = compose(lambda x: x + 1, lambda x: x * 2, str)


def pipeline(x):
    return inner(x)
