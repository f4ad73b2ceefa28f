"""A function whose arguments a tuner fills in, one of each type that text can become."""

import enum
from typing import Literal


class Mode(enum.Enum):
    """An enumeration, given by name or by value."""

    FAST = "f"


def tunable(a: int, b: float | None, c: Literal["x", 3], d: Mode, e: "bool", f: str = "s") -> object:
    """Say what came."""
    return [a, b, c, d.value, e, f]
