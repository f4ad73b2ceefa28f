# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false
# (values of any type are what this module is about)
"""What objects are made of: as `pickle` asks them, with the classes that it does not serve well."""

from __future__ import annotations

import copyreg
import gc
import sys
import types
from collections.abc import Callable
from typing import Any

from kubeflow.packaging.remote.codec import CodecError, OnlyPickle

PICKLE_HOOKS = ("__reduce_ex__", "__reduce__", "__getstate__", "__setstate__", "__getnewargs__", "__getnewargs_ex__")


def type_name(value: Any) -> str:
    """Return the type of a value as a user knows it."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else kind.__module__ + "." + kind.__qualname__


def refused(value: Any, path: str, why: str = "which is not data") -> CodecError:
    """Return the error for a value that has no codec."""
    return CodecError(path, "is a " + type_name(value) + ", " + why, value)


def home_of(target: Any) -> str:
    """Return the module that has a class or function, or the class of a value."""
    module = getattr(target, "__module__", None) or type(target).__module__
    return "pathlib" if module == "pathlib._local" else module  # of Python 3.13 alone


def dtype_text(dtype: Any) -> Any:
    """Return what `numpy.dtype` makes the same type of."""
    return dtype.str if dtype.names is None else dtype.descr


newobj = vars(copyreg)["__newobj__"]
newobj_ex = vars(copyreg)["__newobj_ex__"]
STATIC = (object, BaseException, str, int, float, complex, bytes, tuple)


def reduce(value: Any, kind: type, path: str) -> Any:
    """Return the name of a global, or what makes the object anew, as `__reduce_ex__` of Python's manual says."""
    if kind.__module__.startswith("pydantic") and kind.__name__.startswith("Secret"):
        raise CodecError(path, "is a secret, and everyone who may read the job could read it", value)
    special = _SPECIAL.get(kind.__module__ + "." + kind.__qualname__, copyreg.dispatch_table.get(kind))
    try:
        if special is not None:
            return special(value)
        if "numpy" in sys.modules and isinstance(value, sys.modules["numpy"].dtype):
            return sys.modules["numpy"].dtype, (dtype_text(value),)
        if is_dataclass_state(kind):
            slots = {n: getattr(value, n) for n in _slots(kind) if hasattr(value, n)}
            return newobj, (kind,), (getattr(value, "__dict__", None), slots)
        reduced = value.__reduce_ex__(4)
    except RecursionError:
        raise
    except Exception as error:
        why = "" if "pickle" in str(error) else type(error).__name__ + ": " + str(error)
        raise refused(value, path, *(["whose state cannot be had: " + why] if why else [])) from error
    if isinstance(reduced, str):
        return reduced
    own = reduced[0] is kind and not any(reduced[2:])
    if (defines(kind, PICKLE_HOOKS, foreign=True) and not own) or any(reduced[5:]):
        raise OnlyPickle(path, "is a " + type_name(value) + ", which only pickle can carry", value)
    if isinstance(value, BaseException) and reduced[0] is kind and kind.__module__ != "builtins":
        # `__init__` need not take what the exception holds: many take other arguments than they pass on.
        return (newobj, (kind, *value.args), *reduced[2:])
    return reduced


def defines(kind: type, names: tuple[str, ...], but: tuple[type, ...] = (object,), foreign: bool = False) -> bool:
    """Say whether a base of a class, other than those in `but`, defines one of `names`; `foreign`: of a library."""
    for base in kind.__mro__:
        if base not in but and not vars(base).keys().isdisjoint(names) and not (foreign and not _is_foreign(base)):
            return True
    return False


def _is_foreign(cls: type) -> bool:
    root = cls.__module__.partition(".")[0]
    file = getattr(sys.modules.get(root), "__file__", None) or ""
    return root != "pydantic" and ("site-packages" in file or "dist-packages" in file)


def is_dataclass_state(kind: Any) -> bool:
    """Say whether `dataclass` gave a class its `__getstate__`, which fails where a field has no value."""
    return getattr(getattr(kind, "__getstate__", None), "__module__", None) == "dataclasses"


def _slots(kind: type) -> list[str]:
    names: list[str] = vars(copyreg)["_slotnames"](kind)
    return names


def wants_arguments(cls: Any) -> bool:
    """Say whether the `__new__` of a class takes what the class itself names; that of a named tuple needs nothing."""
    named = getattr(getattr(cls, "__getnewargs__", None), "__module__", None) == "collections"
    return defines(cls, ("__getnewargs__", "__getnewargs_ex__"), STATIC) and not named


def base_in_c(cls: type) -> Any:
    """Return the class in C that an object is one of, apart from what Python code adds: its `__new__` needs no more."""
    return next(c for c in cls.__mro__ if isinstance(vars(c).get("__new__"), types.BuiltinFunctionType))


def plain_items(value: Any) -> Any:
    """Return the entries of a dictionary, whatever its class makes of `items`."""
    from collections import OrderedDict

    return OrderedDict.items(value) if isinstance(value, OrderedDict) else dict.items(value)


def _zone(value: Any) -> Any:
    if value.key is None:
        raise TypeError("a zone that was read from a file has no key")
    return type(value), (value.key,)


def _omegaconf(value: Any) -> Any:
    omegaconf: Any = sys.modules["omegaconf"]
    # The interpolations of a part may lead out of it.
    parts = omegaconf.OmegaConf.to_container(value, resolve=value._get_parent() is not None)
    return "omegaconf:OmegaConf.create", (parts, None, value._metadata.flags)


_SPECIAL: dict[str, Callable[[Any], Any]] = {
    "builtins.mappingproxy": lambda v: ("types:MappingProxyType", (gc.get_referents(v)[0],)),
    "re.Pattern": lambda v: ("re:compile", (v.pattern, int(v.flags))),
    "zoneinfo.ZoneInfo": _zone,
    "omegaconf.dictconfig.DictConfig": _omegaconf,
    "omegaconf.listconfig.ListConfig": _omegaconf,
}
