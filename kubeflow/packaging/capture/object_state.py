# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# (values of any type are what this module is about)
"""What an object consists of besides its class: builtin content, attributes, slots; and what of it can change."""

from __future__ import annotations

import enum
import sys
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator
from types import MemberDescriptorType
from typing import cast

from kubeflow.packaging.capture.static_values import is_atom
from kubeflow.packaging.source.definitions import is_of_user
from kubeflow.packaging.tagged_json.encoder import encode
from kubeflow.packaging.tagged_json.reductions import PICKLE_HOOKS

Way = tuple[tuple[str, object], ...]
"""How to get from a value to a part of it: by items, attributes and entries of `__dict__`."""
MUTABLE = (list, dict, set, deque, OrderedDict, defaultdict, bytearray)
_BASES = (dict, list, set, frozenset, tuple, str, int, float, bytes, deque, OrderedDict, defaultdict,
          types.SimpleNamespace, BaseException, object)  # fmt: skip
_HEAP_TYPE, _IMMUTABLE_TYPE = 1 << 9, 1 << 8  # Include/object.h: Py_TPFLAGS_HEAPTYPE, Py_TPFLAGS_IMMUTABLETYPE
_MODULES_OF_VALUES = frozenset({"decimal", "uuid", "datetime", "pathlib", "re", "fractions", "zoneinfo", "_decimal"})


def is_python_class(cls: type) -> bool:
    """Say whether a class statement made a class: then all the state of its own is attributes."""
    own = vars(cls).keys() & {"__slots__", "__dict__", "__weakref__"}
    flags = cls.__flags__
    if not flags & _HEAP_TYPE or flags & _IMMUTABLE_TYPE or "__module__" not in vars(cls):
        return False
    if type(cls) is not type and not is_python_class(type(cls)):
        return False
    if issubclass(cls, type):
        return str(getattr(sys.modules.get(cls.__module__), "__file__", "cell.py")).endswith(".py")
    return bool(own) or any(is_python_class(base) for base in cls.__bases__)


def base_of(cls: type) -> type | None:
    """Return the builtin type that holds what is no attribute, or None for a type whose state cannot be read."""
    for part in cls.__mro__:
        if part in _BASES:
            return part
        if issubclass(part, BaseException) and part.__module__ == "builtins":
            return part if not issubclass(part, OSError | SyntaxError | UnicodeError | ImportError) else None
        if not is_python_class(part):
            return None
    return None


def gives_state(cls: type) -> bool:
    """Say whether a class of the user's says by itself what its state is, as `pickle` asks for it."""
    return any(
        isinstance(hook, types.FunctionType) and is_of_user(hook)
        for base in cls.__mro__
        for hook in map(vars(base).get, PICKLE_HOOKS)
    )


def has_readable_state(value: object) -> bool:
    """Say whether an object can be sent by its attributes."""
    return base_of(type(value)) is not None and is_python_class(type(value))


def namespace_of(value: object) -> dict[str, object] | None:
    """Return the very dictionary of an object's attributes; None for one without."""
    try:
        return cast("dict[str, object]", object.__getattribute__(value, "__dict__"))
    except AttributeError:
        return None


def state_of(value: object) -> tuple[dict[str, object], dict[str, object]]:
    """Return the attributes of an object: of its `__dict__`, and of slots."""
    attributes = dict(namespace_of(value) or {})
    slots: dict[str, object] = {}
    for part in type(value).__mro__:
        for name, descriptor in vars(part).items():
            if isinstance(descriptor, MemberDescriptorType) and is_python_class(part) and name not in slots:
                try:
                    slots[name] = descriptor.__get__(value)
                except AttributeError:
                    continue
    return attributes, slots


def mutable_parts(value: object) -> Iterator[tuple[object, Way | None]]:
    """Yield what has an identity inside of data, itself first, with the way to it; None where there is no way."""
    pending: list[tuple[object, Way | None]] = [(value, ())]
    seen: set[int] = set()
    while pending:
        part, place = pending.pop()
        if not (is_atom(part) or type(part) in (tuple, frozenset) or _is_value(part)):
            yield part, place
            if id(part) in seen:
                continue
            seen.add(id(part))
        for item, way in _inside(part):
            if not is_atom(item):
                pending.append((item, None if place is None or way is None else (*place, *way)))


def _inside(part: object) -> Iterator[tuple[object, Way | None]]:
    """Yield what data holds, with the way to it."""
    kind = type(part)
    if kind in (list, tuple, deque):
        for i, item in enumerate(cast("Iterable[object]", part)):
            yield item, (("item", i),)
    elif kind in (set, frozenset):
        for item in cast("Iterable[object]", part):
            yield item, None
    elif kind in (dict, OrderedDict, defaultdict):
        for key, item in cast("dict[object, object]", part).items():
            yield key, None
            yield item, (("item", encode(key)),) if is_atom(key) else None
    elif isinstance(part, types.SimpleNamespace | BaseException):
        for name, item in state_of(part)[0].items():
            yield item, (("vars", name),)
        for i, item in enumerate(part.args if isinstance(part, BaseException) else ()):
            yield item, (("attr", "args"), ("item", i))


def is_long(value: object) -> bool:
    """Say whether JSON of other programs would round a number."""
    return isinstance(value, int) and value.bit_length() > 62


def _is_value(value: object) -> bool:
    """Say whether nobody can tell an object from an equal one: then it needs no identity."""
    if isinstance(value, enum.Enum | range | slice | type):
        return True
    name = type(value).__module__.partition(".")[0]
    return name in _MODULES_OF_VALUES or (name == "numpy" and hasattr(value, "dtype") and not hasattr(value, "resize"))


def ordered(value: object) -> list[object]:
    """Return the items of a sequence or set; those of a set in an order that is the same in every process."""
    base = next(b for b in (list, tuple, deque, set, frozenset) if isinstance(value, b))
    items = list(cast("Iterable[object]", base.__iter__(value)))  # type: ignore[arg-type]  # (of that base)
    return in_fixed_order(items) if base in (set, frozenset) else items


def in_fixed_order(items: Iterable[object]) -> list[object]:
    """Return the members of a set in an order that is the same in every process."""
    return sorted(items, key=_sort_key)


def _sort_key(value: object) -> str:
    if is_atom(value):
        return f"{type(value).__name__} {value!r}"
    name = getattr(value, "__qualname__", "") if isinstance(value, type | types.FunctionType) else ""
    code = getattr(value, "__code__", None)
    return f"{type(value).__qualname__} {name} {getattr(code, 'co_firstlineno', 0):09}"


def own_name(value: object) -> object:
    """Return the `__name__` of something callable; None for what has none of its own."""
    return getattr(value, "__name__", None) if callable(value) and has_own_names(value) else None


def has_own_names(value: object) -> bool:
    """Say whether `__name__` and its kin are those of the value: an object may have been given them by a decorator."""
    if isinstance(value, type | types.FunctionType) or not is_python_class(type(value)):
        return True
    return "__qualname__" in state_of(value)[0]
