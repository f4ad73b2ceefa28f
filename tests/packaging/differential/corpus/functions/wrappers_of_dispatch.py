# run: main()
# %%
import functools


@functools.singledispatch
def kind(x):
    return "any"


@kind.register(int)
def _(x):
    return "int"


class Counted:
    def __init__(self, f):
        functools.update_wrapper(self, f)
        self.f = f

    def __call__(self, *args):
        return self.f(*args)


COUNTED = Counted(kind)


def own(f):
    @functools.wraps(f)
    def inner(*args):
        return f(*args), "own"

    return inner


LOUD = own(kind)
LOUD2 = functools.wraps(kind)(lambda *a: kind(*a))
REG = kind.registry


# %%
def main():
    return sorted(c.__name__ for c in LOUD.registry), COUNTED(1), sorted(c.__name__ for c in COUNTED.registry), LOUD2.registry[int](1), len(REG)
