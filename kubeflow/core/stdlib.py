"""Modules of the standard library as Python has them: `from kubeflow.core.stdlib import json`.

Programs put functions of their own in place of those of Python: `json.dumps = dumps_with_dates`. Such a function need
not take what ours are called with, and may return something else. So code that runs in the user's process takes from
here the functions that Python has, also where they were replaced before this is imported.
"""

from __future__ import annotations

import ast as _ast
import sys
from importlib import import_module
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING

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


_FOLDER = str(Path(_ast.__file__).parent)


def loaded(name: str) -> ModuleType | None:
    """Return a module of the standard library; `None` where it is not loaded, or another module has its name."""
    module = sys.modules.get(name)
    return module if module is not None and str(Path(module.__file__ or "").parent) == _FOLDER else None


def replaced(module: ModuleType) -> list[str]:
    """Return the names of the functions of a module of the standard library that are not Python's own by now."""
    return [name for name, value in vars(module).items() if not _is_pythons(value)]


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
    if isinstance(inner := vars(copy).get("path"), ModuleType):
        vars(copy)["path"] = _copied(inner)  # os.path
    return copy


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
    file = module.__file__ or ""
    tree = _ast.parse(Path(file).read_bytes()) if file.endswith(".py") else _ast.Module([], [])
    node = next((node for node in tree.body if isinstance(node, _ast.FunctionDef) and node.name == name), None)
    if node is None:
        return None
    code: CodeType = compile(_ast.Module([node], []), file, "exec", dont_inherit=True)
    scope: dict[str, object] = {}
    exec(code, vars(module), scope)
    return scope[name]
