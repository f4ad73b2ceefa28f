# run: main()
import operator
from operator import attrgetter, itemgetter, methodcaller

OPS = {"+": operator.add, "*": operator.mul, "max": max}
second = itemgetter(1)
real = attrgetter("real")
upper = methodcaller("upper")


def main():
    return OPS["+"](1, 2), OPS["*"](3, 4), OPS["max"](1, 5), second("ab"), real(3j), upper("x")
