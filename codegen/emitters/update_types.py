"""Update types: for each kind whose spec has immutable fields, a type without those fields, derived from its schema.

A field is immutable when the rule `self == oldSelf` stands directly on it. An update type goes through the same
template as every other definition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from codegen.errors import CodegenError
from codegen.schema.definitions import OBJECT_META, REF_PREFIX, Definitions, forbids_change, reference
from codegen.schema.jsontypes import Json, Object

SUFFIX = "Update"
# Of an object's metadata, what a user may change; the resource version makes the update fail if others were quicker.
_METADATA = ("annotations", "finalizers", "labels", "ownerReferences", "resourceVersion")


@dataclass(frozen=True, slots=True)
class Updates:
    """The derived definitions.

    Attributes:
        definitions: By name.
        origins: The name of each -> the definition that it was derived from.
        kinds: Those, by definition, that have an update type.
    """

    definitions: Definitions
    origins: Mapping[str, str]
    kinds: frozenset[str]


def updates_of(definitions: Definitions, kinds: Iterable[str]) -> Updates:
    """Return the update types of those definitions among `kinds` whose spec, or a field of it, is immutable.

    Raises:
        CodegenError: A definition has the name that a derived one needs.
    """
    derived: dict[str, Object] = {}
    origins: dict[str, str] = {}

    def derive(name: str, properties: Mapping[str, Json]) -> Object:
        if name + SUFFIX in definitions:
            raise CodegenError(f"{name + SUFFIX} is a definition of its own; the update type of {name} needs the name")
        origins[name + SUFFIX] = name
        # Nothing is required: what an update leaves out stays as it is.
        derived[name + SUFFIX] = {"type": "object", "properties": properties}
        return {"$ref": REF_PREFIX + name + SUFFIX}

    updated: set[str] = set()
    for kind in kinds:
        properties = _properties(definitions[kind])
        spec = properties.get("spec", {})
        target = reference(spec)
        fields = _properties(definitions[target] if target else {})
        immutable = {name for name, node in fields.items() if _is_immutable(node)}
        if not target or not (immutable or _is_immutable(spec)):
            continue
        result: dict[str, Json] = {}
        if reference(properties.get("metadata", {})) == OBJECT_META:
            own = _properties(definitions[OBJECT_META])
            result["metadata"] = derive(OBJECT_META, {name: own[name] for name in _METADATA if name in own})
        if not _is_immutable(spec):
            result["spec"] = derive(target, {name: fields[name] for name in fields if name not in immutable})
        derive(kind, result)
        updated.add(kind)
    return Updates(derived, origins, frozenset(updated))


def _properties(node: Object) -> Mapping[str, Object]:
    return cast("Mapping[str, Object]", node.get("properties", {}))


def _is_immutable(node: Object) -> bool:
    rules = cast("list[Mapping[str, str]]", node.get("x-kubernetes-validations", []))
    return any(forbids_change(rule.get("rule", "")) for rule in rules)
