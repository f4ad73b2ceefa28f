# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false
# (values of any type are what this module is about)

"""Python values as the tagged JSON that `codec.py` reads: graphs of data with their identity.

What no kind is for is taken as `pickle` would take it, by `__reduce_ex__`, but its parts must be data, too.
"""

from __future__ import annotations

import binascii
import enum
import math
import sys
import types
from collections.abc import Callable
from typing import Any

from kubeflow.core.stdlib import json
from kubeflow.packaging.remote.codec import TAG, CodecError, OnlyPickle, load
from kubeflow.packaging.tagged_json.reductions import (
    STATIC,
    base_in_c,
    defines,
    dtype_text,
    home_of,
    is_dataclass_state,
    newobj,
    newobj_ex,
    plain_items,
    reduce,
    refused,
    type_name,
    wants_arguments,
)

ARRAY_LIMIT = 256 * 1024  # bytes of one array: a bundle travels inside a Kubernetes object, data does not
# Beyond, hexadecimal: Python 3.11 refuses to print or parse more than 4,300 decimal digits.
_JSON_INT = 1 << 63
_CODE = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType)


def import_path(target: Any) -> str | None:
    """Return `module:qualname` when `load` finds the class or function under it, else None."""
    path = home_of(target) + ":" + str(getattr(target, "__qualname__", ""))
    try:
        return path if load(path) is target else None
    except (ImportError, AttributeError, KeyError, ValueError):
        return None


class Shared:
    """An encoded object that may be met again. `node` is its JSON; None until there is some."""

    __slots__ = ("node", "number", "uses")

    def __init__(self, number: int) -> None:
        self.node: Any = None
        self.number = number
        self.uses = 1


def written(part: Any) -> Any:
    """Return what a `Shared` stands for where it is used; a `JSONEncoder` with `default=written` calls it."""
    return {TAG: "ref", "n": part.number} if part.uses > 1 else part.node


def plain(parts: Any) -> Any:
    """Return what `Encoder` gave as plain JSON, with what a `Shared` stands for in its place."""
    return json.JSONDecoder().decode(json.JSONEncoder(default=written).encode(parts))


def encode(
    value: Any, refer: Callable[[Any], Any] = import_path, outside: Callable[[Any, str], Any] = lambda value, path: None
) -> Any:
    """Return what `json.dumps` can write and `decode` turns back into an equal value of the same type.

    Args:
        value: The value.
        refer: As for `Encoder`.
        outside: As for `Encoder`.

    Raises:
        CodecError: With the place and the reason.
    """
    encoder = Encoder(refer, outside)
    try:
        encoded = plain(encoder.encode(value))
        table = plain(encoder.shared())
    except RecursionError:
        raise CodecError("", "is nested too deeply", value) from None
    return {TAG: "shared", "t": table, "v": encoded} if table else encoded


