# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# (numpy is no dependency, so its arrays are values of any type here)
"""Objects that show the content of another one: a change of that one is seen through them."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class View:
    """How to make a view again: the import path of what makes it, and its arguments. One is the other object."""

    maker: str
    args: tuple[object, ...]


def view_of(value: object, has: Callable[[object], bool]) -> View | None:
    """Return how `value` is made of the object whose content it shows; None when it is no view.

    Args:
        value: A read-only view of a dict, or a numpy array.
        has: Says whether the job has an object anyway. The array that a slice is of may be much larger than the slice,
            so it is not sent for its sake alone.
    """
    if isinstance(value, MappingProxyType):
        return View("types:MappingProxyType", tuple(gc.get_referents(value)))
    if type(value) is not getattr(sys.modules.get("numpy"), "ndarray", None):
        return None
    array = cast("Any", value)
    flags: Any = getattr(array.base, "flags", None)  # only arrays have them
    if flags is None or not flags.c_contiguous or not has(array.base):
        return None
    offset = array.__array_interface__["data"][0] - array.base.__array_interface__["data"][0]
    return View("numpy:ndarray", (array.shape, array.dtype, array.base, offset, array.strides))
