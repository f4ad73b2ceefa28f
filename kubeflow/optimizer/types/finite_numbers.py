"""Finite and whole numbers, also as text: `"1e-3"`, and `"10.0"` for ten."""

from __future__ import annotations

import math

from kubeflow.core.display import short
from kubeflow.core.errors import InvalidInput


def number(field: str, value: object) -> float:
    """Return a finite number; its text counts as well, and `True` does not.

    Raises:
        InvalidInput: Naming `field`.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InvalidInput(f"{field} must be a number, not {short(value)}.")
    try:
        read = float(value)
    except (ValueError, OverflowError):
        raise InvalidInput(f"{field} must be a number, not {short(value)}.") from None
    if not math.isfinite(read):
        raise InvalidInput(f"{field} must be a finite number, not {value!r}.")
    return read


def whole(field: str, value: object) -> int:
    """Return a whole number, also one that is written as a float; `True` is none.

    Raises:
        InvalidInput: Naming `field`.
    """
    if type(value) is int:
        return value
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass  # it may be written as a float
    read = number(field, value)
    if not read.is_integer():
        raise InvalidInput(f"{field} must be a whole number, not {value!r}.")
    return int(read)
