# Must run on Python 3.8.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false
# (values of any type are what this module is about)

"""Python values as tagged JSON and back. Data only: never code, never a pickle.

What JSON can say exactly stays plain JSON. Everything else is an object with the key "$" that names its kind.
"""

from __future__ import annotations

import base64
import binascii
import enum
import math
import re
import sys
from collections import OrderedDict, deque

TYPE_CHECKING = False  # `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Refer = Callable[[type], str | None]
    Resolve = Callable[[str], Any]

TAG = "$"
ARRAY_LIMIT = 256 * 1024  # bytes of one array: a bundle travels inside a Kubernetes object, data does not
# Beyond, hexadecimal: Python 3.11 refuses to print or parse more than 4,300 decimal digits.
_JSON_INT = 1 << 63


class CodecError(ValueError):
    """A value that has no codec. `path` says where it is, for example `["model"].layers[2]`."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path + ": " + reason if path else reason)
        self.path = path
        self.reason = reason


def import_path(cls: type) -> str:
    """Return `module:qualname`, the name under which `load` finds the class again."""
    return cls.__module__ + ":" + cls.__qualname__


def load(path: str) -> Any:
    """Import what `import_path` named."""
    module, _, qualname = path.partition(":")
    __import__(module)
    found: Any = sys.modules[module]
    for part in qualname.split("."):
        found = getattr(found, part)
    return found


def is_data(value: Any) -> bool:
    """Say whether a value is of a kind that `encode` takes by its fields, also when it can be called."""
    kind = type(value)
    return hasattr(kind, "__dataclass_fields__") or hasattr(kind, "__pydantic_validator__")


def encode(value: Any, refer: Refer = import_path) -> Any:
    """Return what `json.dumps` can write and `decode` turns back into an equal value of the same type.

    Args:
        value: The value.
        refer: Names a class as `module:qualname` so that the job can import it, or returns None when it
            cannot.

    Raises:
        CodecError: With the place and the reason.
    """
    try:
        return _Encoder(refer).encode(value, "")
    except RecursionError:
        raise CodecError("", "is nested too deeply") from None


class _Encoder:
    def __init__(self, refer: Refer) -> None:
        self.refer = refer
        self.open: set[int] = set()  # containers around the current value: meeting one again is a cycle

    def encode(self, value: Any, path: str) -> Any:
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is str:
            return value
        if getattr(kind, "__sent_as__", None) is str:  # a str that says more to its own side only
            return str(value)
        if kind is int:
            return value if -_JSON_INT < value < _JSON_INT else {TAG: "int", "v": hex(value)}
        if kind is float:
            return value if math.isfinite(value) else {TAG: "float", "v": repr(value)}
        if id(value) in self.open:
            raise CodecError(path, "refers to itself")
        self.open.add(id(value))
        try:
            return self._compound(value, kind, path)
        finally:
            self.open.discard(id(value))

    def _compound(self, value: Any, kind: type, path: str) -> Any:
        if kind is list:
            return self._items(value, path)
        if kind is dict:
            return self._mapping(value, path)
        if kind in _SEQUENCES:
            return {TAG: _SEQUENCES[kind], "v": self._items(value, path)}
        if kind in (set, frozenset):
            # Sorted, because the order of a set changes from process to process and the digest must not.
            return {TAG: kind.__name__, "v": sorted(self._items(value, path), key=_sort_key)}
        if kind is OrderedDict:
            return {TAG: "OrderedDict", "v": self._pairs(value, path)}
        if kind in _SIMPLE:
            return {TAG: _SIMPLE[kind][0], "v": _SIMPLE[kind][1](value)}
        if kind.__module__.startswith("pydantic") and kind.__name__.startswith("Secret"):
            raise CodecError(path, SECRET)
        if isinstance(value, enum.Enum):
            return self._enum(value, path)
        name = kind.__module__ + "." + kind.__qualname__
        if name in _NAMED:
            return {TAG: _NAMED[name][0], "v": _NAMED[name][1](value)}
        if kind.__module__.partition(".")[0] == "pathlib" and kind.__name__ in _PATHS:
            return _path(value, kind)
        if isinstance(value, re.Pattern):
            return {TAG: "pattern", "v": self.encode(value.pattern, path), "flags": int(value.flags)}
        if name in ("datetime.datetime", "datetime.time"):
            return _time(value, path)
        if isinstance(value, type):
            return {TAG: "class", "c": self._class(value, path)}
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            return {TAG: "namedtuple", "c": self._class(kind, path), "v": self._items(value, path)}
        if hasattr(kind, "__dataclass_fields__") and not hasattr(value, "__pydantic_fields_set__"):
            return {TAG: "dataclass", "c": self._class(kind, path), "v": self._state(value, path)}
        if hasattr(kind, "__pydantic_validator__") and hasattr(value, "__getstate__"):
            return self._pydantic(value, kind, path)
        if kind.__module__ == "numpy" or kind.__module__.startswith("numpy."):
            return _numpy(value, path)
        raise CodecError(path, _no_codec(value, kind))

    def _items(self, values: Any, path: str) -> list[Any]:
        return [self.encode(v, path + "[" + str(i) + "]") for i, v in enumerate(values)]

    def _pairs(self, value: Any, path: str) -> list[Any]:
        return [[self.encode(k, path + ".keys()"), self.encode(v, _item(path, k))] for k, v in value.items()]

    def _mapping(self, value: dict[Any, Any], path: str) -> Any:
        if all(type(k) is str for k in value) and TAG not in value:
            return {k: self.encode(v, _item(path, k)) for k, v in value.items()}
        return {TAG: "dict", "v": self._pairs(value, path)}

    def _class(self, cls: type, path: str) -> str:
        name = self.refer(cls)
        if name is None:
            raise CodecError(
                path,
                "its class " + cls.__qualname__ + " cannot be imported by the job: define it at module level",
            )
        return name

    def _enum(self, value: enum.Enum, path: str) -> Any:
        cls = type(value)
        encoded = {TAG: "enum", "c": self._class(cls, path)}
        if cls.__members__.get(str(value.name)) is value:
            encoded["n"] = value.name
        else:  # combined flags have no name of their own
            encoded["v"] = self.encode(value.value, path + ".value")
        return encoded

    def _state(self, value: Any, path: str) -> dict[str, Any]:
        names = list(type(value).__dataclass_fields__)
        names += [n for n in getattr(value, "__dict__", {}) if n not in names]
        missing = object()
        state = {}
        for name in names:
            part = getattr(value, name, missing)
            if part is not missing and name not in _pseudo_fields(type(value)):
                state[name] = self.encode(part, path + "." + name)
        return state

    def _pydantic(self, value: Any, kind: type, path: str) -> Any:
        state = value.__getstate__() if hasattr(value, "__pydantic_fields_set__") else {"__dict__": value.__dict__}
        encoded = {}
        for name, part in state.items():
            where = path if name == "__dict__" else path + "." + name
            encoded[name] = (
                {k: self.encode(v, where + "." + k) for k, v in part.items()}
                if isinstance(part, dict)
                else self.encode(part, where)
            )
        return {TAG: "pydantic", "c": self._class(kind, path), "v": encoded}


SECRET = (
    "is a secret, and everyone who may read the job could read it: give the job a reference to a Kubernetes "
    "Secret as an environment variable, and read the variable inside the function"
)
_SEQUENCES = {tuple: "tuple", deque: "deque"}
_SIMPLE: dict[type, tuple[str, Callable[[Any], Any]]] = {
    bytes: ("bytes", lambda v: base64.b64encode(v).decode("ascii")),
    bytearray: ("bytearray", lambda v: base64.b64encode(v).decode("ascii")),
    complex: ("complex", lambda v: [repr(v.real), repr(v.imag)]),
    range: ("range", lambda v: [v.start, v.stop, v.step]),
}
# By name, not by class: a job that has no such value need not load the module, and start-up time counts.
_NAMED: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "decimal.Decimal": ("decimal", str),
    "uuid.UUID": ("uuid", str),
    "datetime.date": ("date", lambda v: v.isoformat()),
    "datetime.timedelta": ("timedelta", lambda v: [v.days, v.seconds, v.microseconds]),
}
_PATHS = {
    "PosixPath": "Path",
    "WindowsPath": "Path",
    "PurePosixPath": "PurePosixPath",
    "PureWindowsPath": "PureWindowsPath",
}


def _item(path: str, key: Any) -> str:
    return path + "[" + repr(key) + "]"


def _sort_key(encoded: Any) -> str:
    import json

    return json.dumps(encoded, sort_keys=True)


def _pseudo_fields(cls: type) -> list[str]:
    fields = getattr(cls, "__dataclass_fields__", {})
    return [name for name, field in fields.items() if field._field_type.name != "_FIELD"]


def _path(value: Any, kind: type) -> Any:
    name = _PATHS[kind.__name__]
    return {TAG: "path", "k": name, "v": value.as_posix() if name == "Path" else str(value)}


def _time(value: Any, path: str) -> Any:
    import datetime

    zone = value.tzinfo
    key = getattr(zone, "key", None) if type(zone).__module__.partition(".")[0] == "zoneinfo" else None
    if zone is not None and type(zone) is not datetime.timezone and key is None:
        raise CodecError(path, "has a time zone of type " + type(zone).__qualname__ + ": use zoneinfo.ZoneInfo")
    encoded = {
        TAG: type(value).__name__,
        "v": (value if key is None else value.replace(tzinfo=None)).isoformat(),
    }
    if value.fold:
        encoded["fold"] = 1
    if key is not None:
        encoded["zone"] = key
    return encoded


def _numpy(value: Any, path: str) -> Any:
    numpy = sys.modules["numpy"]
    scalar = isinstance(value, numpy.generic)
    if not scalar and type(value) is not numpy.ndarray:
        raise CodecError(path, _no_codec(value, type(value)))
    if value.dtype.kind not in "biufcSUmM":
        raise CodecError(path, "its dtype " + str(value.dtype) + " has no codec: use numbers, text or datetimes")
    if value.nbytes > ARRAY_LIMIT:
        size, limit = str(value.nbytes), str(ARRAY_LIMIT)
        raise CodecError(
            path,
            "is an array of "
            + size
            + " bytes, over the limit of "
            + limit
            + ": put it in a volume or an object store and pass its path",
        )
    encoded = base64.b64encode(value.tobytes()).decode("ascii")
    return {TAG: "scalar" if scalar else "array", "d": value.dtype.str, "s": list(value.shape), "v": encoded}


def _no_codec(value: Any, kind: type) -> str:
    name = kind.__qualname__ if kind.__module__ == "builtins" else kind.__module__ + "." + kind.__qualname__
    for base in (bool, int, float, str, bytes, list, tuple, dict, set):
        if isinstance(value, base):
            return "is a " + name + ", a subclass of " + base.__name__ + ": convert it to a plain " + base.__name__
    if callable(value):
        return "is a " + name + ", and code is not an argument: use it inside the function instead"
    return "is a " + name + ", which has no codec: make it a dataclass, or create it inside the function"


def decode(value: Any, resolve: Resolve = load) -> Any:
    """Turn what `encode` wrote back into the value.

    Args:
        value: Parsed JSON.
        resolve: Finds a class by `module:qualname`. The default imports it.

    Raises:
        CodecError: When it was written by something else, or by a newer SDK.
    """
    if isinstance(value, list):
        return [decode(v, resolve) for v in value]
    if not isinstance(value, dict):
        return value
    tag = value.get(TAG)
    if tag is None:
        return {k: decode(v, resolve) for k, v in value.items()}
    try:
        return _DECODERS[tag](value, resolve)
    except (KeyError, TypeError, binascii.Error) as error:
        raise CodecError("", "not a value of this SDK's codec: " + repr(tag)) from error


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _sequence(make: Callable[[Any], Any]) -> Callable[[dict[str, Any], Resolve], Any]:
    return lambda value, resolve: make([decode(v, resolve) for v in value["v"]])


def _pairs(make: Callable[[Any], Any]) -> Callable[[dict[str, Any], Resolve], Any]:
    return lambda value, resolve: make([(decode(k, resolve), decode(v, resolve)) for k, v in value["v"]])


def _plain(make: Callable[[Any], Any]) -> Callable[[dict[str, Any], Resolve], Any]:
    return lambda value, resolve: make(value["v"])


def _decode_enum(value: dict[str, Any], resolve: Resolve) -> Any:
    cls = resolve(value["c"])
    return cls[value["n"]] if "n" in value else cls(decode(value["v"], resolve))


def _decode_dataclass(value: dict[str, Any], resolve: Resolve) -> Any:
    cls = resolve(value["c"])
    made = object.__new__(cls)
    for name, part in value["v"].items():  # without __init__: the fields arrive as they were, also when frozen
        object.__setattr__(made, name, decode(part, resolve))
    return made


def _decode_pydantic(value: dict[str, Any], resolve: Resolve) -> Any:
    cls = resolve(value["c"])
    state = {name: decode(part, resolve) for name, part in value["v"].items()}
    made = cls.__new__(cls)
    if hasattr(cls, "__setstate__"):
        made.__setstate__(state)
    else:
        made.__dict__.update(state["__dict__"])
    return made


def _decode_time(value: dict[str, Any], resolve: Resolve) -> Any:
    made = load("datetime:" + value[TAG]).fromisoformat(value["v"])
    if "zone" in value:
        import zoneinfo

        made = made.replace(tzinfo=zoneinfo.ZoneInfo(value["zone"]))
    return made.replace(fold=value.get("fold", 0))


def _decode_array(value: dict[str, Any], resolve: Resolve) -> Any:
    import numpy

    raw = bytearray(_bytes(value["v"]))
    array = numpy.ndarray(tuple(value["s"]), numpy.dtype(value["d"]), buffer=raw).copy()
    return array if value[TAG] == "array" else array[()]


_DECODERS: dict[str, Callable[[dict[str, Any], Resolve], Any]] = {
    "int": _plain(lambda v: int(v, 16)),
    "float": _plain(float),
    "tuple": _sequence(tuple),
    "set": _sequence(set),
    "frozenset": _sequence(frozenset),
    "deque": _sequence(deque),
    "dict": _pairs(dict),
    "OrderedDict": _pairs(OrderedDict),
    "bytes": _plain(_bytes),
    "bytearray": _plain(lambda v: bytearray(_bytes(v))),
    "complex": _plain(lambda v: complex(float(v[0]), float(v[1]))),
    "decimal": _plain(lambda v: load("decimal:Decimal")(v)),  # noqa: PLW0108  (loaded when it is called)
    "uuid": _plain(lambda v: load("uuid:UUID")(v)),  # noqa: PLW0108  (the same)
    "range": _plain(lambda v: range(*v)),
    "date": _plain(lambda v: load("datetime:date").fromisoformat(v)),
    "datetime": _decode_time,
    "time": _decode_time,
    "timedelta": _plain(lambda v: load("datetime:timedelta")(*v)),
    "path": lambda value, resolve: load("pathlib:" + value["k"])(value["v"]),
    "pattern": lambda value, resolve: re.compile(decode(value["v"], resolve), value["flags"]),
    "enum": _decode_enum,
    "class": lambda value, resolve: resolve(value["c"]),
    "namedtuple": lambda value, resolve: resolve(value["c"])(*[decode(v, resolve) for v in value["v"]]),
    "dataclass": _decode_dataclass,
    "pydantic": _decode_pydantic,
    "array": _decode_array,
    "scalar": _decode_array,
}
