"""Definitions written out as the API server has them in a CRD: a structural schema, with all references inlined.

A pin merges two documents, and some facts of it stand in upstream's OpenAPI file only. A server with upstream's CRDs
does not know them, so they are left out here: enums of Kubernetes' own types, the list type of embedded finalizers,
and how clients patch lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, cast

from codegen.errors import SchemaError
from codegen.schema.definitions import CONDITION, EMBEDDED_META, KUBERNETES, OPEN, Definitions, reference
from codegen.schema.jsontypes import Json, Object
from codegen.upstream.crd import CONDITIONS, DROPPED, EITHER_FORM, FACTS, conditions, without_prose

# controller-gen writes an enum only where Go code has its marker. Kubernetes' own types have none, but for this one.
_MARKED = {"io.k8s.apimachinery.pkg.apis.meta.v1.Condition"}


@dataclass(frozen=True, slots=True)
class Inliner:
    """Writes definitions out.

    Attributes:
        document: Name of the document that has the definitions, for messages.
    """

    document: str
    definitions: Definitions

    def definition(self, name: str) -> Object:
        """Return the structural schema of the definition `name`.

        Raises:
            SchemaError: It refers to itself, which no structural schema can express.
        """
        return self._node(self.definitions[name], name, (name,))

    def _node(self, node: Object, owner: str, way: tuple[str, ...]) -> Object:
        """Return `node`, which stands in the definition `owner`, with all references inlined."""
        target = reference(node)
        result: dict[str, Json]
        if target:
            if target in way:
                raise SchemaError(self.document, ("components", "schemas", target), "refers to itself")
            inlined = self._node(self.definitions[target], target, (*way, target))
            result = {**inlined, **_facts(node, owner)}
            if "required" in node:
                result["required"] = node["required"]
            if node.get("additionalProperties") is True:  # beside the type of any object: names are free, depth is not
                result["additionalProperties"] = result.pop(OPEN)
            return result
        result = {"type": node["type"]} if "type" in node else {}
        result.update(_facts(node, owner))
        if "required" in node:
            result["required"] = node["required"]
        if "properties" in node:
            properties = cast("Mapping[str, Object]", node["properties"])
            result["properties"] = {name: self._node(child, owner, way) for name, child in properties.items()}
        for keyword in ("items", "additionalProperties"):
            if isinstance(child := node.get(keyword), Mapping):
                result[keyword] = self._node(child, owner, way)
        if node.get("additionalProperties") is True:
            result[OPEN] = True
        if not _keys_stand(result):
            del result["x-kubernetes-list-type"], result["x-kubernetes-list-map-keys"]
        if "oneOf" in node:  # the only form that a pin has: IntOrString and Quantity
            result = {"anyOf": EITHER_FORM, **result, "x-kubernetes-int-or-string": True}
            result.pop("format", None)
        return result


Comparables: TypeAlias = dict[int, tuple[Object, Object]]
"""The comparable forms of schemas, by their identity; the schemas themselves are kept so that they have one."""


def comparable(schema: Object, *, root: bool = False, known: Comparables | None = None) -> Object:
    """Return a structural schema without prose, in the one form that schemas of the same meaning share.

    Args:
        schema: The schema.
        root: True for the schema of a kind: `apiVersion`, `kind` and `metadata` are the server's there.
        known: Forms that were made before; those of the schemas below are taken from there, and added. For who asks at
            every level of one schema, which is not changed meanwhile.
    """
    result: dict[str, Json] = {}
    for key, value in schema.items():
        if key == "properties":
            fields = cast("Mapping[str, Object]", value)
            result[key] = {name: _below(child, known) for name, child in fields.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, Mapping):
            result[key] = _below(value, known)
        elif key == "required":
            result[key] = sorted(cast("list[str]", value))
        elif key in CONDITIONS:
            if key in conditions(schema):
                result[key] = without_prose(value)
        elif key not in DROPPED and value is not False:  # no keyword says more by `false` than by its absence
            result[key] = value
    if "default" in schema:
        result["default"] = schema["default"]
    for key in ("required", "properties"):
        if not result.get(key, True):
            del result[key]
    if root:
        own = cast("Mapping[str, Json]", result.get("properties", {}))
        result["properties"] = {**_SERVERS, **own}
    return result


def _below(schema: Object, known: Comparables | None) -> Object:
    if known is None:
        return comparable(schema)
    if id(schema) not in known:
        known[id(schema)] = (schema, comparable(schema, known=known))
    return known[id(schema)][1]


# What the server has of every kind, whether its CRD says so or not.
_SERVERS: Mapping[str, Json] = {
    "apiVersion": {"type": "string"},
    "kind": {"type": "string"},
    "metadata": {"type": "object"},
}


def _facts(node: Object, owner: str) -> Object:
    facts = {key: node[key] for key in sorted(FACTS) if key in node}
    facts |= cast("Object", node.get(CONDITION, {}))
    if owner.startswith(KUBERNETES) and owner not in _MARKED:
        facts.pop("enum", None)
    if owner == EMBEDDED_META:
        facts.pop("x-kubernetes-list-type", None)
    return facts


def _keys_stand(node: Object) -> bool:
    """Return True when every key of a list of type `map` is required or has a default, as the API server demands.

    Definitions that come from an OpenAPI file alone, such as Katib's, may lack that: their lists are plain lists here.
    """
    keys = cast("list[str]", node.get("x-kubernetes-list-map-keys", []))
    item = cast("Object", node.get("items", {}))
    properties = cast("Mapping[str, Object]", item.get("properties", {}))
    return all(
        key in cast("list[str]", item.get("required", [])) or "default" in properties.get(key, {}) for key in keys
    )
