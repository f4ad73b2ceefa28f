# run: main()
# %%
import functools


def own(f):
    @functools.wraps(f)
    def inner(*args):
        return f(*args), "own"

    return inner


@functools.singledispatch
def kind(x):
    return "any"


@kind.register(int)
def _(x):
    return "int"


LOUD = own(kind)


@own
@functools.singledispatch
def shape(x):
    return "any"


@shape.register(str)
def _(x):
    return "str"


# %%
def main():
    found = [sorted(c.__name__ for c in f.registry) for f in (LOUD, shape, kind)]
    return found, LOUD(1), shape("a"), shape(1), LOUD.registry is kind.registry, shape.dispatch(str)("x"), LOUD.dispatch(int)(1)
