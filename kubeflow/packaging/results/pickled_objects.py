"""Objects of a pickle as nodes of the codec, with what is known of their classes here: the same rules hold for both."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, Flag
from typing import Any

from kubeflow.core.stdlib import re
from kubeflow.packaging.remote import codec
from kubeflow.packaging.tagged_json.reductions import STATIC, base_in_c, defines, wants_arguments

Node = dict[str, Any]
Find = Callable[[str], object]
"""Returns what `module:qualname` names if it is loaded, else None."""

_ARRAY = re.compile(r"numpy\.(?:_?core)\.(?:numeric:_frombuffer|multiarray:(?:scalar|_reconstruct))")


def is_array(node: Node) -> bool:
    """Return True for an array, a scalar or a dtype of numpy."""
    path = node["c"]
    return isinstance(path, str) and (path == "numpy:dtype" or _ARRAY.fullmatch(path) is not None)


def numpy_value(path: str, args: list[Any], state: Any) -> object:
    """Return a value of numpy's.

    Args:
        path: What makes it. Its module has another name in numpy 1.
        args: The arguments, decoded.
        state: What it is given then, decoded.

    Raises:
        ValueError: When it is of a class of its own, or damaged.
        TypeError: When it holds objects.
    """
    import numpy

    name = path.rpartition(":")[2]
    order: Any
    if name == "dtype":
        return _dtype(args[0], state)
    if name == "scalar":
        dtype, content, shape, order = *args, (), "C"
    elif name == "_frombuffer":
        content, dtype, shape, order = args
    else:
        _, shape, dtype, by_column, content = state
        order = "F" if by_column else "C"
        if args[0] is not numpy.ndarray:
            raise ValueError("a subclass of numpy.ndarray")
    if not isinstance(content, bytes | bytearray):
        raise TypeError("an array of objects")
    # Its own copy, which may be written to. Of no bytes, numpy takes no buffer.
    array = numpy.frombuffer(bytearray(content), dtype) if len(content) else numpy.empty(0, dtype)
    return array.reshape(shape, order=order)[() if name == "scalar" else ...]


def _dtype(text: str, state: Any) -> object:
    import numpy

    if state is None:
        return numpy.dtype(text)
    _, order, of, names, fields, size, *_ = state
    if names is not None:
        formats, offsets = [fields[name][0] for name in names], [fields[name][1] for name in names]
        return numpy.dtype({"names": [*names], "formats": formats, "offsets": offsets, "itemsize": size})
    if of is not None:
        return numpy.dtype(of)
    if text in ("M8", "m8"):
        unit, count = state[8][1][:2]
        return numpy.dtype(f"{order}{text}[{count}{unit.decode('ascii')}]")
    return numpy.dtype(f"{order}{text}" if order in ("<", ">") else text)


def codec_node(node: Node, find: Find, bases: dict[str, str]) -> Node:
    """Return an object as the codec's encoder would have written it.

    Args:
        node: `reduced` or `newobj` of `pickle_opcodes.py`.
        find: Finds its class.
        bases: For classes that may not be loaded here, the class in C that their objects are of.
    """
    path = node["c"]
    if not isinstance(path, str):
        return {"$": "call", "c": path}
    cls = find(path)
    rest = {key: node[key] for key in "ldk" if key in node}
    if isinstance(cls, type) and defines(cls, ("__setstate__",), STATIC):
        rest |= {"s": node["state"]} if "state" in node else {}
    elif "state" in node:
        if node["v"] is None:
            raise codec.CodecError("", f"a state that is no attributes, of a {path}")
        rest["v"] = node["v"]
    made = _reduced(path, cls, node["a"]) if node["$"] == "reduced" else _new(path, cls, node["a"], bases)
    return made | rest


def _reduced(path: str, cls: object, args: list[Any]) -> Node:
    if path == "re:_compile":
        return {"$": "call", "c": "re:compile", "a": args}
    if path == "builtins:vars":  # how `remote/returned.py` writes a mapping proxy
        return {"$": "call", "c": "types:MappingProxyType", "a": args}
    if path == "zoneinfo:ZoneInfo._unpickle":
        return {"$": "call", "c": "zoneinfo:ZoneInfo", "a": args[:1]}
    if path == "_operator:or_":  # how Python 3.11.0 to 3.11.2 name several flags
        return {"$": "flags", "v": args}
    if isinstance(cls, type) and issubclass(cls, Enum):
        return {"$": "member", "c": path, "v": args[0]}
    if isinstance(cls, type) and issubclass(cls, BaseException) and cls.__module__ != "builtins":
        # `__init__` need not take what the exception holds: many take other arguments than they pass on.
        return {"$": "new", "c": path, "b": f"builtins:{base_in_c(cls).__name__}", "a": args}
    return {"$": "call", "c": path, "a": args}


def _new(path: str, cls: object, args: list[Any], bases: dict[str, str]) -> Node:
    made = {"$": "new", "c": path, "a": args}
    if not isinstance(cls, type):
        base = bases.get(path, "builtins:object")
        is_tuple = base == "namedtuple"
    elif wants_arguments(cls):
        return {**made, "n": 1}
    else:
        base = "{0.__module__}:{0.__name__}".format(base_in_c(cls))
        is_tuple = base == "builtins:tuple" and hasattr(cls, "_fields")
    if is_tuple:
        return {**made, "b": "builtins:tuple", "a": [{"$": "tuple", "v": args}]}
    return made if base == "builtins:object" else {**made, "b": base}


def member(cls: Any, value: object) -> object:
    """Return the member of an enum that has a value. No code of the class looks for it.

    Raises:
        KeyError: When there is none.
    """
    for each in cls.__members__.values():
        if type(each.value) is type(value) and each.value == value:
            return each
    if issubclass(cls, Flag) and isinstance(value, int) and getattr(cls._missing_, "__func__", None) is _FLAG_MISSING:
        return cls(value)
    raise KeyError(value)


def flags(parts: list[Any]) -> object:
    """Return the flag that several are together.

    Raises:
        KeyError: When they are none, or code of their class would have to run.
    """
    cls: Any = parts[0].__class__
    if not issubclass(cls, Flag):
        raise KeyError(cls)
    value = 0
    for each in parts:
        value |= int(each.value if isinstance(each, Flag) else each)
    return member(cls, value)


_FLAG_MISSING = getattr(Flag._missing_, "__func__", None)
