"""The table of fields by minor: since and until which minor a field exists, and the limits that only some minors have.

It is made from all pins of a component and becomes `availability.py` of the generated package.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import cast

from codegen.comparison import renames
from codegen.comparison.contract import Contract, pinned
from codegen.comparison.tree import Node
from codegen.config import Component, minor
from codegen.errors import CodegenError
from codegen.minors.removed_content import ModelOf, content_of
from codegen.schema.definitions import KUBERNETES
from codegen.schema.jsontypes import Json

REPLACED = "replaced.toml"
_LEAST = ("minimum", "minLength", "minItems", "minProperties")
_MOST = ("maximum", "maxLength", "maxItems", "maxProperties")
_SERVERS = {"apiVersion", "kind", "metadata"}


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A field that not every minor has; see `kubeflow.core.availability.Field`."""

    path: str
    since: str | None
    until: str | None
    replaced_by: str | None = None
    moved: tuple[str, str] | None = None
    content: str | None = None
    unpinned_since: str | None = None


@dataclass(frozen=True, slots=True)
class LimitRow:
    """What some minors admit in a field that they have in common; see `kubeflow.core.availability.Limit`."""

    path: str
    since: str | None
    until: str | None
    type: str | None
    enum: tuple[str, ...] | None
    least: int | None
    most: int | None

    @property
    def empty(self) -> bool:
        """True when the row limits nothing."""
        return self.type is None and self.enum is None and self.least is None and self.most is None


@dataclass(frozen=True, slots=True)
class FieldTable:
    """The rows of one kind, sorted by path."""

    fields: tuple[FieldRow, ...]
    limits: tuple[LimitRow, ...]


@dataclass(frozen=True, slots=True)
class Replaced:
    """One entry of `schemas/replaced.toml`."""

    component: str
    kind: str
    field: str
    by: str
    reason: str


def minors(component: Component) -> tuple[str, ...]:
    """Return the pinned minors as users write them, oldest first: `2.3`."""
    return tuple(minor(version).removeprefix("v") for version in component.versions)


def read_replaced(schemas: Path) -> list[Replaced]:
    """Return the entries of `schemas/replaced.toml`; none when there is no such file.

    Raises:
        CodegenError: An entry lacks a key, or has an unknown one.
    """
    path = schemas / REPLACED
    if not path.exists():
        return []
    try:
        return [Replaced(**entry) for entry in tomllib.loads(path.read_text("utf-8")).get("replaced", [])]
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise CodegenError(f"schemas/{REPLACED}: {error}") from error


def load(root: Path, component: Component, model_of: ModelOf = lambda definition: None) -> dict[str, FieldTable]:
    """Return the tables of all kinds of `component`, from its pins; of its preview only that a kind comes with it.

    Args:
        root: Of the checkout.
        component: With several pins.
        model_of: Which model is generated for a definition, for the content of removed fields; default: none is.

    Raises:
        CodegenError: A pin is missing, or an entry of `replaced.toml` matches nothing.
    """
    contracts = [pinned(root, component, version) for version in component.versions]
    entries = [entry for entry in read_replaced(root / "schemas") if entry.component == component.name]
    found = tables(minors(component), contracts, entries, model_of)
    for written, first in component.unpinned_since.items():
        table = found[written]
        rows = [replace(row, unpinned_since=first.removeprefix("v")) if not row.path else row for row in table.fields]
        found[written] = replace(table, fields=tuple(rows))
    if component.preview:
        comes = FieldTable((FieldRow("", preview(component), None),), ())
        found |= {kind: comes for kind in pinned(root, component, component.preview).kinds if kind not in found}
    return found


def preview(component: Component) -> str | None:
    """Return the minor of the preview as users write it, such as `2.4`; None where there is none."""
    return minor(component.preview).removeprefix("v") if component.preview else None


def of_version(found: Mapping[str, FieldTable], component: Component, api_version: str) -> dict[str, FieldTable]:
    """Return those tables that are of kinds of one group and version, by the bare name of the kind."""
    kinds = {written: component.kind_name(written) for written in found}
    return {kind.kind: found[written] for written, kind in kinds.items() if kind.api_version == api_version}


def grouped(tables: Mapping[str, FieldTable]) -> list[tuple[tuple[str, ...], FieldTable]]:
    """Return each different table once, with the kinds that it holds for."""
    kinds: dict[FieldTable, list[str]] = defaultdict(list)
    for kind, table in tables.items():
        kinds[table].append(kind)
    return [(tuple(names), table) for table, names in kinds.items()]


def tables(
    names: Sequence[str],
    contracts: Sequence[Contract],
    replaced: Sequence[Replaced] = (),
    model_of: ModelOf = lambda definition: None,
) -> dict[str, FieldTable]:
    """Return the tables by kind.

    Args:
        names: The minors, oldest first.
        contracts: Of each minor.
        replaced: What took the place of removed fields, where their content does not tell.
        model_of: As for `load`.

    Raises:
        CodegenError: An entry of `replaced` names no removed field, or one in its place that does not exist.
    """
    kinds = sorted({kind for contract in contracts for kind in contract.kinds})
    result: dict[str, FieldTable] = {}
    for kind in kinds:
        walk = _MinorWalk(names, model_of)
        trees = [contract.kinds.get(kind) for contract in contracts]
        walk.kind(trees)
        walk.below(trees, ())
        result[kind] = FieldTable(tuple(walk.fields), tuple(walk.limits))
    for entry in replaced:
        if entry.kind not in result:
            raise CodegenError(f"schemas/{REPLACED}: there is no kind {entry.kind!r}; there are: {', '.join(kinds)}")
        trees = [contract.kinds.get(entry.kind) for contract in contracts]
        result[entry.kind] = _with_replacement(result[entry.kind], entry, names, trees)
    return result