class Encoder:
    """Encodes any number of values; what two of them share stays one object.

    `encode` returns JSON with `Shared` inside. `shared` returns the table that `Decoder` needs beside it.
    """

    def __init__(
        self, refer: Callable[[Any], Any] = import_path, outside: Callable[[Any, str], Any] = lambda value, path: None
    ) -> None:
        """Make an encoder for one job.

        Args:
            refer: Returns `module:qualname` or JSON for a class, function or module; None when the job cannot have it.
            outside: Returns JSON for an object that comes from elsewhere, or None to have it encoded. It is given the
                object and its path, and is asked before anything that may hold other values is encoded; bytes may.
        """
        self.refer = refer
        self.outside = outside
        self._known: dict[int, Shared] = {}
        self._made: list[tuple[Any, Shared]] = []  # holds the objects, so that no id is given to another
        self._used: list[Shared] = []
        self._alive: list[Any] = []  # the same for what objects gave as their state

    def shared(self) -> dict[str, Any]:
        """Return the objects that are used more than once, by number."""
        return {str(s.number): s.node for _, s in self._made if s.uses > 1}

    def again(self, value: Any) -> int | None:
        """Return the number in the table of a value that was encoded already, and None for any other."""
        known = self._known.get(id(value))
        if known is None or known.node is None:
            return None
        known.uses += 1
        return known.number

    def encode(self, value: Any) -> Any:
        """Encode one value. A value that is refused leaves no trace.

        Raises:
            CodecError: With the place and the reason.
        """
        made, used = len(self._made), len(self._used)
        try:
            return self._node(value, "")
        except (CodecError, RecursionError) as error:
            for kept, shared in self._made[made:]:
                self._alive.append(kept)
                self._known.pop(id(kept), None)
                shared.uses = 0
            for shared in self._used[used:]:
                shared.uses -= 1
            del self._made[made:], self._used[used:]
            if isinstance(error, CodecError):
                raise
            raise CodecError("", "is nested too deeply", value) from None

    def _node(self, value: Any, path: str) -> Any:
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if getattr(kind, "__sent_as__", None) is str:  # a str that says more to its own side only
            return str(value)
        if kind is int:
            return value if -_JSON_INT < value < _JSON_INT else {TAG: "int", "v": hex(value)}
        if kind is float:
            return value if math.isfinite(value) else {TAG: "float", "v": repr(value)}
        if kind is bytes:
            return self.outside(value, path) or {TAG: "bytes", "v": _text(value)}
        known = self._known.get(id(value))
        if known is not None:
            return self._again(known, kind, value, path)
        found = self.outside(value, path)
        if found is None and isinstance(value, _CODE):
            found = self._code(value, path)
        if found is None and isinstance(value, enum.Enum):
            found = self._enum(value, path)
        if found is not None:
            return found
        shared = Shared(len(self._made))
        self._known[id(value)] = shared
        self._made.append((value, shared))
        self._compound(value, kind, path, shared)
        if kind is tuple:
            del self._known[id(value)]  # which of two equal tuples it is matters to nobody
        return shared

    def _again(self, known: Shared, kind: type, value: Any, path: str) -> Shared:
        used = [known]
        if known.node is None:
            if kind is not tuple:
                raise CodecError(path, "is needed to make itself", value)
            # A tuple inside itself: whoever decodes it meets all that is between a second time.
            used = [shared for _, shared in self._made[known.number :]]
        for shared in used:
            shared.uses += 1
        self._used += used
        return known

    def _compound(self, value: Any, kind: type, path: str, shared: Shared) -> None:
        if kind is list:
            shared.node = []
            shared.node.extend(self._items(value, path))
        elif kind is dict and TAG not in value and all(type(k) is str for k in value):
            shared.node = {}
            shared.node.update((k, self._node(v, _item(path, k))) for k, v in value.items())
        elif kind is dict:
            shared.node = {TAG: "dict"}
            shared.node["v"] = self._pairs(value.items(), path)
        elif kind is tuple:
            shared.node = {TAG: "tuple", "v": self._items(value, path)}
        elif kind is set:
            shared.node = {TAG: "set"}
            shared.node["v"] = self._members(value, path)
        elif kind is frozenset:
            shared.node = {TAG: "frozenset", "v": self._members(value, path)}
        elif _is_numpy(value, kind):
            shared.node = _array(value, path)
        else:
            try:
                self._object(value, kind, path, shared)
            except CodecError as error:
                error.around.append((path, value))
                raise

    def _items(self, values: Any, path: str) -> list[Any]:
        return [self._node(v, path + "[" + str(i) + "]") for i, v in enumerate(values)]

    def _pairs(self, items: Any, path: str) -> list[Any]:
        return [[self._node(k, path + ".keys()"), self._node(v, _item(path, k))] for k, v in items]

    def _fields(self, fields: dict[str, Any], path: str) -> dict[str, Any]:
        encoded: dict[str, Any] = {}
        for name, part in fields.items():
            if not isinstance(name, str):
                raise CodecError(path, "has an attribute that is not named by text", part)
            inner = name == "__dict__" and isinstance(part, dict)  # of pydantic
            encoded[name] = self._fields(part, path) if inner else self._node(part, path + "." + name)
        return encoded

    def _members(self, value: Any, path: str) -> list[Any]:
        # Sorted, because the order of a set changes from process to process and the digest must not.
        return sorted(self._items(value, path), key=_sort_key)

    def _code(self, value: Any, path: str) -> Any:
        for single in (None, ..., NotImplemented):
            if value is type(single):  # Python 3.8 has no name for it
                return {TAG: "call", "c": "builtins:type", "a": [self._node(single, path)]}
        found = self.refer(value)
        if isinstance(found, str):
            return {TAG: "name", "c": found}
        if found is None and not isinstance(getattr(value, "__self__", types), types.ModuleType):
            return None  # `[].append`
        if found is None:
            raise CodecError(path, "is a " + type_name(value) + " that the job cannot import", value)
        return found

    def _class(self, cls: Any, path: str) -> Any:
        found = self.refer(cls)
        if found is None:
            raise CodecError(path, "its class " + cls.__qualname__ + " cannot be imported by the job", cls)
        return found

    def _maker(self, make: Any, path: str) -> Any:
        if isinstance(make, str):
            return make
        if isinstance(make, type):
            return self._class(make, path)
        found = self.refer(make) if isinstance(make, _CODE) else None
        return self._node(make, path) if found is None else found

    def _enum(self, value: enum.Enum, path: str) -> Any:
        cls = type(value)
        node = {TAG: "enum", "c": self._class(cls, path)}
        if cls.__members__.get(str(value.name)) is value:
            node["n"] = value.name
        else:  # combined flags have no name of their own
            node["v"] = self._node(value.value, path)
        return node

    def _object(self, value: Any, kind: type, path: str, shared: Shared) -> None:
        """Take an object apart as `pickle` would."""
        reduced = reduce(value, kind, path)
        self._alive.append(reduced)
        if isinstance(reduced, str):  # the name of a global: torch.float32, Ellipsis
            named = self.refer(value) if hasattr(value, "__qualname__") else _global(value, reduced)
            if named is None:
                raise refused(value, path)
            shared.node = {TAG: "name", "c": named}
            return
        parts: Any = (*reduced, None, None, None)[:5]
        make, args, state, items, pairs = parts
        node: dict[str, Any]
        if make is newobj:
            cls, *args = args
            node = {TAG: "new", "c": self._class(cls, path)}
            base = base_in_c(cls)
            if wants_arguments(cls):
                node["n"] = 1
            elif base is not object:
                node["b"] = base.__module__ + ":" + base.__name__
                args = base.__getnewargs__(value) if hasattr(base, "__getnewargs__") else args
        elif make is newobj_ex:
            cls, args, keywords = args
            node = {TAG: "new", "c": self._class(cls, path), "k": self._fields(keywords, path)}
        else:
            node = {TAG: "call", "c": self._maker(make, path)}
        if isinstance(value, (set, frozenset)) and make is kind:
            node["a"] = [self._members(args[0], path)]
        elif args:
            node["a"] = [self._node(v, path) for v in args]
        shared.node = node
        if items is not None:
            node["l"] = self._items(list.__iter__(value) if isinstance(value, list) else items, path)
        if pairs is not None:
            node["d"] = self._pairs(plain_items(value) if isinstance(value, dict) else pairs, path)
        if state is None:
            return
        if defines(kind, ("__setstate__",), STATIC) and not is_dataclass_state(kind):
            is_plain = type(state) is dict and TAG not in state and all(type(k) is str for k in state)
            node["s"] = self._fields(state, path) if is_plain else self._node(state, path)
            return
        fields: dict[str, Any] = {}
        for part in state if isinstance(state, tuple) else (state,):
            fields.update(part or {})
        node["v"] = self._fields(fields, path)


