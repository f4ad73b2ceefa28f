"""The differences of two schema nodes by keyword (type, enum, bounds, default, CEL rules), each with its class."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from codegen.comparison.change import ChangeClass, Detail
from codegen.comparison.tree import Node
from codegen.schema.definitions import forbids_change
from codegen.schema.jsontypes import Json

UPPER = ("maxItems", "maxLength", "maxProperties", "maximum")
LOWER = ("minItems", "minLength", "minProperties", "minimum")
BOUNDS = (*UPPER, *LOWER, "pattern")
RULES = "x-kubernetes-validations"
_LIST_TYPE, _LIST_KEYS = "x-kubernetes-list-type", "x-kubernetes-list-map-keys"
_MAP_TYPE = "x-kubernetes-map-type"
# For clients only: the API server merges custom resources by list and map types, never by these.
_FOR_CLIENTS = ("x-kubernetes-patch-merge-key", "x-kubernetes-patch-strategy", "x-kubernetes-unions")
_COMPARED = {*BOUNDS, RULES, _LIST_TYPE, _LIST_KEYS, "enum", "default", "format", "nullable"}
# Two rules are one rule that was edited when this share of their text is common.
_EDITED = 0.6

KeywordChange = tuple[ChangeClass, Detail]


def compare(old: Node, new: Node) -> Iterator[KeywordChange]:
    """Yield how `new` differs from `old` at one place; what is below them is not looked at."""
    if finding := _types(old, new):
        yield finding
    before, after = old.facts, new.facts
    yield from _enum(before.get("enum"), after.get("enum"))
    for keyword in BOUNDS:
        if before.get(keyword) != after.get(keyword):
            yield _bound(keyword, before.get(keyword), after.get(keyword)), _detail(keyword, before, after)
    if before.get("default") != after.get("default") or ("default" in before) != ("default" in after):
        what: ChangeClass = "default-changed"
        if "default" not in before:
            what = "default-added"
        elif "default" not in after:
            what = "default-removed"
        yield what, _detail("default", before, after)
    yield from _rules(before.get(RULES), after.get(RULES))
    if before.get(_LIST_TYPE) != after.get(_LIST_TYPE):
        yield "list-type-changed", _detail(_LIST_TYPE, before, after)
    elif before.get(_LIST_KEYS) != after.get(_LIST_KEYS):
        yield "list-keys-changed", _detail(_LIST_KEYS, before, after)
    for keyword in sorted((before.keys() | after.keys()) - _COMPARED):
        if before.get(keyword) != after.get(keyword):
            what = "presentation-changed" if keyword in _FOR_CLIENTS else "keyword-changed"
            yield "merge-changed" if keyword == _MAP_TYPE else what, _detail(keyword, before, after)


def shape(node: Node) -> str:
    """Return the type of a place in one word or two: `integer (int32)`, `string or null`."""
    name = node.type
    if "format" in node.facts:
        name += f" ({node.facts['format']})"
    return f"{name} or null" if node.facts.get("nullable") else name


def _detail(keyword: str, before: Mapping[str, Json], after: Mapping[str, Json]) -> Detail:
    return Detail(keyword, before.get(keyword), after.get(keyword))


def _types(old: Node, new: Node) -> KeywordChange | None:
    if shape(old) == shape(new):
        return None
    narrower, wider = _admits(old, new), _admits(new, old)
    what: ChangeClass = "type-narrowed" if narrower and not wider else "type-widened" if wider else "type-changed"
    return what, Detail("type", shape(old), shape(new))


def _admits(wide: Node, narrow: Node) -> bool:
    """Return True when every value of the type of `narrow` is a value of the type of `wide`."""
    if narrow.facts.get("nullable") and not wide.facts.get("nullable"):
        return False
    if wide.type == "any":
        return True
    formats = wide.facts.get("format"), narrow.facts.get("format")
    if wide.type == narrow.type:
        return formats[0] in (None, formats[1]) or formats in (("int64", "int32"), ("double", "float"))
    wider = {
        "int-or-string": {"integer", "string"},
        "number": {"integer"},
        "open": {"object", "map"},
    }
    return narrow.type in wider.get(wide.type, set())


def _enum(before: Json, after: Json) -> Iterator[KeywordChange]:
    if before == after:
        return
    old, new = (None if values is None else set(map(str, cast("Sequence[Json]", values))) for values in (before, after))
    if old == new:
        return  # another order
    if old is None or (new is not None and new < old):
        what: ChangeClass = "enum-narrowed"
    else:
        what = "enum-widened" if new is None or new > old else "enum-changed"
    yield what, Detail("enum", before, after)


def _bound(keyword: str, before: Json, after: Json) -> ChangeClass:
    if before is None:
        return "bound-tightened"
    if after is None:
        return "bound-relaxed"
    if keyword == "pattern":
        return "bound-changed"
    smaller = cast(float, after) < cast(float, before)
    return "bound-tightened" if smaller == (keyword in UPPER) else "bound-relaxed"


def _by_text(value: Json) -> dict[str, str]:
    rules = cast("Sequence[Mapping[str, str]]", value or [])
    return {" ".join(rule["rule"].split()): rule.get("message", "") for rule in rules}


def _rules(before: Json, after: Json) -> Iterator[KeywordChange]:
    old, new = _by_text(before), _by_text(after)
    for rule in sorted(old.keys() & new.keys()):
        if old[rule] != new[rule]:
            yield "message-changed", Detail("message", old[rule], new[rule])
    removed, added = sorted(old.keys() - new.keys()), sorted(new.keys() - old.keys())
    for rule in [rule for rule in removed if forbids_change(rule)]:
        removed.remove(rule)
        yield "immutability-lost", Detail("rule", rule, None)
    for rule in [rule for rule in added if forbids_change(rule)]:
        added.remove(rule)
        yield "immutability-gained", Detail("rule", None, rule)
    pairs = [(_likeness(left, right), left, right) for left in removed for right in added]
    for ratio, left, right in sorted(pairs, reverse=True):
        same_message = old[left] and old[left] == new[right]
        if left in removed and right in added and (ratio >= _EDITED or same_message):
            removed.remove(left)
            added.remove(right)
            yield "rule-changed", Detail("rule", left, right)
    for rule in removed:
        yield "rule-removed", Detail("rule", rule, None)
    for rule in added:
        yield "rule-added", Detail("rule", None, rule)


def _likeness(left: str, right: str) -> float:
    first, second = sorted((left, right))  # the measure depends on the order, and a diff must not
    return difflib.SequenceMatcher(None, first, second).ratio()
