"""The walk over two contracts side by side, and the `ApiDiff` with one change for each difference of a type."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, cast

from codegen.comparison import keywords, renames
from codegen.comparison.change import EFFECTS, Change, ChangeClass, Detail, Effects
from codegen.comparison.contract import Contract, servers_part_removed
from codegen.comparison.renames import Rename
from codegen.comparison.tree import Node, dotted
from codegen.schema.definitions import KUBERNETES

# `unknown`: there was nothing that could be compared.
Verdict: TypeAlias = Literal["major", "minor", "patch", "unknown"]

_NAMES = ("group", "version", "plural", "singular", "listKind")
_PRESENTATION = ("shortNames", "categories", "printerColumns", "storage")
# What a CRD leaves to OpenAPI, or states less often: not a change where it is simply not said.
_UNSAID = ("format", "x-kubernetes-patch-merge-key", "x-kubernetes-patch-strategy", "x-kubernetes-unions")
# The same, of Kubernetes' own types only: of a component's types, a CRD does state these.
_UNSAID_OF_SERVERS = ("enum", "x-kubernetes-list-type")


@dataclass(frozen=True, slots=True)
class TypeNames:
    """Named types that went, came, or go on under another name: the classes of the generated package."""

    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ApiDiff:
    """What changed from `old` to `new`.

    Attributes:
        changes: Each change once, however many paths it shows at.
        types: Names of types; they break imports of the generated classes, not manifests.
        opaque: Kinds, or paths in them, of which one side says nothing (its CRD keeps any content); not compared.
        compared: Kinds that were.
    """

    old: str
    new: str
    changes: tuple[Change, ...]
    types: TypeNames
    opaque: tuple[str, ...]
    compared: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """The semantic version step that the changes ask for."""
        if not self.compared and not self.changes:
            return "unknown"
        if any(change.breaking for change in self.changes):
            return "major"
        quiet = ("message-changed", "presentation-changed")
        return "minor" if any(change.what not in quiet for change in self.changes) else "patch"

    def breaking(self, audience: Literal["writers", "readers"]) -> list[Change]:
        """Return what breaks one audience."""
        return [change for change in self.changes if getattr(change.effects, audience) == "breaks"]


def diff(old: Contract, new: Contract) -> ApiDiff:
    """Return what changed from `old` to `new`."""
    partial = not (old.complete and new.complete)
    if partial:
        old, new = (servers_part_removed(each) if each.complete else each for each in (old, new))
    walk = _ContractWalk(old, new, partial)
    opaque = [
        kind for kind in old.kinds
        if kind in new.kinds and (old.kinds[kind].opaque or new.kinds[kind].opaque)
    ]  # fmt: skip
    for kind in old.kinds.keys() | new.kinds.keys():
        if kind not in opaque:
            walk.kind(kind)
    for name in old.roots.keys() & new.roots.keys():
        walk.pair(old.roots[name], new.roots[name], (name,), _Owner(old.roots[name].definition, ()))
    return ApiDiff(
        old=old.name,
        new=new.name,
        changes=tuple(walk.changes()),
        types=_types(old.types, new.types),
        opaque=tuple(sorted([*opaque, *walk.opaque])),
        compared=tuple(sorted((old.kinds.keys() & new.kinds.keys()) - set(opaque))),
    )


@dataclass(frozen=True, slots=True)
class _Owner:
    """Where a place is, as people name it: steps inside the innermost named type."""

    definition: str | None
    steps: tuple[str, ...]

    def below(self, step: str, old: Node | None, new: Node | None) -> _Owner:
        """Return the owner of what is below the place `step`."""
        names = {node.definition for node in (old, new) if node and node.definition}
        if len(names) == 1:
            return _Owner(names.pop(), ())
        return _Owner(self.definition, (*self.steps, step))


_Key: TypeAlias = tuple[ChangeClass, str, str, str]


class _ContractWalk:
    def __init__(self, old: Contract, new: Contract, partial: bool) -> None:
        self._old, self._new, self._partial = old, new, partial
        self._found: dict[_Key, Change] = {}
        self._paths: dict[_Key, list[tuple[str, ...]]] = defaultdict(list)
        self.opaque: list[str] = []

    # -- walking ---------------------------------------------------------------------------------------------------

    def kind(self, kind: str) -> None:
        old, new = self._old.kinds.get(kind), self._new.kinds.get(kind)
        owner = _Owner(kind, ())
        if old is None or new is None:
            # A file with fewer CRDs is not a component with fewer kinds: they come one by one.
            if self._old.whole and self._new.whole:
                self._add("kind-added" if old is None else "kind-removed", owner, (kind,))
            return
        self._kind_facts(kind, owner)
        for what, detail in keywords.compare(*self._comparable(old, new)):
            self._add(what, owner, (kind,), detail)
        self.pair(old, new, (kind,), _Owner(old.definition or new.definition or kind, ()))

    def pair(self, old: Node, new: Node, path: tuple[str, ...], owner: _Owner) -> None:
        """Compare what is below two nodes that stand for the same place."""
        if old is new or (old.type != new.type and (not old.children or not new.children)):
            return
        removed = {name: node for name, node in old.children.items() if name not in new.children}
        added = {name: node for name, node in new.children.items() if name not in old.children}
        if {"[]", "{}"} & (removed.keys() | added.keys()):
            return  # another type, which is what is reported
        matched = renames.find(removed, added)
        for rename in matched:
            self._rename(rename, path, owner)
        renamed = {rename.before for rename in matched} | {rename.after for rename in matched}
        for name in removed.keys() - renamed:
            self._field("field-removed", name, old, path, owner)
        for name in added.keys() - renamed:
            self._field("field-added", name, new, path, owner)
        for name in sorted(old.required ^ new.required):
            if name in old.children and name in new.children:
                what: ChangeClass = "required-added" if name in new.required else "required-dropped"
                self._add(what, _Owner(owner.definition, (*owner.steps, name)), (*path, name))
        for name in [name for name in old.children if name in new.children]:
            self._place(name, old.children[name], new.children[name], (*path, name), owner)

    def _place(self, step: str, old: Node, new: Node, path: tuple[str, ...], owner: _Owner) -> None:
        if self._partial and old.opaque != new.opaque:
            self.opaque.append(dotted(path))  # the CRD leaves it to the controller; only OpenAPI has its types
            return
        here = _Owner(owner.definition, (*owner.steps, step))
        old, new = self._comparable(old, new, owner.definition)
        for what, detail in keywords.compare(old, new):
            keyword = detail.keyword
            same_type = old.definition == new.definition is not None
            of_type = same_type and (
                keyword in old.own.keys() | new.own.keys() and old.own.get(keyword) != new.own.get(keyword)
            )
            self._add(what, _Owner(old.definition, ()) if of_type else here, path, detail)
        self.pair(old, new, path, owner.below(step, old, new))

    def _comparable(self, old: Node, new: Node, owner: str | None = None) -> tuple[Node, Node]:
        """Return both without what one document says and the other, being no complete one, cannot say."""
        if not self._partial:
            return old, new
        silent = [node for node, contract in ((old, self._old), (new, self._new)) if not contract.complete]
        unstated = _UNSAID + _UNSAID_OF_SERVERS if (owner or "").startswith(KUBERNETES) else _UNSAID
        unsaid = [keyword for keyword in unstated if any(keyword not in node.facts for node in silent)]
        return _leave_out(old, unsaid), _leave_out(new, unsaid)

    # -- recording -------------------------------------------------------------------------------------------------

    def _kind_facts(self, kind: str, owner: _Owner) -> None:
        old, new = (contract.facts.get(kind, {}) for contract in (self._old, self._new))
        for keyword in sorted(old.keys() & new.keys() if self._partial else old.keys() | new.keys()):
            before, after = old.get(keyword), new.get(keyword)
            if before == after:
                continue
            if keyword == "subresources":
                removed, added = (set(cast("list[str]", value or [])) for value in (before, after))
                for name in removed - added:
                    self._add("subresource-removed", owner, (kind,), Detail("subresource", name, None))
                for name in added - removed:
                    self._add("subresource-added", owner, (kind,), Detail("subresource", None, name))
                continue
            what: ChangeClass = "presentation-changed" if keyword in _PRESENTATION else "keyword-changed"
            if keyword in (*_NAMES, "scope"):
                what = "scope-changed" if keyword == "scope" else "names-changed"
            self._add(what, owner, (kind,), Detail(keyword, before, after))

    def _field(self, what: ChangeClass, name: str, parent: Node, path: tuple[str, ...], owner: _Owner) -> None:
        node = parent.children[name]
        sides = [keywords.shape(node), None] if what == "field-removed" else [None, keywords.shape(node)]
        details = [Detail("type", *sides)]
        if name in parent.required:
            required = [True, None] if what == "field-removed" else [None, True]
            details.append(Detail("required", *required))
        self._add(what, _Owner(owner.definition, (*owner.steps, name)), (*path, name), *details)

    def _rename(self, rename: Rename, path: tuple[str, ...], owner: _Owner) -> None:
        self._add(
            "field-renamed",
            _Owner(owner.definition, (*owner.steps, rename.before)),
            (*path, rename.before),
            Detail("name", rename.before, rename.after),
            rename=rename,
        )

    def _add(
        self, what: ChangeClass, owner: _Owner, path: tuple[str, ...], *details: Detail, rename: Rename | None = None
    ) -> None:
        # Where no document names types, the path is all there is.
        name, at = (owner.definition, owner.steps) if owner.definition else (path[0], path[1:])
        key = (what, name, dotted(at), repr(details))
        self._paths[key].append(path)
        self._found[key] = Change(
            what=what,
            owner=name.rpartition(".")[2],
            at=dotted(at),
            paths=(),
            details=details,
            effects=EFFECTS[what],
            renamed=rename.after if rename else None,
            similarity=rename.similarity if rename else None,
            moves=rename.moves if rename else (),
        )

    def changes(self) -> list[Change]:
        """Return what was found, each class of change at each place of a type once; sorted by class, type, place."""
        together: dict[tuple[ChangeClass, str, str], list[_Key]] = defaultdict(list)
        for key in sorted(self._found):
            together[key[:3]].append(key)
        result: list[Change] = []
        order = list(EFFECTS)
        for keys in together.values():
            first = self._found[keys[0]]
            paths = sorted({path for key in keys for path in self._paths[key]})
            details = tuple(detail for key in keys for detail in self._found[key].details)
            shown = tuple(dotted(path) for path in paths)
            effects = self._effects(replace(first, details=details), paths)
            result.append(replace(first, details=details, paths=shown, effects=effects))
        return sorted(result, key=lambda change: (order.index(change.what), change.owner, change.at))

    def _effects(self, change: Change, paths: list[tuple[str, ...]]) -> Effects:
        effects = change.effects
        if change.what == "field-added" and any(detail.keyword == "required" for detail in change.details):
            effects = replace(effects, writers="breaks")
        return replace(effects, writers="none") if all(map(self._servers_own, paths)) else effects

    def _servers_own(self, path: tuple[str, ...]) -> bool:
        """Return True when only the control plane writes at `path`: in the status of a kind, or in the kind's list."""
        kind, *steps = path
        facts = [contract.facts.get(kind, {}) for contract in (self._old, self._new)]
        status = any("status" in cast("list[str]", each.get("subresources", [])) for each in facts)
        return (status and steps[:1] == ["status"]) or kind.removesuffix("List") in self._new.kinds.keys() - {kind}


def _leave_out(node: Node, keywords: list[str]) -> Node:
    return replace(node, facts={key: value for key, value in node.facts.items() if key not in keywords})


def _types(old: Mapping[str, Node], new: Mapping[str, Node]) -> TypeNames:
    if not old or not new:
        return TypeNames()
    removed = {name: node for name, node in old.items() if name not in new}
    added = {name: node for name, node in new.items() if name not in old}
    renamed = [(rename.before, rename.after) for rename in renames.find(removed, added)]
    removed_names = sorted(removed.keys() - {before for before, _ in renamed})
    added_names = sorted(added.keys() - {after for _, after in renamed})
    return TypeNames(tuple(removed_names), tuple(added_names), tuple(sorted(renamed)))
