"""The classes of change between two API states, and the effect of each on writers and on readers of objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from codegen.schema.jsontypes import Json

ChangeClass: TypeAlias = Literal[
    "kind-removed",
    "kind-added",
    "scope-changed",
    "names-changed",
    "subresource-removed",
    "subresource-added",
    "presentation-changed",
    "field-removed",
    "field-added",
    "field-renamed",
    "type-narrowed",
    "type-widened",
    "type-changed",
    "required-added",
    "required-dropped",
    "enum-narrowed",
    "enum-widened",
    "enum-changed",
    "bound-tightened",
    "bound-relaxed",
    "bound-changed",
    "default-added",
    "default-removed",
    "default-changed",
    "rule-added",
    "rule-removed",
    "rule-changed",
    "message-changed",
    "immutability-gained",
    "immutability-lost",
    "list-type-changed",
    "list-keys-changed",
    "merge-changed",
    "keyword-changed",
]
# `breaks`: what was right is now refused, dropped or missing. `caution`: it still works, and may mean something else
# or bring a value not seen before. `none`: nothing to do.
Effect: TypeAlias = Literal["breaks", "caution", "none"]


@dataclass(frozen=True, slots=True)
class Effects:
    """What a change does to a client that writes objects, and to one that reads them."""

    writers: Effect
    readers: Effect


EFFECTS: Mapping[ChangeClass, Effects] = {
    "kind-removed": Effects("breaks", "breaks"),
    "kind-added": Effects("none", "none"),
    "scope-changed": Effects("breaks", "breaks"),
    "names-changed": Effects("breaks", "breaks"),
    "subresource-removed": Effects("breaks", "breaks"),
    "subresource-added": Effects("caution", "none"),  # with `status`, a plain update no longer writes the status
    "presentation-changed": Effects("none", "none"),
    "field-removed": Effects("breaks", "breaks"),
    "field-added": Effects("none", "none"),  # breaks writers when it is required: see `Change.effects`
    "field-renamed": Effects("breaks", "breaks"),
    "type-narrowed": Effects("breaks", "none"),
    "type-widened": Effects("none", "breaks"),
    "type-changed": Effects("breaks", "breaks"),
    "required-added": Effects("breaks", "none"),
    "required-dropped": Effects("none", "breaks"),
    "enum-narrowed": Effects("breaks", "none"),
    "enum-widened": Effects("none", "caution"),
    "enum-changed": Effects("breaks", "caution"),
    "bound-tightened": Effects("breaks", "none"),
    "bound-relaxed": Effects("none", "caution"),
    "bound-changed": Effects("breaks", "caution"),
    "default-added": Effects("caution", "none"),
    "default-removed": Effects("caution", "caution"),
    "default-changed": Effects("caution", "caution"),
    "rule-added": Effects("breaks", "none"),
    "rule-removed": Effects("none", "caution"),
    "rule-changed": Effects("breaks", "caution"),
    "message-changed": Effects("none", "none"),
    "immutability-gained": Effects("breaks", "none"),
    "immutability-lost": Effects("none", "caution"),
    "list-type-changed": Effects("breaks", "none"),
    "list-keys-changed": Effects("breaks", "none"),
    "merge-changed": Effects("caution", "none"),
    "keyword-changed": Effects("caution", "caution"),
}


@dataclass(frozen=True, slots=True)
class Detail:
    """One keyword, with its value before and after; None where it is not said."""

    keyword: str
    before: Json
    after: Json


@dataclass(frozen=True, slots=True)
class Move:
    """Where content of a renamed field went: the path before, and the path now, or None where it has no counterpart.

    Both start at the field itself: `podSpecOverrides[]` to `podTemplateOverrides[].spec`.
    """

    before: tuple[str, ...]
    after: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Change:
    """One change, at all the places where it shows.

    Attributes:
        owner: Name of the type that it belongs to, as the generated class is called; or a path, where nothing is named.
        at: The place inside the owner; empty for the type itself.
        paths: Every path at which it shows, such as `TrainJob.spec.labels`, at least one.
        details: What was said before and after, by keyword.
        renamed: The new name, for `field-renamed`.
        similarity: How much of both subtrees is the same, 0 to 1, for `field-renamed`.
        moves: Where a renamed field's content went, outermost first.
        effects: What it does to writers and readers.
    """

    what: ChangeClass
    owner: str
    at: str
    paths: tuple[str, ...]
    details: tuple[Detail, ...]
    effects: Effects
    renamed: str | None = None
    similarity: float | None = None
    moves: tuple[Move, ...] = ()

    @property
    def breaking(self) -> bool:
        """True when the change breaks writers or readers."""
        return "breaks" in (self.effects.writers, self.effects.readers)
