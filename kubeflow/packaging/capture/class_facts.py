# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# (values of any type are what this module is about)
"""What Python itself makes of a class statement, and what it has become since: names, documentation, hash, abstract
methods.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import cast

from kubeflow.core.stdlib import ast, inspect
from kubeflow.packaging.capture.class_text import class_text
from kubeflow.packaging.source.definitions import bound_names, is_of_user, statements
from kubeflow.packaging.source.importable import import_path
from kubeflow.packaging.source.origins import Origins

_ABSENT = object()


def changed_facts(
    cls: type, node: ast.ClassDef, origins: Origins, home: Mapping[str, object], *, machinery: bool
) -> dict[str, object]:
    """Return attributes of a class that the job must set to what they are here.

    Args:
        cls: The class.
        node: Its statement.
        origins: The texts of the module.
        home: The globals of the module.
        machinery: True when a library has made some of it.
    """
    found = dict(_names(cls, node, home)) | dict(_documentation(cls, node, machinery=machinery))
    bound = {name for statement in statements(node.body) for name, _ in bound_names(statement)}
    live_hash = vars(cls).get("__hash__", _ABSENT)
    made_hash = None if "__eq__" in bound else _ABSENT
    is_users = isinstance(live_hash, FunctionType) and is_of_user(live_hash)
    if "__hash__" not in bound and live_hash not in (_ABSENT, made_hash) and (is_users or not machinery):
        found["__hash__"] = live_hash
    if "__match_args__" in vars(cls) and "__match_args__" not in bound and not machinery:
        found["__match_args__"] = vars(cls)["__match_args__"]
    if _is_abstract_otherwise(cls, origins):
        found["__abstractmethods__"] = abstract_methods(cls)
    return found


def _names(cls: type, node: ast.ClassDef, home: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    if cls.__name__ != node.name:
        yield "__name__", cls.__name__
    if not node.col_offset and cls.__qualname__ != node.name and "<locals>" not in cls.__qualname__:
        yield "__qualname__", cls.__qualname__
    if cls.__module__ != home.get("__name__") and isinstance(cls.__module__, str):
        yield "__module__", cls.__module__


def _documentation(cls: type, node: ast.ClassDef, *, machinery: bool) -> Iterator[tuple[str, object]]:
    written, live = ast.get_docstring(node), vars(cls).get("__doc__")
    if live == written or (isinstance(live, str) and inspect.cleandoc(live) == written):
        return
    # `dataclass` and the like write the signature where there is no other text.
    made = machinery and (not isinstance(live, str) or live.startswith(f"{cls.__name__}(") or written is not None)
    if not made or (written is not None and isinstance(live, str)):
        yield "__doc__", live


def new_defaults(cls: type) -> tuple[object, ...] | None:
    """Return the defaults of a named tuple when they are not those of its fields; None otherwise."""
    new: object = getattr(vars(cls).get("__new__"), "__func__", None) if issubclass(cls, tuple) else None
    if not isinstance(new, FunctionType) or "_field_defaults" not in vars(cls) or is_of_user(new):
        return None
    made = tuple(cast("dict[str, object]", vars(cls)["_field_defaults"]).values())
    found = new.__defaults__ or ()
    return None if len(found) == len(made) and all(a is b for a, b in zip(found, made, strict=True)) else found


def made_default(cls: type, name: str) -> object:
    """Return the default that a dataclass gave a parameter of its `__init__`; MISSING without one."""
    init = vars(cls).get("__init__")
    if not isinstance(init, FunctionType) or is_of_user(init):
        return dataclasses.MISSING
    code, defaults = init.__code__, init.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    found = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True)) | (init.__kwdefaults__ or {})
    return found.get(name, dataclasses.MISSING)


def changed_fields(cls: type) -> dict[str, object]:
    """Return the defaults of fields of a dataclass that are not those that it was made with."""
    fields: Mapping[str, dataclasses.Field[object]] = vars(cls).get("__dataclass_fields__", {})
    own: dict[str, object] = vars(cls).get("__annotations__", {})
    made = {name: made_default(cls, name) for name, field in fields.items() if name in own and field.init}
    return {
        name: fields[name].default
        for name, default in made.items()
        if fields[name].default is not default
        and fields[name].default_factory is dataclasses.MISSING
        and default is not dataclasses.MISSING
    }


def abstract_methods(cls: type) -> frozenset[str]:
    """Return the names of the abstract methods of a class."""
    return cast("frozenset[str]", vars(cls).get("__abstractmethods__", frozenset()))


def _is_abstract_otherwise(cls: type, origins: Origins) -> bool:
    """Say whether a class, or one of its bases, has other abstract methods than its text makes."""
    if not isinstance(cls, abc.ABCMeta) or import_path(cls) is not None:
        return False
    if any(_is_abstract_otherwise(base, origins) for base in cls.__bases__):
        return True
    _, node = class_text(cls, origins)
    if node is None:
        return False
    bound = {name: s for s in statements(node.body) for name, _ in bound_names(s)}
    inherited = {
        name
        for base in cls.__mro__[1:]
        for name in (*abstract_methods(base), *vars(base))
        if name not in bound and _is_abstract(_first(cls, name))
    }
    own = {name for name, statement in bound.items() if _is_written_abstract(statement, vars(cls).get(name))}
    return abstract_methods(cls) != frozenset(inherited | own)


def _first(cls: type, name: str) -> object:
    return next((vars(base)[name] for base in cls.__mro__[1:] if name in vars(base)), None)


def _is_abstract(value: object) -> bool:
    if isinstance(value, property):
        return any(map(_is_abstract, (value.fget, value.fset, value.fdel)))
    function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
    return bool(vars(function).get("__isabstractmethod__")) if isinstance(function, FunctionType) else False


def _is_written_abstract(node: ast.stmt, value: object) -> bool:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return _is_abstract(value)
    names = [part.attr if isinstance(part, ast.Attribute) else getattr(part, "id", "") for part in node.decorator_list]
    return any("abstract" in name for name in names)
