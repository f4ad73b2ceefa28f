# run: partial(main, 1)(c=3, extra=4)
from functools import partial


def main(a, /, *rest, b=2, c, **more) -> tuple:
    return a, rest, b, c, more
