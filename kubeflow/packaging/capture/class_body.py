# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# (values of any type are what this module is about)
"""What becomes of the attributes that the body of a class binds: made by the text again, filled, or replaced."""

from __future__ import annotations

import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Mapping
from types import FunctionType
from typing import Literal

from kubeflow.core.stdlib import ast
from kubeflow.packaging.capture.assignments import is_dotted, reason_not_to_repeat
from kubeflow.packaging.capture.constructors import parts_of
from kubeflow.packaging.capture.provider import Provider
from kubeflow.packaging.capture.static_values import UNKNOWN, Unknown, gives, is_atom, same, static_value
from kubeflow.packaging.source.definitions import Origin, bound_names, statements
from kubeflow.packaging.source.importable import import_path

Outcome = Literal["text", "fill", "replace"]
"""`text`: the body makes it again. `fill`: the body makes it, its content comes at the end. `replace`: it is sent."""

GONE = Unknown()
"""What a local variable of an outer function means once that function has ended."""
CONTAINERS = (list, dict, set, deque, OrderedDict, defaultdict, Counter)
_DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


class ClassBody:
    """The body of one class: what its text gives again, and what not."""

    def __init__(
        self, provider: Provider, cls: type, node: ast.ClassDef, names: Mapping[str, object], origin: Origin
    ) -> None:
        self._provider = provider
        self._names = names
        self._origin = origin
        self._makers = _makers_of(cls, node.decorator_list, names)
        bound = ((name, statement) for statement in statements(node.body) for name, _ in bound_names(statement))
        self._last = dict(bound)

    def is_last(self, name: str, node: ast.stmt) -> bool:
        """Say whether a statement is the last of the body to bind a name."""
        return self._last[name] is node

    def outcome(self, value: object, expression: ast.expr) -> Outcome:
        """Decide what becomes of an attribute as for a name of the module: what its text may not give again is sent.

        Args:
            value: What the attribute holds now.
            expression: What the body binds it to.
        """
        static = static_value(expression, self._names)
        if is_atom(value):
            return "text" if same(value, static) else "replace"
        if is_dotted(expression):
            is_there = static is UNKNOWN and import_path(value) is not None
            return "text" if value is static or is_there else "replace"
        if gives(expression, value, self._names):
            return "text"
        if any(isinstance(part, ast.Name) and self._names.get(part.id) is GONE for part in ast.walk(expression)):
            return "replace"
        if type(value) in CONTAINERS and isinstance(expression, (*_DISPLAYS, ast.Call)):
            calls = any(isinstance(part, ast.Call | ast.Await) for part in ast.walk(expression))
            return "fill" if static is not UNKNOWN or not calls else "replace"
        return "text" if static is UNKNOWN and self._is_definition(value, expression) else "replace"

    def _is_definition(self, value: object, expression: ast.expr) -> bool:
        """Say whether a value is made the same way anywhere, or belongs to what has made the class: then it is the text
        that counts, not what was made of it.
        """
        if isinstance(value, FunctionType):
            first, last = expression.lineno, expression.end_lineno or expression.lineno
            is_of_text = self._origin.has(value.__code__)
            return not is_of_text or first <= value.__code__.co_firstlineno <= last
        called = expression
        while isinstance(called, ast.Call | ast.Subscript):
            called = called.func if isinstance(called, ast.Call) else called.value
        if {_package_of(static_value(called, self._names)), _package_of(type(value))} & self._makers:
            return True
        if self._provider.is_users_object(value) or parts_of(value) is not None:
            return False
        if isinstance(value, type):
            return import_path(value) is not None or self._provider.quietly(value) is None
        return hasattr(type(value), "__get__") or not reason_not_to_repeat(value, expression)


def _makers_of(cls: type, decorators: list[ast.expr], names: Mapping[str, object]) -> set[str]:
    """Return the packages that have a part in making a class, apart from Python's own plain ones."""
    metaclasses: tuple[type, ...] = type.__getattribute__(type(cls), "__mro__")
    found = {_package_of(base) for base in (*cls.__mro__[1:], *metaclasses) if import_path(base) is not None}
    for decorator in decorators:
        while isinstance(decorator, ast.Call):
            decorator = decorator.func  # noqa: PLW2901
        found.add(_package_of(static_value(decorator, names)))
    return found - _PLAIN


_PLAIN = {"", "builtins", "abc", "typing", "collections", "functools"}


def _package_of(value: object) -> str:
    """Return the outermost package of what defines a class or function."""
    home = getattr(value, "__module__", None) if isinstance(value, type | FunctionType) else None
    return home.partition(".")[0] if isinstance(home, str) and home in sys.modules else ""


def bound_to(node: ast.stmt, name: str) -> ast.expr | None:
    """Return the expression that a statement binds a name to; None where the statement does not show it."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.value
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return None
    target, value = node.targets[0], node.value
    if isinstance(target, ast.Name):
        return value
    if not isinstance(target, ast.Tuple) or not isinstance(value, ast.Tuple) or len(target.elts) != len(value.elts):
        return None
    pairs = zip(target.elts, value.elts, strict=True)
    return next((right for left, right in pairs if isinstance(left, ast.Name) and left.id == name), None)
