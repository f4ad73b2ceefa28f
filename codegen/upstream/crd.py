"""CustomResourceDefinitions: names, scope, subresources, and the schema with constraints, defaults and CEL rules.

A schema that is not structural in the sense of the API server is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

import yaml

from codegen.errors import SchemaError
from codegen.schema.jsontypes import Json, JsonPath, Object, as_list, as_object, as_string
from codegen.upstream.source import Document

STRUCTURE = {"type", "properties", "required", "items", "additionalProperties"}
FACTS = {
    "default",
    "enum",
    "format",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "nullable",
    "pattern",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
}
# `anyOf` is allowed only in the fixed form that goes with `x-kubernetes-int-or-string`, and adds nothing to it.
DROPPED = {"description", "anyOf"}
EITHER_FORM: Json = [{"type": "integer"}, {"type": "string"}]
# What the API server demands of the names of a kind; they become parts of paths and names of classes.
NAMES = {
    "kind": "[A-Z][A-Za-z0-9]*",
    "listKind": "[A-Z][A-Za-z0-9]*",
    "plural": "[a-z]([-a-z0-9]*[a-z0-9])?",
    "singular": "[a-z]([-a-z0-9]*[a-z0-9])?",
}
TYPES = {"object", "array", "string", "integer", "number", "boolean"}

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML built without libyaml: the same result, slower
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Crd:
    """One kind in one version, as its CRD defines it.

    Attributes:
        document: Name of the file it was read from.
        path: Where the schema stands in that file.
        schema: The checked structural schema.
        facts: Names, scope, subresources and printer columns, as they go into a pin.
    """

    document: str
    path: JsonPath
    kind: str
    schema: Object
    facts: Object

    @property
    def opaque(self) -> bool:
        """True when the CRD leaves the whole kind to its controller: any object is stored as it comes."""
        return is_opaque(self.schema)


def is_opaque(node: Object) -> bool:
    """Return True when the server stores any object at `node`: the CRD has no facts about its fields."""
    return "properties" not in node and node.get("x-kubernetes-preserve-unknown-fields") is True


def read_crd(document: Document, version: str) -> Crd:
    """Return the kind that `document` defines, in `version`.

    Raises:
        SchemaError: It is not a CRD, lacks the version, or its schema is not structural or has an unknown keyword.
    """
    name = document.name
    try:
        parsed = cast(Json, yaml.load(document.content, _Loader))
    except yaml.YAMLError as error:
        raise SchemaError(name, (), f"not YAML: {error}") from error
    root = as_object(parsed, name, ())
    if root.get("kind") != "CustomResourceDefinition" or root.get("apiVersion") != "apiextensions.k8s.io/v1":
        raise SchemaError(name, (), "not a CustomResourceDefinition of apiextensions.k8s.io/v1")
    spec = as_object(root.get("spec"), name, ("spec",))
    names = as_object(spec.get("names"), name, ("spec", "names"))
    versions = as_list(spec.get("versions"), name, ("spec", "versions"))
    for index, item in enumerate(versions):
        entry = as_object(item, name, ("spec", "versions", index))
        if entry.get("name") == version:
            break
    else:
        raise SchemaError(name, ("spec", "versions"), f"there is no version {version!r}")
    path: JsonPath = ("spec", "versions", index, "schema", "openAPIV3Schema")
    schema_holder = as_object(entry.get("schema"), name, path[:-1])
    schema = as_object(schema_holder.get("openAPIV3Schema"), name, path)
    _check(schema, name, path)
    kind = as_string(names.get("kind"), name, ("spec", "names", "kind"))
    for key, pattern in NAMES.items():
        value = names.get(key)
        if value is not None and not (isinstance(value, str) and re.fullmatch(pattern, value)):
            raise SchemaError(name, ("spec", "names", key), f"{value!r} is no name that the API server would accept")
    columns = as_list(entry.get("additionalPrinterColumns", []), name, (*path[:3], "additionalPrinterColumns"))
    result = Crd(name, path, kind, schema, {})
    facts: dict[str, Json] = {
        "group": as_string(spec.get("group"), name, ("spec", "group")),
        "version": version,
        "kind": kind,
        "listKind": as_string(names.get("listKind", kind + "List"), name, ("spec", "names", "listKind")),
        "plural": as_string(names.get("plural"), name, ("spec", "names", "plural")),
        "singular": as_string(names.get("singular", kind.lower()), name, ("spec", "names", "singular")),
        "shortNames": names.get("shortNames", []),
        "categories": names.get("categories", []),
        "scope": as_string(spec.get("scope"), name, ("spec", "scope")),
        "storage": bool(entry.get("storage")),
        "subresources": sorted(as_object(entry.get("subresources", {}), name, (*path[:3], "subresources"))),
        "printerColumns": [
            {key: value for key, value in as_object(column, name, path[:3]).items() if key != "description"}
            for column in columns
        ],
    }
    if result.opaque:
        facts["opaque"] = True
    return replace(result, facts=facts)


def _check(node: Object, document: str, path: JsonPath) -> None:
    unknown = set(node) - STRUCTURE - FACTS - DROPPED
    if unknown:
        keyword = min(unknown)
        raise SchemaError(document, (*path, keyword), f"the generator does not know the keyword {keyword!r}")
    rules: JsonPath = (*path, "x-kubernetes-validations")
    for index, rule in enumerate(as_list(node.get("x-kubernetes-validations", []), document, rules)):
        entry = as_object(rule, document, (*rules, index))
        for key in ("rule", *(set(entry) & {"message", "messageExpression", "fieldPath"})):
            as_string(entry.get(key), document, (*rules, index, key))
    kind = node.get("type")
    int_or_string = node.get("x-kubernetes-int-or-string") is True
    if int_or_string:
        if kind is not None or node.get("anyOf", EITHER_FORM) != EITHER_FORM:
            raise SchemaError(document, path, "an int-or-string takes no `type`, and only `anyOf` integer and string")
    elif "anyOf" in node:
        raise SchemaError(document, (*path, "anyOf"), "only understood together with `x-kubernetes-int-or-string`")
    elif kind not in TYPES:
        raise SchemaError(
            document, path, f"not structural: every node needs a `type` of {sorted(TYPES)}, found {kind!r}"
        )
    for keyword, owner in (("properties", "object"), ("additionalProperties", "object"), ("items", "array")):
        if keyword in node and kind != owner:
            raise SchemaError(document, (*path, keyword), f"not structural: it stands in a node of type {kind!r}")
    if kind == "array" and "items" not in node:
        raise SchemaError(document, path, "not structural: an array without `items`")
    for key, child in as_object(node.get("properties", {}), document, (*path, "properties")).items():
        _check(as_object(child, document, (*path, "properties", key)), document, (*path, "properties", key))
    for keyword in ("items", "additionalProperties"):
        if isinstance(node.get(keyword), Mapping):
            _check(as_object(node[keyword], document, (*path, keyword)), document, (*path, keyword))
        elif keyword in node:
            raise SchemaError(document, (*path, keyword), "expected a schema")
