# run: main(op=Op.ADD, a=2, b=3)
# %%
from enum import Enum


class Op(Enum):
    ADD = "+"
    SUB = "-"


def add(a, b):
    return a + b


TABLE = {Op.ADD: add, Op.SUB: lambda a, b: a - b}


# %%
def main(op, a, b):
    return TABLE[op](a, b), TABLE[Op.SUB](a, b)
