"""Finite and whole numbers, also as text: `"1e-3"`, and `"10.0"` for ten. Numpy's and `Decimal` count as well."""

from __future__ import annotations

import math
import numbers
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import TypeGuard

from kubeflow.core.display import short
from kubeflow.core.errors import InvalidInput


def number(field: str, value: object) -> float:
    """Return a finite number as a float; its text counts as well, and `True` does not.

    Raises:
        InvalidInput: Naming `field`.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real | Decimal | str):
        raise InvalidInput(f"{field} must be a number, not {short(value)}.")
    try:
        read = float(value)
    except OverflowError:
        raise InvalidInput(f"{field} must be a number that a float can be, not {short(value)}.") from None
    except ValueError:
        raise InvalidInput(f"{field} must be a number, not {short(value)}.") from None
    if not math.isfinite(read):
        raise InvalidInput(f"{field} must be a finite number, not {value!r}.")
    return read


def whole(field: str, value: object) -> int:
    """Return a whole number, also one that is written as a float; `True` is none.

    Raises:
        InvalidInput: Naming `field`.
    """
    if type(value) is not bool and isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass  # it may be written as a float
    read = number(field, value)
    if not read.is_integer():
        raise InvalidInput(f"{field} must be a whole number, not {value!r}.")
    return int(read)


def is_number(value: object) -> TypeGuard[float]:
    """Return True for an int or a float, NaN and infinity included; `True` is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def builtin_number(value: object) -> object:
    """Return a number of numpy, or a `Decimal`, as the int or float that it is; anything else as it is."""
    if type(value) in (bool, int, float):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value) if isinstance(value, numbers.Real | Decimal) else value


def take_builtin_numbers(settings: object) -> None:
    """Make the numbers in the fields of a new frozen dataclass those of Python, which every engine can write."""
    assert is_dataclass(settings)
    for field in fields(settings):
        given: object = getattr(settings, field.name)
        object.__setattr__(settings, field.name, builtin_number(given))
