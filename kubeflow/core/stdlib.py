"""Modules of the standard library as Python has them: `from kubeflow.core.stdlib import json`.

Programs put functions of their own in place of those of Python: `json.dumps = dumps_with_dates`. Such a function need
not take what ours are called with, and may return something else. So code that runs in the user's process takes from
here the functions that Python has, also where they were replaced before this is imported.
"""

from __future__ import annotations

import os as _os
import sys
from importlib import import_module
from importlib.util import module_from_spec
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, cast

__all__ = ["ast", "base64", "inspect", "json", "loaded", "os", "pickle", "re", "replaced", "shlex", "textwrap", "zlib"]

if TYPE_CHECKING:
    import ast
    import base64
    import inspect
    import json
    import os
    import pickle
    import re
    import shlex
    import textwrap
    import zlib
else:

    def __getattr__(name: str) -> ModuleType:
        if name.startswith("_"):
            raise AttributeError(name)
        copy = globals()[name] = _copied(import_module(name))
        return copy


_CLASSES = {
    "json": ("JSONEncoder", "JSONDecoder"),
    "shlex": ("shlex",),
    "textwrap": ("TextWrapper",),
}
"""By module: the classes whose methods its functions call. None of these methods calls `super()`."""
_FOLDER = str(Path(_os.__file__).parent)


def loaded(name: str) -> ModuleType | None:
    """Return a module of the standard library; `None` where it is not loaded, or another module has its name."""
    module = sys.modules.get(name)
    return module if module is not None and str(Path(module.__file__ or "").parent) == _FOLDER else None


def replaced(holder: ModuleType | type) -> list[str]:
    """Return the names of the functions of a module or class of Python's library that are no longer its own."""
    return [name for name, value in vars(holder).items() if not _is_pythons(value)]


def _copied(module: ModuleType) -> ModuleType:
    copy = ModuleType(module.__name__, module.__doc__)
    vars(copy).update(vars(module))
    for name in replaced(module):
        original = _original(module, name)
        if original is not None:
            setattr(copy, name, original)
    for name, value in vars(copy).items():
        if isinstance(value, FunctionType) and value.__globals__ is vars(module):
            vars(copy)[name] = _within(vars(copy), value)  # what it calls may be replaced later
    guarded: list[type] = [vars(module)[name] for name in _CLASSES.get(module.__name__, ())]
    classes = {cls: _guarded(cls) for cls in guarded}
    members: dict[str, object] = dict(vars(copy))
    for name, value in members.items():
        if isinstance(value, type) and value in classes:
            vars(copy)[name] = classes[value]
        elif not isinstance(value, type) and type(value) in classes:
            made = cast("object", object.__new__(classes[type(value)]))
            vars(made).update(vars(value))
            vars(copy)[name] = made
    if isinstance(inner := vars(copy).get("path"), ModuleType):
        vars(copy)["path"] = _copied(inner)  # os.path
    return copy


def _guarded(cls: type) -> type:
    """Return a subclass that has the methods which Python gives a class, whatever stands in their place."""
    methods: dict[str, object] = {}
    for base in reversed(cls.__mro__[:-1]):
        for name, value in vars(base).items():
            if isinstance(value, FunctionType):
                methods[name] = value if _is_pythons(value) else _original_method(base, name)
    return type(cls.__name__, (cls,), {"__slots__": (), "__module__": cls.__module__, **methods})


def _original_method(cls: type, name: str) -> object:
    import ast as _ast

    tree = _ast.parse(Path(sys.modules[cls.__module__].__file__ or "").read_bytes())
    found = next(node for node in tree.body if isinstance(node, _ast.ClassDef) and node.name == cls.__name__)
    method = next((node for node in found.body if isinstance(node, _ast.FunctionDef) and node.name == name), None)
    if method is None:  # Python has none there: what the base class has counts
        return next((vars(base)[name] for base in cls.__mro__[1:] if name in vars(base)), None)
    scope: dict[str, object] = {}
    code: CodeType = compile(_ast.Module([method], []), sys.modules[cls.__module__].__file__ or "", "exec")
    exec(code, vars(sys.modules[cls.__module__]), scope)
    return scope[name]


def _within(namespace: dict[str, object], function: FunctionType) -> FunctionType:
    made = FunctionType(function.__code__, namespace, function.__name__, function.__defaults__, function.__closure__)
    made.__kwdefaults__ = function.__kwdefaults__
    made.__dict__.update(function.__dict__)
    return made


def _is_pythons(value: object) -> bool:
    """Return True when a value of a module of the standard library is Python's own, or no function."""
    if isinstance(value, FunctionType):
        name = value.__code__.co_filename
        return name.startswith("<frozen ") or (name.startswith(_FOLDER) and "-packages" not in name)
    if isinstance(value, BuiltinFunctionType):
        return (value.__module__ or "posix").partition(".")[0] in _OF_PYTHON
    return not callable(value) or type(value).__module__ in _OF_PYTHON


_OF_PYTHON = sys.stdlib_module_names | {"posix"}


def _original(module: ModuleType, name: str) -> object:
    """Return the function that a module of the standard library has by itself, or None where nobody knows it."""
    for home in ("posix", f"_{module.__name__}"):
        found = vars(sys.modules[home]).get(name) if home in sys.modules else None
        if isinstance(found, BuiltinFunctionType):
            return found
    file = getattr(module, "__file__", None) or ""
    if not file.endswith(".py"):  # written in C: it is made once more
        spec = module.__spec__
        if spec is None or spec.loader is None:
            return None
        made = module_from_spec(spec)
        spec.loader.exec_module(made)
        return vars(made).get(name)
    import ast as _ast

    tree = _ast.parse(Path(file).read_bytes())
    node = next((node for node in tree.body if isinstance(node, _ast.FunctionDef) and node.name == name), None)
    if node is None:
        return None
    code: CodeType = compile(_ast.Module([node], []), file, "exec", dont_inherit=True)
    scope: dict[str, object] = {}
    exec(code, vars(module), scope)
    return scope[name]
