# Must run on Python 3.8.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# (values of any type are what this module is about)

"""The value that a function returned, as JSON. What JSON cannot say goes as a pickle that nobody ever loads: the SDK
reads its opcodes (`results/pickle_opcodes.py`). So there need be no code here for each type that a value may have.
"""

from __future__ import annotations

import binascii
import gc
import sys

from . import uses

TYPE_CHECKING = False  # `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any

ARRAY_LIMIT = 256 * 1024  # bytes of one array: outcomes are read by a notebook, data belongs into files


def encode_result(value: Any) -> Any:
    """Return what `json.dumps` can write.

    Raises:
        Exception: When the value is no data, or when code of its class fails that gives its state.
    """
    try:
        return _plain(value, set())
    except (TypeError, RecursionError):
        pass
    import _io
    import _pickle  # the user may have put something else in place of what `pickle` has

    bases: dict[str, str] = {}
    stream = _io.BytesIO()

    class Data(_pickle.Pickler):
        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, type):
                base: Any = next(c for c in obj.__mro__ if type(vars(c).get("__new__")) is type(len))
                if getattr(obj, "__getnewargs__", 0) is getattr(base, "__getnewargs__", 0):
                    # What is to be shown where the class is not loaded.
                    bases[obj.__module__ + ":" + obj.__qualname__] = base.__module__ + ":" + base.__name__
                elif hasattr(obj, "_fields"):
                    bases[obj.__module__ + ":" + obj.__qualname__] = "namedtuple"
                return NotImplemented
            if uses.FOREIGN and isinstance(obj, getattr(sys.modules.get("torch"), "Tensor", ())):
                raise TypeError("it holds a tensor")
            if uses.FOREIGN and getattr(type(obj), "nbytes", None) and obj.nbytes > ARRAY_LIMIT:
                raise ValueError("it holds an array of " + str(obj.nbytes) + " bytes, over " + str(ARRAY_LIMIT))
            if uses.PROCESSES:
                kind = type(obj)
                if kind.__module__.startswith("pydantic") and kind.__name__.startswith("Secret"):
                    raise ValueError("it is a secret, and everyone who may read the job could read it")
                if kind is type(vars(type)):  # `pickle` does not take it: the reader knows this call as a mapping proxy
                    return vars, (gc.get_referents(obj)[0],)
            return NotImplemented

    Data(stream, 5).dump(value)
    return {"$": "opcodes", "v": binascii.b2a_base64(stream.getvalue(), newline=False).decode(), "b": bases}


def place_of_fault(value: Any, depth: int = 20) -> str:
    """Return where in a value that cannot be sent the part is that cannot, such as `['model'].layers[2]`.

    At most `depth` steps: the value may lead back to itself.
    """
    try:
        for name, part in _parts(value) if depth else ():
            try:
                encode_result(part)
            except Exception:  # noqa: BLE001  (as for the whole value)
                return str(name) + place_of_fault(part, depth - 1)
    except Exception:  # noqa: BLE001  (code of the user's class runs for a key: what is known so far is said)
        pass
    return ""


def _parts(value: Any) -> list[Any]:
    items: Any = ()
    if isinstance(value, dict):
        items = dict.items(value)
    elif isinstance(value, (list, tuple)):
        items = enumerate(value)
    elif type(value).__module__ != "builtins":  # else a class, a function, a module
        return [("." + name, part) for name, part in vars(value).items()]
    return [("[" + repr(key) + "]", part) for key, part in items]


def _plain(value: Any, seen: set[int]) -> Any:
    """Return the JSON of numbers, texts, lists, tuples and dictionaries of which each has one place."""
    kind = type(value)
    if value is None or kind in (bool, str):
        return value
    if kind is int:
        # Python 3.11 refuses to print or parse more than 4,300 decimal digits.
        return value if -1 << 63 < value < 1 << 63 else {"$": "int", "v": hex(value)}
    if kind is float:
        return value if value - value == 0 else {"$": "float", "v": repr(value)}  # nan and inf
    if id(value) not in seen:
        seen.add(id(value))
        if kind is list:
            return [_plain(each, seen) for each in value]
        if kind is tuple:
            return {"$": "tuple", "v": [_plain(each, seen) for each in value]}
        if kind is dict and all(type(key) is str and key != "$" for key in value):
            return {key: _plain(each, seen) for key, each in value.items()}
    raise TypeError
