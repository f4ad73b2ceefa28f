# run: train()
from functools import singledispatchmethod


class Shower:
    @singledispatchmethod
    def show(self, value):
        return "any"


@Shower.show.register
def _(self, value: int):
    return "int"


def train():
    return Shower().show(1), Shower().show("a")
