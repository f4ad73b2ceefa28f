# run: main()
# %%
from functools import singledispatch


@singledispatch
def size(value):
    return 1


# %%
@size.register(str)
def _(value):
    return len(value)


class Box:
    items = (1, 2)


# %%
@size.register
def size_of_box(value: Box):
    return sum(value.items)


# %%
def main():
    return size(3.0), size("abc"), size(Box())
