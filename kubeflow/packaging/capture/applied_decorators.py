# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# (values of any type are what this module is about)
"""Decorators of libraries that a call has applied to a class: `V = dataclass(V)`, `W = attr.define(V)`.

What they wrote into the class has no text of the user's. The job applies them again.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import sys
from collections.abc import Iterator
from functools import cached_property

from kubeflow.core.stdlib import ast
from kubeflow.packaging.capture.calls import Calls
from kubeflow.packaging.capture.module_steps import Ref
from kubeflow.packaging.capture.provider import Provider
from kubeflow.packaging.capture.static_values import UNKNOWN, static_value

_COMPARISONS = ("__lt__", "__le__", "__gt__", "__ge__")
# Of attrs: what may decorate a class, in any of its packages.
_ATTRS = ("attr", "attrs")
_ATTRS_DECORATORS = ("attrs", "attributes", "s", "define", "mutable", "frozen", "dataclass")


@dataclasses.dataclass(frozen=True, slots=True)
class AppliedDecorator:
    """One such call: `func(cls, **keywords)`, or `func(**keywords)(cls)` where it `configures`.

    `text` is what is called with the class.
    """

    text: ast.expr
    func: object
    keywords: dict[str, ast.expr]
    configures: bool


class AppliedDecorators:
    """Finds such calls in the texts of the user's module."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def of(self, cls: type, node: ast.ClassDef) -> list[AppliedDecorator]:
        """Return the calls that made a class of what its statement `node` makes, in their order."""
        marks = {mark for mark, is_there in _marks(cls).items() if is_there}
        if not marks:
            return []
        written = {_mark_of(found.func) for part in node.decorator_list if (found := self._read(part)) is not None}
        made = [each for name, each in self._calls if name == node.name and _mark_of(each.func) in marks]
        made = [each for each in made if each.keywords or each.configures or _mark_of(each.func) not in written]
        # Several of a kind made several classes: the one that this class is of is the one that replaced nothing.
        return made if len({_mark_of(each.func) for each in made}) == len(made) else made[-1:]

    @cached_property
    def _calls(self) -> list[tuple[str, AppliedDecorator]]:
        """The calls with one argument that is the name of a class statement, with that name."""
        found: list[tuple[str, AppliedDecorator]] = []
        for origin in self._provider.origins.all():
            for node in ast.walk(origin.tree):
                if isinstance(node, ast.Call) and len(node.args) == 1 and isinstance(node.args[0], ast.Name):
                    each = self._read(node.func)
                    if each is not None and _mark_of(each.func):
                        words = {word.arg: word.value for word in node.keywords if word.arg is not None}
                        each = each if not words else dataclasses.replace(each, keywords=words)
                        found.append((node.args[0].id, each))
        return found

    def _read(self, node: ast.expr) -> AppliedDecorator | None:
        """Return what a decorator, or the function of such a call, means."""
        configures = isinstance(node, ast.Call)
        func = static_value(node.func if isinstance(node, ast.Call) else node, self._provider.namespace)
        if func is UNKNOWN or (isinstance(node, ast.Call) and node.args):
            return None
        words = node.keywords if isinstance(node, ast.Call) else []
        return AppliedDecorator(node, func, {w.arg: w.value for w in words if w.arg is not None}, configures)

    def apply(self, number: int, made: Ref, decorators: list[AppliedDecorator]) -> Ref | None:
        """Let node `number` make a class of the one that the job has at `made`; None where a part cannot be sent."""
        calls = Calls(self._provider.record)
        place: Ref | None = made
        for each in decorators:
            func = self._provider.ref(each.func, "a decorator", "")
            keywords = {name: self._keyword(value) for name, value in each.keywords.items()}
            if each.configures:
                func, keywords = calls.call_of(func, [], keywords), {}
            place = calls.call_of(func, [place], keywords)
        if place is None:
            return None
        return self._provider.record.make(number, {"do": "alias", "of": place.operand}, place)

    def _keyword(self, node: ast.expr) -> Ref | None:
        value = static_value(node, self._provider.namespace)
        return None if value is UNKNOWN else self._provider.ref(value, "an argument of a decorator", "")


def with_decorators(node: ast.ClassDef, applied: list[AppliedDecorator]) -> ast.ClassDef:
    """Return a class statement as it would be with such calls as its decorators."""
    made = copy.copy(node)
    made.decorator_list = [*(each.text for each in reversed(applied)), *node.decorator_list]
    return made


def _marks(cls: type) -> dict[str, bool]:
    """Return which decorators have left their mark in a class."""
    state = vars(cls)
    return {
        "dataclass": "__dataclass_params__" in state,
        "attrs": "__attrs_attrs__" in state,
        "total_ordering": any(getattr(state.get(name), "__module__", "") == "functools" for name in _COMPARISONS),
    }


def _mark_of(func: object) -> str:
    """Return the mark that a decorator leaves; "" for any other function."""
    if func is dataclasses.dataclass:
        return "dataclass"
    if func is functools.total_ordering:
        return "total_ordering"
    return "attrs" if any(func is each for each in _of_attrs()) else ""


def _of_attrs() -> Iterator[object]:
    for package in _ATTRS:
        if (module := sys.modules.get(package)) is not None:
            yield from (vars(module)[name] for name in _ATTRS_DECORATORS if name in vars(module))
