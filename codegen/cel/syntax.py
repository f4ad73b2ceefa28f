"""The tree of a parsed CEL expression, and the error of everything here."""

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
class Name:
    """A variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.name`."""

    operand: Node
    name: str


@dataclass(frozen=True, slots=True)
class Has:
    """`has(operand.name)`."""

    operand: Node
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; the receiver of `a.f(b)` is the first. Operators are functions by their sign."""

    name: str
    arguments: tuple[Node, ...]
    method: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """A map."""

    entries: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class Macro:
    """`source.name(variable, [condition,] body)`: a comprehension over a list, or over the keys of a map."""

    name: str
    source: Node
    variable: str
    body: Node
    condition: Node | None = None


Node: TypeAlias = "Literal | Name | Select | Has | Call | Items | Entries | Macro"


def names(node: Node) -> set[str]:
    """Return every variable that `node` mentions, bound by a macro or not."""
    if isinstance(node, Name):
        return {node.name}
    found: set[str] = set()
    for child in _children(node):
        found |= names(child)
    return found


def _children(node: Node) -> tuple[Node, ...]:
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
