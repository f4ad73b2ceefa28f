"""Keeps of a set of definitions what some of them reach."""

from __future__ import annotations

from collections.abc import Iterable

from codegen.jsontypes import Object
from codegen.openapi import Definitions, children, reference


def reachable(definitions: Definitions, roots: Iterable[str]) -> Definitions:
    """Return the definitions that `roots` reach, themselves included, sorted by name."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(references(definitions[name]))
    return {name: definitions[name] for name in sorted(found)}


def references(node: Object) -> set[str]:
    """Return the definitions that `node` refers to, at any depth of its own."""
    target = reference(node)
    found = {target} if target else set[str]()
    for _, child in children(node):
        found |= references(child)
    return found
