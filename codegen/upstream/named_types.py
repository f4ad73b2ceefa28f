"""Definitions made from CRDs alone, for a component that has no OpenAPI document, or none that is complete.

A CRD writes every type out in full at every place. Here the types get their names back: an object with exactly the
fields of a Kubernetes type that another pin brings is that type, and every other object is named for where it stands
(`InferenceServiceSpecPredictor`). Objects of one shape under one field name are one type.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from codegen.errors import SchemaError
from codegen.schema.definitions import EMBEDDED_META, OBJECT_META, REF_PREFIX, Definitions
from codegen.schema.jsontypes import Json, JsonPath, Object
from codegen.schema.naming import singular
from codegen.upstream.crd import Crd, is_opaque

LIST_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta"
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
TIME = "io.k8s.apimachinery.pkg.apis.meta.v1.Time"
FREE = "io.k8s.apimachinery.pkg.apis.meta.v1.unstructured.Unstructured"
# What stands at the place where a type is used, rather than in the type.
AT_USE = {"default", "nullable", "minProperties", "maxProperties", "x-kubernetes-map-type", "x-kubernetes-validations"}


def name_types(prefix: str, crds: list[Crd], others: Definitions) -> Definitions:
    """Return definitions for `crds`, those of `others` included that they use.

    Args:
        prefix: Of the definitions, without the final dot.
        crds: The kinds.
        others: Definitions of other pins; those of Kubernetes' own types are recognised by their fields.

    Raises:
        SchemaError: A kind has no schema to name types from, or two types come out with one name.
    """
    if missing := [name for name in (OBJECT_META, LIST_META, QUANTITY, INT_OR_STRING, TIME) if name not in others]:
        raise SchemaError(crds[0].document, (), f"no other pin brings {missing[0]}; pin a component with OpenAPI first")
    naming = _Naming(prefix, others)
    for crd in crds:
        naming.kind(crd)
    return {**others, FREE: {"type": "object", "additionalProperties": True}, **naming.definitions}


_EMBEDDED = frozenset({"annotations", "finalizers", "labels", "name", "namespace"})


class _Naming:
    def __init__(self, prefix: str, others: Definitions) -> None:
        self.prefix = prefix
        self.definitions: dict[str, Object] = {}
        self._by_shape: dict[str, str] = {}
        self._kubernetes = {
            frozenset(cast("Mapping[str, Json]", node["properties"])): name
            for name, node in reversed(list(others.items()))
            if name.startswith("io.k8s.") and len(cast("Mapping[str, Json]", node.get("properties", {}))) > 1
        }

    def kind(self, crd: Crd) -> None:
        if crd.opaque:
            raise SchemaError(
                crd.document, crd.path, "the CRD says nothing of the kind's fields: an OpenAPI document is needed"
            )
        list_kind = str(crd.facts["listKind"])
        self._define(crd.kind, crd.schema, crd.document, crd.path)
        self.definitions[f"{self.prefix}.{list_kind}"] = {
            "type": "object",
            "required": ["items"],
            "properties": {
                "apiVersion": {"type": "string"},
                "kind": {"type": "string"},
                "metadata": _link(LIST_META),
                "items": {"type": "array", "items": _link(f"{self.prefix}.{crd.kind}")},
            },
        }

    def _define(self, name: str, node: Object, document: str, path: JsonPath) -> str:
        full = f"{self.prefix}.{name}"
        if full in self.definitions:
            raise SchemaError(document, path, f"two types would be called {name!r}")
        self.definitions[full] = {}  # keeps the name while the fields are named
        properties = cast("Mapping[str, Object]", node["properties"])
        self.definitions[full] = {
            **{key: value for key, value in node.items() if key in ("type", "required")},
            **{key: value for key, value in node.items() if len(path) == 5 and key == "x-kubernetes-validations"},
            "properties": {
                key: _link(OBJECT_META)
                if key == "metadata" and "properties" not in child and len(path) == 5
                else self._node(name, key, child, document, (*path, "properties", key))
                for key, child in properties.items()
            },
        }
        return full

    def _node(self, owner: str, field: str, node: Object, document: str, path: JsonPath) -> Object:
        facts = {
            key: value for key, value in node.items() if key not in ("description", "anyOf", "properties", "required")
        }
        if node.get("x-kubernetes-int-or-string"):
            rest = {key: value for key, value in facts.items() if key not in ("x-kubernetes-int-or-string", "pattern")}
            return _link(QUANTITY if "pattern" in node else INT_OR_STRING, rest)
        if node.get("format") == "date-time":
            return _link(TIME)
        at_use = {key: value for key, value in facts.items() if key in AT_USE}
        if "properties" in node:
            return _link(self._object(owner, field, node, document, path), at_use)
        if node.get("type") == "object" and (is_opaque(node) or "additionalProperties" not in node):
            return _link(FREE, at_use)
        for keyword, one in (("items", singular(field)), ("additionalProperties", field)):
            if isinstance(child := node.get(keyword), Mapping):
                facts[keyword] = self._node(owner, one, child, document, (*path, keyword))
        return facts

    def _object(self, owner: str, field: str, node: Object, document: str, path: JsonPath) -> str:
        fields = frozenset(cast("Mapping[str, Json]", node["properties"]))
        if field == "metadata" and fields == _EMBEDDED:
            return EMBEDDED_META
        if fields in self._kubernetes:
            return self._kubernetes[fields]
        shape = field + json.dumps(_bare(node), sort_keys=True)
        if shape not in self._by_shape:
            self._by_shape[shape] = self._define(owner + field[0].upper() + field[1:], node, document, path)
        return self._by_shape[shape]


def _bare(node: Json) -> Json:
    if isinstance(node, Mapping):
        return {
            key: _bare(value) for key, value in node.items() if not (key == "description" and isinstance(value, str))
        }
    return [_bare(item) for item in node] if isinstance(node, list) else node


def _link(target: str, facts: Mapping[str, Json] | None = None) -> Object:
    link: Object = {"$ref": REF_PREFIX + target}
    return {"allOf": [link], **facts} if facts else link
