"""Functions without annotations, and an Enum of theirs, which are tuned."""

from enum import Enum


class Flavour(Enum):
    SWEET = "sweet"
    SOUR = "sour"


def taste(lr, size, flag, flavour, rest=None, **others):  # type: ignore[no-untyped-def]  # that is the case
    return [[type(value).__name__, value] for value in (lr, size, flag, flavour, rest, *others.values())]