@dataclass
class _MinorWalk:
    names: Sequence[str]
    model_of: ModelOf
    fields: list[FieldRow] = field(default_factory=list[FieldRow])
    limits: list[LimitRow] = field(default_factory=list[LimitRow])

    def kind(self, nodes: Sequence[Node | None]) -> None:
        """Record which minors have the kind itself, where not all do."""
        for first, last in _runs([node is not None for node in nodes]):
            since, until = self._range(first, last)
            if since or until:
                self.fields.append(FieldRow("", since, until))

    def below(self, nodes: Sequence[Node | None], path: tuple[str, ...]) -> None:
        """Record what differs below one place, which some of the minors have."""
        steps = sorted({step for node in nodes if node for step in node.children})
        successors = self._successors(nodes, path)
        servers = any(node and (node.definition or "").startswith(KUBERNETES) for node in nodes)
        for step in steps:
            if not path and step in _SERVERS:
                continue
            here = (*path, step)
            children = [node.children.get(step) if node else None for node in nodes]
            if any(node and not child for node, child in zip(nodes, children, strict=True)):
                for first, last in _runs([child is not None for child in children]):
                    since, until = self._range(first, last)
                    by, moved = successors.get((step, last), (None, None))
                    last_one = children[last]
                    content = content_of(last_one, self.model_of) if until and last_one else None
                    self.fields.append(FieldRow(written(here), since, until, by, moved, content))
            if here[0] != "status":  # written by the control plane, within its own limits
                self._limits(children, here, enums=not servers)
            if sum(child is not None for child in children) > 1:
                self.below(children, here)

    def _range(self, first: int, last: int) -> tuple[str | None, str | None]:
        return self.names[first] if first else None, self.names[last] if last + 1 < len(self.names) else None

    def _successors(
        self, nodes: Sequence[Node | None], path: tuple[str, ...]
    ) -> dict[tuple[str, int], tuple[str, tuple[str, str] | None]]:
        """Return by field and last minor what took its place in the next, and where its content went."""
        result: dict[tuple[str, int], tuple[str, tuple[str, str] | None]] = {}
        for index, (old, new) in enumerate(pairwise(nodes)):
            if old is None or new is None:
                continue
            removed = {step: node for step, node in old.children.items() if step not in new.children}
            added = {step: node for step, node in new.children.items() if step not in old.children}
            for rename in renames.find(removed, added):
                moves = [(move.before, move.after) for move in rename.moves[:1] if move.after]
                moved = [(written((*path, *before)), written((*path, *after))) for before, after in moves]
                result[rename.before, index] = (written((*path, rename.after)), moved[0] if moved else None)
        return result

    def _limits(self, children: Sequence[Node | None], path: tuple[str, ...], *, enums: bool) -> None:
        """Record types, enums and bounds where the minors differ.

        Args:
            enums: True when CRDs state enums here. Those of Kubernetes' own types do not, so no minor enforces them.
        """
        present = [child for child in children if child is not None]
        statements = [_statement(child) if child else None for child in children]
        differing = {
            key for one in statements if one for other in statements if other for key in one if one[key] != other[key]
        }
        if not enums:
            differing.discard("enum")
        if len(present) < 2 or not differing:
            return
        kept = [{key: one[key] for key in sorted(differing)} if one else None for one in statements]
        first = 0
        for index in range(1, len(kept) + 1):
            if index < len(kept) and kept[index] == kept[first]:
                continue
            values, (since, until) = kept[first], self._range(first, index - 1)
            if values is not None:
                limit = LimitRow(
                    path=written(path),
                    since=since,
                    until=until,
                    type=cast("str | None", values.get("type")),
                    enum=cast("tuple[str, ...] | None", values.get("enum")),
                    least=cast("int | None", values.get("least")),
                    most=cast("int | None", values.get("most")),
                )
                if not limit.empty:
                    self.limits.append(limit)
            first = index


def written(path: tuple[str, ...]) -> str:
    """Return a path as the table has it: `spec.env[*].name`."""
    return "".join("[*]" if step in ("[]", "{}") else f".{step}" for step in path).removeprefix(".")


def _statement(node: Node) -> Mapping[str, object]:
    def first(keywords: Sequence[str]) -> Json:
        return next((node.facts[keyword] for keyword in keywords if keyword in node.facts), None)

    enum = node.facts.get("enum")
    return {
        "type": node.type,
        "enum": None if enum is None else tuple(cast("Sequence[str]", enum)),
        "least": first(_LEAST),
        "most": first(_MOST),
    }


def _runs(present: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Yield first and last index of every unbroken run."""
    first: int | None = None
    for index, here in enumerate([*present, False]):
        if here and first is None:
            first = index
        elif not here and first is not None:
            yield first, index - 1
            first = None


def _with_replacement(
    table: FieldTable, entry: Replaced, names: Sequence[str], trees: Sequence[Node | None]
) -> FieldTable:
    for index, row in enumerate(table.fields):
        if row.path == entry.field and row.until is not None:
            after = trees[names.index(row.until) + 1]
            if after is None or entry.by not in {written(path) for path, _ in after.walk()}:
                raise CodegenError(
                    f"schemas/{REPLACED}: {entry.by!r}, in the place of {entry.field!r}, "
                    f"is no field of {entry.kind} in the release after {row.until}"
                )
            fields = [*table.fields[:index], replace(row, replaced_by=entry.by), *table.fields[index + 1 :]]
            return replace(table, fields=tuple(fields))
    raise CodegenError(f"schemas/{REPLACED}: no release removed {entry.field!r} from {entry.kind}; remove the entry")
