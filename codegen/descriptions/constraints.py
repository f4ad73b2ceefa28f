"""The constraints of a schema node in words, such as `1 to 253 characters`: bounds, patterns, list keys, CEL rules."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import cast

from codegen.schema.definitions import CONDITION, forbids_change
from codegen.schema.jsontypes import Json, Object


def constraints(node: Object) -> list[str]:
    """Return the constraints of a field, such as `1 to 253 characters`; none of its type, enum or default."""
    result = _bounds(node)
    items = node.get("items")
    for inner in (items, node.get("additionalProperties")):
        if isinstance(inner, Mapping):
            result += [f"each {fact}" for fact in _bounds(inner)]
    keys = cast("Sequence[str]", node.get("x-kubernetes-list-map-keys", ()))
    kind = node.get("x-kubernetes-list-type") or node.get("x-kubernetes-map-type")
    if keys:
        result.append(f"keyed by {', '.join(f'`{key}`' for key in keys)}")
    elif key := node.get("x-kubernetes-patch-merge-key"):
        result.append(f"merged by `{key}`")
    elif kind == "set":
        result.append("no value twice")
    elif kind == "atomic":
        result.append("replaced as a whole")
    rules = [*_rules(node), *(_rules(items) if isinstance(items, Mapping) else ())]
    if any(forbids_change(rule["rule"]) for rule in rules):
        result.append("cannot be changed once set")
    result += [f"rule: {rule.get('message', rule['rule'])}" for rule in rules if not forbids_change(rule["rule"])]
    return result


def _rules(node: Object) -> list[Mapping[str, str]]:
    return cast("list[Mapping[str, str]]", node.get("x-kubernetes-validations", []))


def _bounds(node: Object) -> list[str]:
    result: list[str] = []
    for least, most, thing in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", "characters"),
        ("minItems", "maxItems", "entries"),
        ("minProperties", "maxProperties", "entries"),
    ):
        if least == "minimum" and (node.get("exclusiveMinimum") or node.get("exclusiveMaximum")):
            result += _exclusive(node)
        elif text := _range(node.get(least), node.get(most)):
            result.append(f"{text} {_counted(text, thing)}".rstrip())
    if "multipleOf" in node:
        result.append(f"a multiple of {node['multipleOf']}")
    if CONDITION in node:
        result.append(f"fits `{json.dumps(node[CONDITION], sort_keys=True)}`")
    if "pattern" in node:
        result.append(f"matches `{node['pattern']}`")
    return result


def _exclusive(node: Object) -> list[str]:
    words = (
        ("minimum", "exclusiveMinimum", "more than", "at least"),
        ("maximum", "exclusiveMaximum", "less than", "at most"),
    )
    return [f"{out if node.get(flag) else within} {node[key]}" for key, flag, out, within in words if key in node]


def _counted(text: str, thing: str) -> str:
    return {"entries": "entry", "characters": "character"}.get(thing, thing) if text.endswith(" 1") else thing


def _range(least: Json, most: Json) -> str:
    if least is not None and most is not None:
        return f"exactly {least}" if least == most else f"{least} to {most}"
    return f"at least {least}" if least is not None else f"at most {most}" if most is not None else ""
