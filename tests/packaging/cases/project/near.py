# mypy: ignore-errors
"""A module beside the script."""

from parts import scale

RATE = 3


def tripled(x):
    return scale(x) * RATE
