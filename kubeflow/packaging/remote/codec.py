# Must run on Python 3.8.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false, reportPrivateUsage=false, reportAttributeAccessIssue=false
# (values of any type are what this module is about)

"""Tagged JSON as Python values: what `tagged_json/encoder.py` wrote. Never a pickle.

What JSON can say exactly is plain JSON. Everything else is an object with the key "$" that names its kind.
"""

from __future__ import annotations

import base64
import binascii
import sys
import types

from . import uses

TYPE_CHECKING = False  # `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

TAG = "$"
_DESCRIPTORS = (types.MemberDescriptorType, types.GetSetDescriptorType)


class CodecError(ValueError):
    """A value that has no codec. `path` says where it is, for example `["model"].layers[2]`; `value` is it.

    `around` are the objects that it is part of, with their paths, from the inside out.
    """

    def __init__(self, path: str, reason: str, value: Any = None) -> None:
        super().__init__(path + ": " + reason if path else reason)
        if uses.ENCODING:
            self.path = path
            self.reason = reason
            self.value = value
            self.around: list[Any] = []


class OnlyPickle(CodecError):
    """A value that is no data, but that `pickle` may carry to the same Python with the same libraries."""


def load(path: str) -> Any:
    """Import what `module:qualname` names."""
    module, _, qualname = path.partition(":")
    __import__(module)
    found: Any = sys.modules[module]
    for part in qualname.split("."):
        found = getattr(found, part)
    return found


def decode(value: Any, resolve: Callable[[str], Any] = load) -> Any:
    """Turn what `encode` wrote back into the value; see `Decoder`."""
    return Decoder(load=resolve).decode(value)


class Decoder:
    """Decodes any number of values; what they share stays one object.

    Raises:
        CodecError: When a value was written by something else, or by a newer SDK.
    """

    kinds: dict[Any, Callable[[Any, dict[str, Any], int], Any]]

    def __init__(self, table: dict[str, Any] | None = None, load: Callable[[str], Any] = load) -> None:
        """`table` is what `Encoder.shared` returned; `load` finds what `module:qualname` names."""
        self.table = table or {}
        self.load = load
        self._made: dict[int, Any] = {}

    def decode(self, node: Any, number: int = -1) -> Any:
        """Decode one value; `number` is the one under which other values refer to it."""
        if not isinstance(node, (list, dict)):
            return node
        made: Any
        if isinstance(node, list):
            made = self._keep(number, [])
            for part in node:
                made.append(self.decode(part))
            return made
        if TAG not in node:
            made = self._keep(number, {})
            for key, part in node.items():
                made[key] = self.decode(part)
            return made
        try:
            return self.kinds[node[TAG]](self, node, number)
        except (KeyError, TypeError, IndexError, binascii.Error) as error:
            raise CodecError("", "not a value of this SDK's codec: " + repr(node[TAG])) from error

    def _keep(self, number: int, made: Any) -> Any:
        """Let other values refer to one by its number, which is negative where none does."""
        if uses.SHARED and number >= 0:
            return self._made.setdefault(number, made)  # a tuple inside itself has been made meanwhile
        return made

    def _all(self, parts: Any) -> list[Any]:
        return [self.decode(part) for part in parts]

    def _ref(self, node: dict[str, Any], number: int) -> Any:
        given: int = node["n"]
        return self._made[given] if given in self._made else self.decode(self.table[str(given)], given)

    def _set(self, node: dict[str, Any], number: int) -> Any:
        made = self._keep(number, set())
        made.update(self._all(node["v"]))
        return made

    def _dict(self, node: dict[str, Any], number: int) -> Any:
        made = self._keep(number, {})
        for key, part in node["v"]:
            decoded = self.decode(key)
            made[decoded] = self.decode(part)
        return made

    def _named(self, name: Any) -> Any:
        """Return what `Encoder.refer` named."""
        return self.load(name) if isinstance(name, str) else self.decode(name)

    def _enum(self, node: dict[str, Any], number: int) -> Any:
        cls = self._named(node["c"])
        return cls[node["n"]] if "n" in node else cls(self.decode(node["v"]))

    def _make(self, node: dict[str, Any], number: int) -> Any:
        """Make an object of any class."""
        cls = self._named(node["c"])
        args = self._all(node.get("a", ()))
        try:
            if node[TAG] == "call":
                made = cls(*args)
            elif "k" in node or "n" in node:
                made = cls.__new__(cls, *args, **self.decode(node.get("k", {})))
            else:
                made = self.load(node["b"]).__new__(cls, *args) if "b" in node else object.__new__(cls)
            made = self._keep(number, made)
            self._fill(made, node)
        except CodecError:
            raise
        except Exception as error:
            what = getattr(cls, "__qualname__", "object")
            raise CodecError(
                "", "a " + what + " cannot be made: " + type(error).__name__ + ": " + str(error)
            ) from error
        return made

    def _fill(self, made: Any, node: dict[str, Any]) -> None:
        for part in node.get("l", ()):
            (list if isinstance(made, list) else type(made)).append(made, self.decode(part))
        for key, part in node.get("d", ()):
            # As it was, whatever the class does with new entries.
            kind: Any = next((c for c in type(made).__mro__ if c.__module__ in ("builtins", "collections")), type(made))
            kind.__setitem__(made, self.decode(key), self.decode(part))
        if "s" in node:
            made.__setstate__(self.decode(node["s"]))
        fields = getattr(made, "__dict__", None)
        for name, part in node.get("v", {}).items():
            if fields is None or isinstance(getattr(type(made), name, None), _DESCRIPTORS):
                object.__setattr__(made, name, self.decode(part))
            else:
                fields[name] = self.decode(part)

    def _array(self, node: dict[str, Any], number: int) -> Any:
        import numpy

        dtype = node["d"] if isinstance(node["d"], str) else [tuple(map(_tuple, field)) for field in node["d"]]
        raw = bytearray(base64.b64decode(node["v"], validate=True))
        array = numpy.ndarray(tuple(node["s"]), numpy.dtype(dtype), buffer=raw).copy()
        return self._keep(number, array if node[TAG] == "array" else array[()])

    def _pickled(self, node: dict[str, Any], number: int) -> Any:
        from . import pickled

        return pickled.root(self, node["n"])

    def _whole(self, node: dict[str, Any], number: int) -> Any:
        self.table = node["t"]
        return self.decode(node["v"])


def _tuple(part: Any) -> Any:
    return tuple(map(_tuple, part)) if isinstance(part, list) else part


Decoder.kinds = {
    "int": lambda self, node, number: int(node["v"], 16),
    "float": lambda self, node, number: float(node["v"]),
    "bytes": lambda self, node, number: base64.b64decode(node["v"], validate=True),
    "tuple": lambda self, node, number: self._keep(number, tuple(self._all(node["v"]))),
    "frozenset": lambda self, node, number: self._keep(number, frozenset(self._all(node["v"]))),
    "set": Decoder._set,
    "dict": Decoder._dict,
}
if uses.SHARED:
    Decoder.kinds.update({"ref": Decoder._ref, "shared": Decoder._whole})
if uses.PICKLED:
    Decoder.kinds["pickle"] = Decoder._pickled
if uses.OBJECTS:
    Decoder.kinds.update(
        {
            "name": lambda self, node, number: self._named(node["c"]),
            "enum": Decoder._enum,
            "new": lambda self, node, number: self._make(node, number),
            "call": lambda self, node, number: self._make(node, number),
            "array": Decoder._array,
            "scalar": Decoder._array,
        }
    )
