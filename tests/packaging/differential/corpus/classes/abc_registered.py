# run: main()
# %%
from abc import ABC


class Sized2(ABC):
    pass


class Pair:
    pass


# %%
Sized2.register(Pair)
Sized2.register(tuple)


# %%
def main():
    return isinstance(Pair(), Sized2), isinstance((), Sized2), isinstance([], Sized2)
