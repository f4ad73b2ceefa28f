# mypy: ignore-errors
from .deep.core import BASE


def scale(x):
    return x * BASE
