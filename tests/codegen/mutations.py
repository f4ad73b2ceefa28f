"""Random edits of a pinned document, each of one class: what the property tests of the diff are made of."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from codegen.comparison.change import ChangeClass
from codegen.schema.definitions import reachable

# The class of the same change seen from the other side; a class that is missing here is its own inverse.
_PAIRS: tuple[tuple[ChangeClass, ChangeClass], ...] = (
    ("kind-removed", "kind-added"),
    ("subresource-removed", "subresource-added"),
    ("field-removed", "field-added"),
    ("type-narrowed", "type-widened"),
    ("required-added", "required-dropped"),
    ("enum-narrowed", "enum-widened"),
    ("bound-tightened", "bound-relaxed"),
    ("default-added", "default-removed"),
    ("rule-added", "rule-removed"),
    ("immutability-gained", "immutability-lost"),
)
_SWAPPED: tuple[tuple[ChangeClass, ChangeClass], ...] = tuple((right, left) for left, right in _PAIRS)
INVERSE: Mapping[ChangeClass, ChangeClass] = dict(_PAIRS + _SWAPPED)

REF = "#/components/schemas/"
RULES = "x-kubernetes-validations"


@dataclass(frozen=True)
class Place:
    """A field of a definition, and what the pin says there."""

    definition: str
    field: str
    node: dict[str, Any]
    target: str | None

    def __repr__(self) -> str:
        return f"{self.definition}.{self.field}"


@dataclass(frozen=True)
class Edit:
    """One edit of one class; `change` gets the definition and the field's node, the latter never a bare reference."""

    what: ChangeClass
    fits: Callable[[Place], bool]
    change: Callable[[dict[str, Any], dict[str, Any], str], None]

    def __repr__(self) -> str:
        return self.what


def _kind(place: Place) -> Any:
    return None if place.target else place.node.get("type")


def _is(*kinds: str) -> Callable[[Place], bool]:
    return lambda place: _kind(place) in kinds


def _has(keyword: str) -> Callable[[Place], bool]:
    return lambda place: keyword in place.node


def _plain(place: Place) -> bool:
    return _kind(place) == "string" and not {"enum", "format", "pattern", "maxLength", "default"} & set(place.node)


def _set(**values: Any) -> Callable[[dict[str, Any], dict[str, Any], str], None]:
    return lambda _, node, __: node.update({key.replace("__", "-"): value for key, value in values.items()})


def _drop(keyword: str) -> Callable[[dict[str, Any], dict[str, Any], str], None]:
    def change(_: dict[str, Any], node: dict[str, Any], __: str) -> None:
        del node[keyword]

    return change


def _remove(definition: dict[str, Any], _: dict[str, Any], field: str) -> None:
    del definition["properties"][field]
    if field in definition.get("required", []):
        definition["required"].remove(field)


def _rename(definition: dict[str, Any], _: dict[str, Any], field: str) -> None:
    definition["properties"]["aNameThatNothingHas"] = definition["properties"].pop(field)
    if field in definition.get("required", []):
        definition["required"] = [name if name != field else "aNameThatNothingHas" for name in definition["required"]]


def _require(definition: dict[str, Any], _: dict[str, Any], field: str) -> None:
    definition["required"] = [*definition.get("required", []), field]


def _rule(text: str) -> Callable[[dict[str, Any], dict[str, Any], str], None]:
    return lambda _, node, __: node.update({RULES: [*node.get(RULES, []), {"rule": text, "message": "no"}]})


def _edit_rule(key: str, suffix: str) -> Callable[[dict[str, Any], dict[str, Any], str], None]:
    def change(_: dict[str, Any], node: dict[str, Any], __: str) -> None:
        first, *rest = node[RULES]
        node[RULES] = [{**first, key: first[key] + suffix}, *rest]

    return change


def _mutable_rule(place: Place) -> bool:
    return any("oldSelf" not in rule["rule"] for rule in place.node.get(RULES, [])[:1])


def _immutable(place: Place) -> bool:
    return any(rule["rule"] == "self == oldSelf" for rule in place.node.get(RULES, []))


def _int_or_string(_: dict[str, Any], node: dict[str, Any], __: str) -> None:
    node.clear()
    node.update({"x-kubernetes-int-or-string": True, "oneOf": [{"type": "integer"}, {"type": "string"}]})


def _drop_rules(immutable: bool) -> Callable[[dict[str, Any], dict[str, Any], str], None]:
    def change(_: dict[str, Any], node: dict[str, Any], __: str) -> None:
        node[RULES] = [rule for rule in node[RULES] if (rule["rule"] == "self == oldSelf") != immutable]

    return change


def _wide_integer(place: Place) -> bool:
    return _kind(place) == "integer" and place.node.get("format") == "int64" and RULES not in place.node


def _large(place: Place) -> bool:
    return place.target is not None and place.target.rpartition(".")[2] in {
        "Container", "PodSpec", "Volume", "Affinity", "JobSpec", "PodTemplateSpec", "SecurityContext", "Probe", "Trainer",
        "TrainJobSpec", "PodSpecPatch", "JobSetSpec", "MLPolicy", "LabelSelector",
    }  # fmt: skip


def _list_type(_: dict[str, Any], node: dict[str, Any], __: str) -> None:
    node["x-kubernetes-list-type"] = "set" if node["x-kubernetes-list-type"] == "atomic" else "atomic"


