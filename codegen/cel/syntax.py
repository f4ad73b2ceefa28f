"""The node types of a parsed CEL expression, and `NotLowerable`, the error of this package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


class NotLowerable(Exception):
    """The text is no CEL, or uses what the generator cannot turn into Python. The message says which."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, an int64, a double, a bool or null."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.name`."""

    operand: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Has:
    """`has(operand.name)`."""

    operand: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; the receiver of `a.f(b)` is the first. Operators are functions by their sign."""

    name: str
    arguments: tuple[Expression, ...]
    method: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """A map."""

    entries: tuple[tuple[Expression, Expression], ...]


@dataclass(frozen=True, slots=True)
class Macro:
    """`source.name(variable, [condition,] body)`: a comprehension over a list, or over the keys of a map."""

    name: str
    source: Expression
    variable: str
    body: Expression
    condition: Expression | None = None


Expression: TypeAlias = "Literal | Variable | Select | Has | Call | Items | Entries | Macro"


def names(node: Expression) -> set[str]:
    """Return every variable that `node` mentions, bound by a macro or not."""
    if isinstance(node, Variable):
        return {node.name}
    variables: set[str] = set()
    for child in _children(node):
        variables |= names(child)
    return variables


def calls(*nodes: Expression) -> set[str]:
    """Return every function and operator that `nodes` use."""
    called: set[str] = set()
    for node in nodes:
        called |= calls(*_children(node)) | ({node.name} if isinstance(node, Call) else set[str]())
    return called


def _children(node: Expression) -> tuple[Expression, ...]:
    if isinstance(node, Select | Has):
        return (node.operand,)
    if isinstance(node, Call):
        return node.arguments
    if isinstance(node, Items):
        return node.items
    if isinstance(node, Entries):
        return tuple(part for entry in node.entries for part in entry)
    if isinstance(node, Macro):
        return (node.source, node.body, *([node.condition] if node.condition else []))
    return ()
