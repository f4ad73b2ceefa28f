"""The values that jobs return, decoded here. Nothing is imported for them, and no code of a class runs: a job may run
what its user does not trust.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import Enum
from types import FunctionType
from typing import Any

from kubeflow.packaging.remote import MAIN, MAIN_FOLDER, codec
from kubeflow.packaging.results.pickle_opcodes import read_opcodes
from kubeflow.packaging.results.pickled_objects import codec_node, flags, is_array, member, numpy_value

Node = dict[str, Any]

# Classes and functions of Python that only hold data.
_OF_PYTHON = {
    "argparse": "Namespace",
    "builtins": "Ellipsis NotImplemented bytearray bytes complex dict float frozenset int list range set slice str "
    "tuple",
    "collections": "ChainMap Counter OrderedDict UserDict UserList UserString defaultdict deque",
    "datetime": "date datetime time timedelta timezone date.fromisoformat datetime.fromisoformat time.fromisoformat",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "ipaddress": "IPv4Address IPv4Interface IPv4Network IPv6Address IPv6Interface IPv6Network",
    "pathlib": "Path PosixPath PurePosixPath PureWindowsPath WindowsPath",
    "re": "compile",
    "types": "MappingProxyType SimpleNamespace",
    "uuid": "UUID",
    "zoneinfo": "ZoneInfo",
}
_SAFE = frozenset(f"{module}:{name}" for module, names in _OF_PYTHON.items() for name in names.split())
# The same of libraries: only where they are loaded.
_SAFE_LOADED = frozenset({"numpy:dtype", "torch:Size", "torch:device"})
_BASES = {f"builtins:{base.__name__}": base for base in (str, int, float, complex, bytes, tuple, list, dict)}
# Hooks of these modules only store what they are given.
_STATE_SETTERS = frozenset({"attr._make", "dataclasses", "pydantic.main"})
_HOOKS = ("__new__", "__init__", "__setstate__", "__setattr__", "__del__")


class NotLoaded(codec.CodecError):
    """A value is of a class that is not loaded here, or whose code would have to run."""


class Reader(codec.Decoder):
    """Decodes what a job wrote.

    Attributes:
        notes: In words, which values are of the base of their class because their class is not loaded here.
    """

    def __init__(self) -> None:
        super().__init__(load=self._load)
        self.notes: list[str] = []
        self._bases: dict[str, str] = {}

    def read_pickle(self, node: Node) -> Any:
        """Return the value that `remote/returned.py` wrote as a pickle."""
        self._bases = node["b"]
        try:
            return self.decode(read_opcodes(node["v"]))
        except codec.CodecError:
            raise
        except Exception as error:  # what a job wrote may be anything
            raise codec.CodecError("", f"not a pickle of data: {type(error).__name__}: {error}") from error

    def make_pickled(self, node: Node, number: int) -> Any:
        """Make an object of a pickle."""
        if not is_array(node):
            return self.decode(codec_node(node, self._find, self._bases), number)
        args = [self.decode(part) for part in node["a"]]
        return self._keep(number, numpy_value(node["c"], args, self.decode(node.get("state"))))

    def pick_member(self, node: Node) -> object:
        """Return a member of an enumeration of a pickle."""
        return member(self._named(node["c"]), self.decode(node["v"]))

    def _find(self, path: str) -> object:
        try:
            return self._load(path)
        except NotLoaded:
            return None

    def _load(self, path: str) -> object:
        """Return a class, or a value without a state such as `torch.float32`, that is loaded already."""
        found: object = codec.load(path) if path in _SAFE else _loaded(path)
        if (
            isinstance(found, type)
            or path in _SAFE
            or isinstance(found, Enum)
            or f"{type(found).__module__}.{type(found).__name__}" == "torch.dtype"
        ):
            return found
        raise NotLoaded("", path)

    def _make(self, node: Node, number: int) -> Any:
        """Make an object if its class is loaded here and stores what it is given, as data."""
        path = node["c"]
        if not isinstance(path, str):
            raise NotLoaded("", "a function")
        made = path in _SAFE or path in _SAFE_LOADED or self._only_stores(path, node)
        if made and node.get("b", "builtins:object") in {*_SAFE, *_EXCEPTIONS, "builtins:object"}:
            return super()._make(node, number)
        if node.get("b") in _BASES:
            return self._base(node, number, path)
        raise NotLoaded("", path)

    def _only_stores(self, path: str, node: Node) -> bool:
        try:
            cls = _loaded(path)
        except NotLoaded:
            return False
        if not isinstance(cls, type) or "k" in node or "n" in node:
            return False
        if path.partition(".")[0].partition(":")[0] in sys.stdlib_module_names:
            return path in _EXCEPTIONS
        hooks = [
            "__del__",
            *(["__new__", "__init__"] if node["$"] == "call" else []),
            *(["__setstate__"] if "s" in node else []),
        ]
        return not any(_runs_code(cls, hook) for hook in hooks)

    def _base(self, node: Node, number: int, path: str) -> Any:
        base = node["b"]
        self.notes.append(f"{path.replace(':', '.')} is not loaded here, and its value is given as {base[9:]}")
        return super()._make({"$": "call", "c": base, **{k: node[k] for k in "ald" if k in node}}, number)


_EXCEPTIONS = frozenset(
    f"builtins:{name}"
    for name, value in vars(sys.modules["builtins"]).items()
    if isinstance(value, type) and issubclass(value, BaseException)
)


def _loaded(path: str) -> object:
    """Find what is loaded. What a job wrote must not make this process import anything."""
    module, _, qualname = path.partition(":")
    try:
        # 0.6 called the user's module by the name of its folder.
        found: object = sys.modules[MAIN if module == MAIN_FOLDER else module]
        for part in qualname.split("."):
            found = vars(found)[part]
    except (KeyError, TypeError):
        raise NotLoaded("", path) from None
    return found


def _runs_code(cls: type, hook: str) -> bool:
    owner = next((base for base in cls.__mro__ if hook in vars(base)), None)
    if owner is None:
        return False
    path = f"{owner.__module__}:{owner.__qualname__}"
    if owner is object or path in _SAFE or path in _EXCEPTIONS:
        return False
    found = vars(owner)[hook]
    return not (isinstance(found, FunctionType) and found.__module__ in _STATE_SETTERS)


# -- as 0.6 wrote values before the codec took objects of any class ------------------------------------------------


def _call(path: str, *args: object) -> Node:
    return {"$": "call", "c": path, "a": list(args)}


def _time(node: Node) -> Node:
    zone = {"tzinfo": _call("zoneinfo:ZoneInfo", node["zone"])} if "zone" in node else {}
    return {
        "$": "time 0.6",
        "v": _call(f"datetime:{node['$']}.fromisoformat", node["v"]),
        "k": zone,
        "f": node.get("fold", 0),
    }


_EARLIER: dict[str, Callable[[Node], Node]] = {
    "class": lambda n: {"$": "name", "c": n["c"]},
    "namedtuple": lambda n: {"$": "new", "c": n["c"], "b": "builtins:tuple", "a": [{"$": "tuple", "v": n["v"]}]},
    "dataclass": lambda n: {"$": "new", "c": n["c"], "v": n["v"]},
    "pydantic": lambda n: {"$": "new", "c": n["c"], "s": n["v"]},
    "decimal": lambda n: _call("decimal:Decimal", n["v"]),
    "uuid": lambda n: _call("uuid:UUID", n["v"]),
    "complex": lambda n: _call("builtins:complex", *[{"$": "float", "v": v} for v in n["v"]]),
    "bytearray": lambda n: _call("builtins:bytearray", {"$": "bytes", "v": n["v"]}),
    "range": lambda n: _call("builtins:range", *n["v"]),
    "deque": lambda n: _call("collections:deque", n["v"]),
    "OrderedDict": lambda n: {"$": "call", "c": "collections:OrderedDict", "d": n["v"]},
    "path": lambda n: _call(f"pathlib:{n['k']}", n["v"]),
    "pattern": lambda n: _call("re:compile", n["v"], n["flags"]),
    "date": lambda n: _call("datetime:date.fromisoformat", n["v"]),
    "timedelta": lambda n: _call("datetime:timedelta", *n["v"]),
    "datetime": _time,
    "time": _time,
}


def _decoder(earlier: Callable[[Node], Node]) -> Callable[[Any, Node, int], object]:
    return lambda reader, node, number: reader.decode(earlier(node), number)


def _replaced(reader: Any, node: Node, number: int) -> object:
    zone = {name: reader.decode(part) for name, part in node["k"].items()}
    return reader.decode(node["v"]).replace(fold=node["f"], **zone)


Reader.kinds = {
    **{kind: decode for kind, decode in codec.Decoder.kinds.items() if kind != "pickle"},
    **{kind: _decoder(earlier) for kind, earlier in _EARLIER.items()},
    "time 0.6": _replaced,
    "opcodes": lambda reader, node, number: reader.read_pickle(node),
    "reduced": lambda reader, node, number: reader.make_pickled(node, number),
    "newobj": lambda reader, node, number: reader.make_pickled(node, number),
    "flags": lambda reader, node, number: flags([reader.decode(part) for part in node["v"]]),
    "member": lambda reader, node, number: reader.pick_member(node),
}