EDITS = (
    Edit("field-removed", lambda place: True, _remove),
    Edit("field-renamed", _large, _rename),
    Edit("field-added", lambda place: True, lambda definition, _, __: definition["properties"].update(new={"type": "string"})),
    Edit("type-narrowed", _wide_integer, _set(format="int32")),
    Edit("type-narrowed", _plain, _set(format="date-time")),
    Edit("type-widened", _wide_integer, _drop("format")),
    Edit("type-widened", lambda place: _kind(place) == "integer" and set(place.node) == {"type", "format"}, _int_or_string),
    Edit("type-widened", lambda place: _kind(place) == "string" and set(place.node) == {"type"}, _int_or_string),
    Edit("type-widened", _plain, _set(nullable=True)),
    Edit("type-changed", _plain, _set(type="boolean")),
    Edit("type-changed", _is("boolean"), _set(type="string")),
    Edit("enum-narrowed", _plain, _set(enum=["a"])),
    Edit("enum-narrowed", _has("enum"), lambda _, node, __: node.update(enum=node["enum"][1:])),
    Edit("enum-widened", _has("enum"), lambda _, node, __: node.update(enum=[*node["enum"], "new"])),
    Edit("enum-widened", _has("enum"), _drop("enum")),
    Edit("enum-changed", _has("enum"), lambda _, node, __: node.update(enum=[*node["enum"][1:], "new"])),
    Edit("bound-tightened", _plain, _set(maxLength=5)),
    Edit("bound-tightened", _plain, _set(pattern="^a$")),
    Edit("bound-tightened", _has("maxLength"), lambda _, node, __: node.update(maxLength=node["maxLength"] - 1)),
    Edit("bound-tightened", _has("minimum"), lambda _, node, __: node.update(minimum=node["minimum"] + 1)),
    Edit("bound-relaxed", _has("maxItems"), lambda _, node, __: node.update(maxItems=node["maxItems"] + 1)),
    Edit("bound-relaxed", _has("minLength"), _drop("minLength")),
    Edit("bound-changed", _has("pattern"), _set(pattern="^b$")),
    Edit("default-added", _plain, _set(default="x")),
    Edit("default-changed", _has("default"), _set(default="another")),
    Edit("default-removed", _has("default"), _drop("default")),
    Edit("rule-added", lambda place: not _mutable_rule(place), _rule("size(self) < 7")),
    Edit("rule-changed", _mutable_rule, _edit_rule("rule", " && true")),
    Edit("rule-removed", lambda place: len(place.node.get(RULES, [])) == 1 and _mutable_rule(place), _drop(RULES)),
    Edit("message-changed", _has(RULES), _edit_rule("message", "!")),
    Edit("immutability-gained", lambda place: not _immutable(place), _rule("self == oldSelf")),
    Edit("immutability-lost", _immutable, _drop_rules(immutable=True)),
    Edit("list-type-changed", _has("x-kubernetes-list-type"), _list_type),
    Edit("list-keys-changed", _has("x-kubernetes-list-map-keys"), _set(**{"x-kubernetes-list-map-keys": ["another"]})),
    Edit(
        "merge-changed",
        lambda place: place.node.get("x-kubernetes-map-type") == "atomic",
        _set(**{"x-kubernetes-map-type": "granular"}),
    ),
    Edit("keyword-changed", lambda place: True, _set(**{"x-kubernetes-embedded-resource": True})),
)  # fmt: skip
REQUIRE = Edit("required-added", lambda place: True, _require)
RELAX = Edit("required-dropped", lambda place: True, lambda definition, _, field: definition["required"].remove(field))


def places(document: dict[str, Any], kinds: list[str]) -> Iterator[Place]:
    """Yield every field of every definition that the kinds reach."""
    schemas = document["components"]["schemas"]
    for name, node in reachable(schemas, kinds).items():
        for field, child in node.get("properties", {}).items():  # type: ignore[union-attr]
            link = child.get("$ref") or (child["allOf"][0]["$ref"] if "allOf" in child else None)  # type: ignore
            yield Place(name, field, child, link.removeprefix(REF) if link else None)  # type: ignore


def fitting(document: dict[str, Any], kinds: list[str]) -> dict[Edit, list[Place]]:
    """Return for every edit the places that it fits."""
    everywhere = list(places(document, kinds))
    schemas = document["components"]["schemas"]
    required = {(name, field) for name, node in schemas.items() for field in node.get("required", [])}
    result = {edit: [place for place in everywhere if edit.fits(place)] for edit in EDITS}
    result[REQUIRE] = [place for place in everywhere if (place.definition, place.field) not in required]
    result[RELAX] = [place for place in everywhere if (place.definition, place.field) in required]
    return result


def edited(document: dict[str, Any], edit: Edit, place: Place) -> dict[str, Any]:
    """Return a copy of the document with one edit."""
    schemas = document["components"]["schemas"]
    definition = copy.deepcopy(schemas[place.definition])
    node = definition["properties"][place.field]
    whole = ("field-removed", "field-renamed", "field-added", "required-added", "required-dropped")
    if "$ref" in node and edit.what not in whole:
        node["allOf"] = [{"$ref": node.pop("$ref")}]
    edit.change(definition, node, place.field)
    return document | {"components": {"schemas": schemas | {place.definition: definition}}}