def _text(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).decode("ascii")


def _item(path: str, key: Any) -> str:
    return path + "[" + repr(key) + "]"


def _sort_key(node: Any) -> str:
    try:
        return json.JSONEncoder(sort_keys=True, default=lambda shared: shared.node).encode(node)
    except (ValueError, RecursionError):  # an object that leads back to itself
        return ""


def _global(value: Any, name: str) -> str | None:
    home = home_of(value)
    found = home != "__main__" and getattr(sys.modules.get(home), name, None) is value
    return home + ":" + name if found else None


# -- numpy ------------------------------------------------------------------------------------------------------


def _is_numpy(value: Any, kind: type) -> bool:
    numpy: Any = sys.modules.get("numpy")
    return hasattr(numpy, "generic") and (kind is numpy.ndarray or isinstance(value, numpy.generic))


def _array(value: Any, path: str) -> Any:
    if value.dtype.hasobject:
        raise OnlyPickle(path, "is an array of dtype " + str(value.dtype) + ", which only pickle can carry", value)
    if value.nbytes > ARRAY_LIMIT:
        size, limit = str(value.nbytes), str(ARRAY_LIMIT)
        raise OnlyPickle(path, "is an array of " + size + " bytes, over the limit of " + limit, value)
    return {
        TAG: "array" if type(value) is sys.modules["numpy"].ndarray else "scalar",
        "d": plain(dtype_text(value.dtype)),
        "s": list(value.shape),
        "v": _text(value.tobytes()),
    }
