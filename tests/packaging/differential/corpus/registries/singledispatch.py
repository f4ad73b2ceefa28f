# run: describe(values=[1, "a", [1, "b"], None])
from functools import singledispatch


@singledispatch
def show(value):
    return "something"


@show.register
def _(value: int):
    return f"int {value}"


@show.register(str)
def _(value):
    return f"text {value!r}"


@show.register
def _(value: list):
    return [show(item) for item in value]


def describe(values):
    return [show(value) for value in values]
