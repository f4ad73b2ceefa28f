# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# (values of any type are what this module is about)
"""Calls of Python's own constructors that can be made here to learn what they give, and what they gave compared.

None of them runs code of the user's, opens or starts anything.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import cast

# They hold what they are given, and look into none of it.
_HOLDERS: tuple[object, ...] = (
    staticmethod,
    classmethod,
    property,
    functools.partial,
    functools.partialmethod,
    functools.cached_property,
)
# They may look into what they are given: that must be data of Python's own types.
_MAKERS = frozenset(
    {
        *("builtins.list", "builtins.dict", "builtins.set", "builtins.tuple", "builtins.frozenset"),
        *("builtins.bytearray", "builtins.iter", "builtins.range", "builtins.map", "builtins.zip"),
        *("builtins.enumerate", "builtins.reversed", "collections.deque", "collections.OrderedDict"),
        *("collections.Counter", "collections.defaultdict", "types.SimpleNamespace", "argparse.Namespace"),
        *("random.Random", "array.array", "decimal.Decimal", "fractions.Fraction"),
        *("pathlib.Path", "pathlib.PurePath", "datetime.timedelta", "datetime.date", "datetime.datetime"),
        *(f"itertools.{name}" for name in vars(itertools) if not name.startswith("_")),
    }
)
_CACHES = frozenset({"cache", "lru_cache", "lru_cache.<locals>.decorating_function"})
LRU_CACHE = type(functools.lru_cache(lambda: None))
COMPARED = _MAKERS | {
    *("builtins.list_iterator", "builtins.tuple_iterator", "builtins.str_ascii_iterator", "builtins.range_iterator"),
    *("builtins.dict_keyiterator", "builtins.bytes_iterator", "builtins.list_reverseiterator"),
    *("pathlib.PosixPath", "pathlib.PurePosixPath", "pathlib.WindowsPath", "pathlib.PureWindowsPath"),
}
"""Types of which equal content is as good: nobody else has the very object that such a call gives."""
_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis))
_CODE = (type, FunctionType, BuiltinFunctionType)


def made(function: object, args: Sequence[object], keywords: Mapping[str, object]) -> tuple[object] | None:
    """Return what a call gives, in a tuple; None for a call that is not made here."""
    parts = [*args, *keywords.values()]
    if any(function is holder for holder in _HOLDERS):
        return (cast("Callable[..., object]", function)(*args, **keywords),)
    home, name = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    if home == "functools" and name in _CACHES and all(isinstance(part, FunctionType | int | None) for part in parts):
        return (cast("Callable[..., object]", function)(*args, **keywords),)
    if f"{home}.{name}" not in _MAKERS or not all(map(_is_plain, parts)):
        return None
    if name == "Random" and not parts:
        return None  # it is seeded by the machine
    return (cast("Callable[..., object]", function)(*args, **keywords),)


def _is_plain(value: object) -> bool:
    if isinstance(value, list | tuple | set | frozenset) and type(value) in (list, tuple, set, frozenset):
        return all(map(_is_plain, value))
    if type(value) is dict:
        return all(map(_is_plain, (*value, *value.values())))
    return type(value) in _PLAIN or isinstance(value, _CODE)


def parts_of(value: object) -> Sequence[object] | None:
    """Return what a holder holds; None for any other object."""
    kind = type(value)
    if kind in (staticmethod, classmethod):
        return (cast("MethodType", value).__func__,)
    if kind is property:
        found = cast("property", value)
        return found.fget, found.fset, found.fdel, found.__doc__
    if kind in (functools.partial, functools.partialmethod):
        call = cast("functools.partial[object]", value)
        return call.func, call.args, call.keywords, _extra(value, {"func", "args", "keywords"})
    if kind is LRU_CACHE:
        limits: dict[str, object] = getattr(value, "cache_parameters")()  # noqa: B009
        return getattr(value, "__wrapped__", None), limits["maxsize"], limits["typed"]
    if kind is functools.cached_property:
        return (cast("functools.cached_property[object]", value).func,)
    return None


def _extra(value: object, known: set[str]) -> dict[str, object]:
    return {name: part for name, part in vars(value).items() if name not in known}
