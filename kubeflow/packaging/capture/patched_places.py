"""Attributes of modules and classes that a text puts something else in place of, by whatever means."""

from __future__ import annotations

import sys
from collections import ChainMap
from collections.abc import Iterator, Mapping
from types import ModuleType

from kubeflow.core.stdlib import ast
from kubeflow.packaging.capture.static_values import static_value

ANY = "*"
"""Stands for an attribute whose name the text computes."""
Holder = ModuleType | type


def patched_places(tree: ast.AST, namespace: Mapping[str, object]) -> Iterator[tuple[Holder, str, int]]:
    """Yield each module or class with the name of the attribute, and the line.

    Args:
        tree: Assignments, `setattr`, `vars(x)[...] = ...`, `x.__dict__[...] = ...`, `patch("x.y")`, and
            `patch.object(x, "y")` are read, also those inside of functions.
        namespace: What names of the module's top level mean.
    """
    imported: dict[str, object] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.name if alias.asname else alias.name.partition(".")[0]
                imported[alias.asname or name] = sys.modules.get(name)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                home = sys.modules.get(node.module or "")
                found = sys.modules.get(f"{node.module}.{alias.name}", vars(home).get(alias.name) if home else None)
                imported.setdefault(alias.asname or alias.name, found)
    names = ChainMap(dict(namespace), imported)
    for node in ast.walk(tree):
        for expression, name in _places(node):
            holder = _holder(expression, names)
            if isinstance(holder, Holder):
                yield holder, name, getattr(node, "lineno", 1)


def _places(node: ast.AST) -> Iterator[tuple[ast.expr | str, str]]:
    """Yield expressions that may mean a module or class, or its dotted path, with the name of an attribute."""
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        yield node.value, node.attr
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        if (owner := _of_namespace(node.value)) is not None:
            yield owner, _text(node.slice)
    elif isinstance(node, ast.Call) and node.args:
        called = node.func
        last = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
        if last in ("setattr", "object") and len(node.args) > 1:
            yield node.args[0], _text(node.args[1])
        elif last == "patch" and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
            path, _, name = node.args[0].value.rpartition(".")
            yield path, name
        elif last == "update" and isinstance(called, ast.Attribute) and (owner := _of_namespace(called.value)):
            yield owner, ANY


def _of_namespace(node: ast.expr) -> ast.expr | None:
    """Return the `x` of `vars(x)` and `x.__dict__`."""
    if isinstance(node, ast.Attribute) and node.attr == "__dict__":
        return node.value
    is_vars = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "vars" and node.args
    return node.args[0] if isinstance(node, ast.Call) and is_vars else None


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ANY


def _holder(expression: ast.expr | str, names: Mapping[str, object]) -> object:
    if isinstance(expression, ast.expr):
        return static_value(expression, names)
    first, *parts = expression.split(".")
    found: object = sys.modules.get(first)
    for part in parts:
        found = vars(found).get(part) if isinstance(found, Holder) else None
    return found
