"""Where the text of a class is, and what executing that text calls."""

from __future__ import annotations

from types import FunctionType

from kubeflow.core.stdlib import ast
from kubeflow.packaging.source.definitions import (
    Origin,
    class_around,
    made_by,
    names_in_text,
    raw_functions,
    statements,
)
from kubeflow.packaging.source.origins import Origins


def class_text(cls: type, origins: Origins) -> tuple[Origin | None, ast.ClassDef | None]:
    """Return the class statement that made a class, and its text; twice None when nobody kept it."""
    for function in raw_functions_of(cls):
        origins.of(function.__code__)
    best: tuple[int, Origin, ast.ClassDef] | None = None
    for origin in reversed(origins.all()):
        for node in (node for name in names_in_text(cls) for node in origin.classes(name)):
            if not made_by(cls, node, origin) or not _stands_there(cls, node, origin):
                continue
            bound = {s.name for s in statements(node.body) if isinstance(s, ast.FunctionDef)}
            score = len(bound & vars(cls).keys()) - len(bound - vars(cls).keys())
            if best is None or score > best[0]:
                best = (score, origin, node)
    return (best[1], best[2]) if best else (None, None)


def raw_functions_of(cls: type) -> list[FunctionType]:
    """Return the functions that the attributes of a class consist of."""
    values = [value for value in vars(cls).values() if not isinstance(value, type)]
    names = names_in_text(cls)
    return [f for value in values for f in raw_functions(value) if class_around(f) in names]


def runs_code(cls: type, node: ast.ClassDef) -> bool:
    """Say whether executing a class statement calls functions of the user's."""
    plain = [statement for statement in node.body if not isinstance(statement, _FUNCTIONS)]
    if any(isinstance(part, ast.Call) for statement in plain for part in ast.walk(statement)):
        return True
    if any(isinstance(statement, _FUNCTIONS) and statement.decorator_list for statement in node.body):
        return True
    metaclasses: tuple[type, ...] = type.__getattribute__(type(cls), "__mro__")
    return any("__init_subclass__" in vars(base) for base in cls.__mro__[1:-1]) or any(
        vars(metaclass).keys() & {"__new__", "__init__", "__call__", "__prepare__"} and _is_python(metaclass)
        for metaclass in metaclasses
    )


def _stands_there(cls: type, node: ast.ClassDef, origin: Origin) -> bool:
    """Say whether a class statement stands where the qualified name of the class says."""
    return "<locals>" in cls.__qualname__ or not origin.enclosing_locals(node)


def _is_python(cls: type) -> bool:
    return cls.__module__ not in ("builtins", "abc", "enum", "typing")


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
