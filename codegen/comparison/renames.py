"""Renamed fields: a removed and an added field of one object whose subtrees are alike.

Names of fields are a poor guide (`podSpecOverrides`, `podTemplateOverrides` and `runtimePatches` are three
generations of one thing); the subtree is a good one. A scalar has no subtree and is never taken for renamed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from codegen.comparison.change import Move
from codegen.comparison.tree import Node

# Below this many places a likeness is chance: every reference to an object has a name and a namespace.
SMALLEST = 5
# Half of both subtrees together must be common: Trainer's generations of overrides share 65 % and 81 %.
ALIKE = 0.5
# Small subtrees are alike by chance: of the volume sources, `cinder` and `storageos` (6 places each) share 57 %.
SMALL, SMALL_ALIKE = 20, 0.75

Outline = Counter[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Rename:
    """A field that goes on under another name.

    Attributes:
        similarity: The common share of both subtrees, 0 to 1.
        moves: Where its content stands now, outermost first.
    """

    before: str
    after: str
    similarity: float
    moves: tuple[Move, ...]


def similarity(left: Outline, right: Outline) -> float:
    """Return the common share of two outlines, 0 to 1."""
    union = (left | right).total()
    return (left & right).total() / union if union else 0.0


def alike(share: float, left: Outline, right: Outline) -> bool:
    """Return True when two outlines with this common share are more alike than chance makes them."""
    return share >= (SMALL_ALIKE if min(left.total(), right.total()) < SMALL else ALIKE)


def find(removed: Mapping[str, Node], added: Mapping[str, Node]) -> list[Rename]:
    """Return the renames among the fields that went from, and came to, one object; the likest first."""
    before = {name: node.outline() for name, node in removed.items()}
    after = {name: node.outline() for name, node in added.items()}
    pairs = [
        (-similarity(before[old], after[new]), old, new)
        for old in removed
        for new in added
        if removed[old].type == added[new].type and min(before[old].total(), after[new].total()) >= SMALLEST
    ]
    result: list[Rename] = []
    taken: set[str] = set()
    for negative, old, new in sorted(pairs):
        if alike(-negative, before[old], after[new]) and not {f"-{old}", f"+{new}"} & taken:
            taken |= {f"-{old}", f"+{new}"}
            moves = _Moves(new, added[new]).of(old, removed[old])
            result.append(Rename(old, new, round(-negative, 2), moves))
    return result


class _Moves:
    """Follows the content of a renamed field into the tree that took its place."""

    def __init__(self, name: str, root: Node) -> None:
        self._nodes: dict[tuple[str, ...], Node] = {(name,): root}
        self._nodes |= {(name, *path): node for path, node in root.walk()}
        self._outlines: dict[tuple[str, ...], Outline] = {path: node.outline() for path, node in self._nodes.items()}
        self._found: list[Move] = []

    def of(self, name: str, root: Node) -> tuple[Move, ...]:
        self._visit((name,), root, next(iter(self._nodes)))
        return tuple(self._found)

    def _visit(self, path: tuple[str, ...], node: Node, expected: tuple[str, ...]) -> None:
        """Look for the content of `path`, which is at `expected` if nothing moved."""
        here = self._nodes.get(expected)
        same_place = here is not None and here.type == node.type
        if here is not None and same_place and (len(path) == 1 or node.children.keys() <= here.children.keys()):
            place: tuple[str, ...] | None = expected
        else:
            place = self._search(path, node, expected if same_place else None)
            if place != expected:
                self._found.append(Move(path, place))
        if place is not None:
            for step, child in node.children.items():
                self._visit((*path, step), child, (*place, step))

    def _search(self, path: tuple[str, ...], node: Node, expected: tuple[str, ...] | None) -> tuple[str, ...] | None:
        outline = node.outline()
        fitting = [place for place, other in self._nodes.items() if other.type == node.type]
        if outline.total() < SMALLEST:  # too small to tell by its content: the name must be the same, and unique
            same = [place for place in fitting if place[-1] == path[-1] and self._outlines[place] == outline]
            return same[0] if len(same) == 1 else None
        scored = [
            (-similarity(outline, self._outlines[place]), place != expected, len(place), place) for place in fitting
        ]
        best = min(scored, default=None)
        return best[-1] if best and alike(-best[0], outline, self._outlines[best[-1]]) else None
