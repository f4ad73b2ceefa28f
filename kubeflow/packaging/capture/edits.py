# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# (values of any type are what this module is about)
"""Which parts of a definition's text must be replaced: what it was bound to when it was executed, and what its text
would be bound to now, are not the same.

A default value, a base class or a decorator is an expression that was evaluated once. Names may mean something else by
now, and side effects of the user's own decorators are in the live state that is sent.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import sys
import typing
from collections import ChainMap
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import cast

from kubeflow.core.stdlib import ast
from kubeflow.packaging.capture.class_body import GONE, ClassBody, Outcome, bound_to
from kubeflow.packaging.capture.class_facts import made_default
from kubeflow.packaging.capture.constructors import LRU_CACHE
from kubeflow.packaging.capture.module_steps import Edit, Ref
from kubeflow.packaging.capture.provider import Provider
from kubeflow.packaging.capture.stale_names import find_stale_names
from kubeflow.packaging.capture.static_values import UNKNOWN, gives, is_atom, literal, same, static_value
from kubeflow.packaging.source.definitions import Origin, bound_names, is_of_user, raw_function, statements

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


class Edits:
    """Edits of one piece of text: lines `first` and on of `origin`.

    `name_of` returns a name that the text can use for an object that it gets from outside.
    """

    def __init__(self, provider: Provider, origin: Origin, first: int, name_of: Callable[[Ref], str]) -> None:
        self.made: list[Edit] = []
        self.outcomes: dict[tuple[int, str], Outcome] = {}
        """What becomes of attributes, by the `id` of their class and their name."""
        self._provider = provider
        self._origin = origin
        self._first = first
        self._name_of = name_of

    # -- functions -----------------------------------------------------------------------------------------

    def defaults(self, node: FunctionNode | ast.Lambda, function: FunctionType, names: Mapping[str, object]) -> None:
        """Replace default values that the text would not give now."""
        arguments = node.args
        values = function.__defaults__ or ()
        if len(values) == len(arguments.defaults):
            for expression, value in zip(arguments.defaults, values, strict=True):
                self._compare(expression, value, names)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            keywords = function.__kwdefaults__ or {}
            if default is not None and argument.arg in keywords:
                self._compare(default, keywords[argument.arg], names)
        if not isinstance(node, ast.Lambda):
            parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            parameters += [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
            for each in parameters:
                self._annotation(each.annotation, each.arg, lambda: function.__annotations__, names)
            self._annotation(node.returns, "return", lambda: function.__annotations__, names)

    def _annotation(
        self,
        expression: ast.expr | None,
        name: str,
        live: Callable[[], Mapping[str, object]],
        names: Mapping[str, object],
    ) -> None:
        """Replace an annotation that means something else by now. From Python 3.14 on, reading them runs code of the
        user's.
        """
        if expression is None or sys.version_info >= (3, 14) or "annotations" in self._origin.future:
            return
        static, found = static_value(expression, names), live()
        if name in found and static is not UNKNOWN and not same(found[name], static):
            self._put(expression, found[name])

    def _compare(self, expression: ast.expr, value: object, names: Mapping[str, object]) -> None:
        if not gives(expression, value, names) and not _is_this_lambda(expression, value):
            self._put(expression, value)

    def _put(self, expression: ast.expr, value: object) -> bool:
        """Replace an expression by its value. Returns False when the value cannot be sent."""
        text = literal(value)
        if text is None:
            ref = self._provider.quietly(value)
            if ref is None or self._provider.record.waits_for_open(ref):
                return False
            text = self._name_of(ref)
        start, end = self._span(expression)
        lines = (expression.end_lineno or expression.lineno) - expression.lineno
        self.made.append((start, end, text + "\n" * lines))
        return True

    def decorators(self, node: FunctionNode | ast.ClassDef, dropped: list[ast.expr]) -> None:
        """Leave some decorators out. The others are called again: what they are given must be what they got."""
        self.without(dropped)
        self._check([each for each in node.decorator_list if each not in dropped], f"a decorator of {node.name}")

    def _check(self, parts: list[ast.expr], what: str) -> None:
        find_stale_names(self._provider, parts, self._origin, what)

    def without(self, decorators: list[ast.expr]) -> None:
        """Leave decorators out; their lines stay, empty."""
        for decorator in decorators:
            start, end = self._span(decorator)
            line_start = self._offset(decorator.lineno, 0)
            before = self._text()[line_start:start]
            at = line_start + before.rindex("@") if "@" in before else start
            # An `@` on a line of its own with its expression in brackets, or a comment after it, stays harmless.
            end = self._closing(start, end)
            self.made.append((at, end, "\n" * self._text()[at:end].count("\n")))

    def _closing(self, start: int, end: int) -> int:
        text = self._text()
        before = text.rindex("@", 0, start)
        for _ in range(text.count("(", before, start)):
            end = text.index(")", end) + 1
        return end

    # -- classes -------------------------------------------------------------------------------------------

    def bases(self, node: ast.ClassDef, cls: type, names: Mapping[str, object]) -> None:
        """Replace base classes and the metaclass where their names mean others by now."""
        bases: tuple[object, ...] = vars(cls).get("__orig_bases__", cls.__bases__)
        if len(bases) == len(node.bases) and not any(isinstance(base, ast.Starred) for base in node.bases):
            for expression, base in zip(node.bases, bases, strict=True):
                if isinstance(expression, ast.Subscript):
                    expression, base = expression.value, typing.get_origin(base)  # noqa: PLW2901
                static = static_value(expression, names)
                if static is not UNKNOWN and static is not base and base is not None:
                    self._put(expression, base)
                elif static is UNKNOWN:
                    self._check([expression], f"a base of {node.name}")
        for keyword in node.keywords:
            if keyword.arg == "metaclass":
                static = static_value(keyword.value, names)
                if isinstance(static, type) and static is not type(cls):
                    self._put(keyword.value, type(cls))
            elif not is_atom(static_value(keyword.value, {})):
                self._check([keyword.value], f"the statement of class {node.name}")

    def body(self, node: ast.ClassDef, cls: type, names: Mapping[str, object]) -> None:
        """Replace what the body of a class would bind otherwise than it did."""
        before: dict[str, object] = {}
        inside = ChainMap(before, dict(names)) if not isinstance(names, ChainMap) else names.new_child(before)
        body = ClassBody(self._provider, cls, node, inside, self._origin)
        for statement in statements(node.body):
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                value = attribute(cls, statement.name)
                self._method(statement, node, value, inside)
                before[statement.name] = value
            elif isinstance(statement, ast.ClassDef):
                value = attribute(cls, statement.name)
                if isinstance(value, type):
                    self.bases(statement, value, inside)
                    self.body(statement, value, inside)
                before[statement.name] = value
            else:
                if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                    name = mangled(cls, statement.target.id)
                    self._annotation(statement.annotation, name, lambda: _annotations_of(cls), inside)
                for name, _ in bound_names(statement):
                    before[name] = self._assigned(statement, cls, name, inside, body)

    def _method(self, node: FunctionNode, around: ast.ClassDef, value: object, names: Mapping[str, object]) -> None:
        raw = raw_function(value, node, self._origin)
        if raw is None:
            return
        self.defaults(node, raw, names)
        is_parts = is_structural(value, self._provider)
        self.decorators(node, method_decorators(node, around, self._provider, names) if is_parts else [])

    def _assigned(self, node: ast.stmt, cls: type, name: str, names: Mapping[str, object], body: ClassBody) -> object:
        """Decide what becomes of an attribute, and return what its name means to the rest of the body."""
        expression = bound_to(node, name)
        if expression is None:
            return UNKNOWN
        value = _as_bound(cls, name)
        fields: Mapping[str, dataclasses.Field[object]] = vars(cls).get("__dataclass_fields__", {})
        if name in fields and isinstance(expression, ast.Call) and self._field(expression, fields[name], names):
            self.outcomes[id(cls), name] = "text"
            return value
        if value is UNKNOWN or not body.is_last(name, node):
            return static_value(expression, names)
        found = body.outcome(value, expression)
        is_put = found == "replace" and self._put(expression, value)
        self.outcomes[id(cls), mangled(cls, name)] = "text" if is_put else found
        if found == "text" and isinstance(expression, ast.Lambda) and isinstance(value, FunctionType):
            self.defaults(expression, value, names)
        elif found == "text" and static_value(expression, names) is UNKNOWN:
            self._check([expression], f"{cls.__name__}.{name}")
        return value

    def _field(self, call: ast.Call, field: dataclasses.Field[object], names: Mapping[str, object]) -> bool:
        """Replace what a field of a dataclass would be made of otherwise. Returns False for what makes no field."""
        if static_value(call.func, names) is not dataclasses.field:
            return False
        for keyword in call.keywords:
            if keyword.arg in ("default", "default_factory"):
                self._compare(keyword.value, getattr(field, keyword.arg), names)
        return True

    # -- places --------------------------------------------------------------------------------------------

    def _text(self) -> str:
        return "\n".join(self._origin.lines[self._first - 1 :])

    def _span(self, node: ast.expr) -> tuple[int, int]:
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self._offset(node.lineno, node.col_offset), self._offset(end_line, end_column)

    def _offset(self, line: int, column: int) -> int:
        lines = self._origin.lines[self._first - 1 : line]
        # Columns of the parser count bytes of UTF-8.
        return sum(len(each) + 1 for each in lines[:-1]) + len(lines[-1].encode()[:column].decode())


def _is_this_lambda(expression: ast.expr, value: object) -> bool:
    return (
        isinstance(expression, ast.Lambda)
        and isinstance(value, FunctionType)
        and value.__code__.co_name == "<lambda>"
        and value.__code__.co_firstlineno == expression.lineno
        and not (value.__closure__ or value.__dict__ or value.__defaults__ or value.__kwdefaults__)
    )


def _annotations_of(cls: type) -> dict[str, object]:
    """Return the annotations that the body of a class made, as far as the class still knows."""
    fields: Mapping[str, dataclasses.Field[object]] = vars(cls).get("__dataclass_fields__", {})
    own: dict[str, object] = vars(cls).get("__annotations__", {})
    return {name: fields[name].type if name in fields else value for name, value in own.items()}


def _as_bound(cls: type, name: str) -> object:
    """Return what the body bound to a name, as far as the class still knows; it may have been set since."""
    fields: Mapping[str, dataclasses.Field[object]] = vars(cls).get("__dataclass_fields__", {})
    if name in fields and fields[name].default is not dataclasses.MISSING:
        made = made_default(cls, name)
        return fields[name].default if made is dataclasses.MISSING else made
    defaults: Mapping[str, object] = vars(cls).get("_field_defaults", {})
    if issubclass(cls, tuple) and name in defaults:
        return defaults[name]
    value = attribute(cls, name)
    if isinstance(value, enum.Enum) and isinstance(cls, enum.EnumMeta):
        return value.value
    return value


def attribute(cls: type, name: str) -> object:
    """Return an attribute of the class itself, by the name that its body uses; UNKNOWN without it."""
    name = mangled(cls, name)
    if isinstance(cls, enum.EnumMeta) and name in cls.__members__:
        return cls.__members__[name]
    return vars(cls).get(name, UNKNOWN)


def mangled(cls: type, name: str) -> str:
    """Return the name of an attribute that the body of a class binds under `name`."""
    return f"_{cls.__name__.lstrip('_')}{name}" if name.startswith("__") and not name.endswith("__") else name


def own_decorators(
    node: FunctionNode | ast.ClassDef, provider: Provider, names: Mapping[str, object]
) -> list[ast.expr]:
    """Return the decorators that the user's module defines itself.

    What they return and what they changed is part of the live state. Decorators of other modules are executed again:
    what they change elsewhere is not seen.
    """
    return [d for d in node.decorator_list if is_own(d, provider, names)]


def method_decorators(
    node: FunctionNode, around: ast.ClassDef, provider: Provider, names: Mapping[str, object]
) -> list[ast.expr]:
    """Return the decorators of a method that the user's module defines itself, outside of the class."""
    inside = ChainMap[str, object](dict.fromkeys(bound_in(around), UNKNOWN), dict(names))
    return own_decorators(node, provider, inside)


def is_structural(value: object, provider: Provider) -> bool:
    """Say whether a decorated function consists of parts that can be sent one by one, instead of decorating again."""
    if isinstance(value, FunctionType):
        return is_of_user(value)
    if isinstance(value, staticmethod | classmethod):
        return is_structural(value.__func__, provider)
    if isinstance(value, property):
        return all(part is None or is_structural(part, provider) for part in (value.fget, value.fset, value.fdel))
    if isinstance(value, functools.partial):
        return is_structural(cast("functools.partial[object]", value).func, provider)
    if isinstance(value, LRU_CACHE):
        return is_structural(value.__wrapped__, provider)
    return not isinstance(value, type) and provider.is_users_object(value)


def bound_in(node: ast.ClassDef) -> set[str]:
    """Return the names that the body of a class binds."""
    return {name for statement in statements(node.body) for name, _ in bound_names(statement)}


def is_own(decorator: ast.expr, provider: Provider, names: Mapping[str, object]) -> bool:
    """Say whether a decorator is a function, class or object that the user's module made, and did not import."""
    root: ast.expr = decorator
    while isinstance(root, ast.Call | ast.Attribute | ast.Subscript):
        root = root.func if isinstance(root, ast.Call) else root.value
    if isinstance(root, ast.Lambda):
        return True
    if not isinstance(root, ast.Name):
        return False
    value = names.get(root.id, UNKNOWN)
    if value is GONE:
        return True
    if root.id not in provider.namespace or value is not provider.namespace[root.id]:
        return False
    bindings = list(provider.origins.bindings(root.id))
    return bool(bindings) and all(binding.alias is None for binding in bindings)
