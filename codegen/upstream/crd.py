"""CustomResourceDefinitions: names, scope, subresources, and the schema with constraints, defaults and CEL rules.

A schema that is not structural in the sense of the API server is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import cast

import yaml

from codegen.config import KindName
from codegen.errors import SchemaError
from codegen.schema.definitions import CONDITION, OPEN
from codegen.schema.jsontypes import Json, JsonPath, Object, as_list, as_object, as_string
from codegen.upstream.source import Document

STRUCTURE = {"type", "properties", "required", "items", "additionalProperties"}
FACTS = {
    "default",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "nullable",
    "pattern",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
}
# Conditions on a value, which add nothing to its structure. A pin has them below one key of its own, because there
# `allOf` and `oneOf` mean something else.
CONDITIONS = {"allOf", "anyOf", "not", "oneOf"}
# Prose, and what the API server ignores.
DROPPED = {"$schema", "description", "example", "externalDocs", "id", "title"}
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
    name: KindName
    schema: Object
    facts: Object

    @property
    def kind(self) -> str:
        """Name of the kind, without group and version."""
        return self.name.kind

    @property
    def opaque(self) -> bool:
        """True when the CRD leaves the whole kind to its controller: any object is stored as it comes."""
        return is_opaque(self.schema)


def is_opaque(node: Object) -> bool:
    """Return True when the server stores any object at `node`: the CRD has no facts about its fields."""
    return "properties" not in node and (node.get(OPEN) is True or node.get("additionalProperties") is True)


def admits_anything(node: Object) -> bool:
    """Return True when the server stores any JSON value at `node`, not only objects."""
    return "type" not in node and node.get(OPEN) is True and "properties" not in node


def read_crds(documents: Iterable[Document], wanted: Iterable[KindName]) -> tuple[dict[KindName, Crd], list[str]]:
    """Return the kinds `wanted` that the documents define, and a line about each other kind that stands there.

    A file may hold several YAML documents, and documents that are no CRDs.

    Raises:
        SchemaError: A file is not YAML. Or the schema of a wanted kind is not structural, or has an unknown keyword; or
            two files define one kind.
    """
    found: dict[KindName, Crd] = {}
    others: list[str] = []
    names = set(wanted)
    for document in documents:
        for path, root in _crds(document):
            spec = as_object(root.get("spec"), document.name, (*path, "spec"))
            kind = _names(spec, document.name, (*path, "spec", "names"))["kind"]
            versions = as_list(spec.get("versions"), document.name, (*path, "spec", "versions"))
            for index, item in enumerate(versions):
                place: JsonPath = (*path, "spec", "versions", index)
                version = as_object(item, document.name, place).get("name")
                name = KindName(str(spec.get("group")), str(version), str(kind))
                if name not in names:
                    others.append(f"{document.name} has {name}, which pyproject.toml does not take")
                elif name in found:
                    raise SchemaError(document.name, place, f"{name} is also defined by {found[name].document}")
                else:
                    found[name] = _crd(name, spec, document.name, place)
    return found, others


def _crds(document: Document) -> Iterator[tuple[JsonPath, Object]]:
    """Yield the CRDs of a file, each with its path: that of a file of several documents begins with a number."""
    try:
        parsed = cast("list[Json]", list(yaml.load_all(document.content, _Loader)))
    except yaml.YAMLError as error:
        raise SchemaError(document.name, (), f"not YAML: {error}") from error
    for index, value in enumerate(parsed):
        path: JsonPath = (index,) if len(parsed) > 1 else ()
        if value is None:
            continue
        root = as_object(value, document.name, path)
        if root.get("kind") == "CustomResourceDefinition":
            if root.get("apiVersion") != "apiextensions.k8s.io/v1":
                raise SchemaError(document.name, (*path, "apiVersion"), "only apiextensions.k8s.io/v1 is understood")
            yield path, root


def _names(spec: Object, document: str, path: JsonPath) -> Object:
    names = as_object(spec.get("names"), document, path)
    as_string(names.get("kind"), document, (*path, "kind"))
    for key, pattern in NAMES.items():
        value = names.get(key)
        if value is not None and not (isinstance(value, str) and re.fullmatch(pattern, value)):
            raise SchemaError(document, (*path, key), f"{value!r} is no name that the API server would accept")
    return names


def _crd(kind: KindName, spec: Object, document: str, place: JsonPath) -> Crd:
    """Return one kind in one version.

    Args:
        spec: Of the CRD.
        place: Of the version in the document.
    """
    above = place[:-2]  # of `spec`
    names = _names(spec, document, (*above, "names"))
    entry = as_object(
        as_list(spec["versions"], document, (*above, "versions"))[cast("int", place[-1])], document, place
    )
    path: JsonPath = (*place, "schema", "openAPIV3Schema")
    schema_holder = as_object(entry.get("schema"), document, path[:-1])
    schema = as_object(schema_holder.get("openAPIV3Schema"), document, path)
    _check(schema, document, path)
    columns = as_list(entry.get("additionalPrinterColumns", []), document, (*place, "additionalPrinterColumns"))
    result = Crd(document, path, kind, schema, {})
    facts: dict[str, Json] = {
        "group": kind.group,
        "version": kind.version,
        "kind": kind.kind,
        "listKind": as_string(names.get("listKind", kind.kind + "List"), document, (*above, "names", "listKind")),
        "plural": as_string(names.get("plural"), document, (*above, "names", "plural")),
        "singular": as_string(names.get("singular", kind.kind.lower()), document, (*above, "names", "singular")),
        "shortNames": names.get("shortNames", []),
        "categories": names.get("categories", []),
        "scope": as_string(spec.get("scope"), document, (*above, "scope")),
        "storage": bool(entry.get("storage")),
        "subresources": sorted(as_object(entry.get("subresources", {}), document, (*place, "subresources"))),
        "printerColumns": [
            {key: value for key, value in as_object(column, document, place).items() if key != "description"}
            for column in columns
        ],
    }
    if result.opaque:
        facts["opaque"] = True
    return replace(result, facts=facts)


def _check(node: Object, document: str, path: JsonPath) -> None:
    unknown = set(node) - STRUCTURE - FACTS - CONDITIONS - DROPPED - {"uniqueItems"}
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
        if kind is not None:
            raise SchemaError(document, path, "an int-or-string takes no `type`")
    elif kind not in TYPES and not (kind is None and node.get(OPEN) is True):
        raise SchemaError(
            document, path, f"not structural: every node needs a `type` of {sorted(TYPES)}, found {kind!r}"
        )
    own: JsonPath = (*path, "x-kubernetes-list-map-keys")
    items = as_object(node.get("items", {}), document, (*path, "items"))
    named = as_object(items.get("properties", {}), document, (*path, "items", "properties"))
    for field in as_list(node.get("x-kubernetes-list-map-keys", []), document, own):
        if field not in named:
            raise SchemaError(document, own, f"the API server refuses it: {field!r} is no field of the items")
    if node.get("uniqueItems"):
        raise SchemaError(document, (*path, "uniqueItems"), "the API server refuses it: x-kubernetes-list-type: set")
    for keyword, schema in conditions(node).items():
        for index, member in enumerate([schema] if keyword == "not" else as_list(schema, document, (*path, keyword))):
            below: JsonPath = (*path, keyword) if keyword == "not" else (*path, keyword, index)
            _check_condition(as_object(member, document, below), document, below)
    for keyword, owner in (("properties", "object"), ("additionalProperties", "object"), ("items", "array")):
        if keyword in node and kind not in (owner, None):
            raise SchemaError(document, (*path, keyword), f"not structural: it stands in a node of type {kind!r}")
    if kind == "array" and "items" not in node:
        raise SchemaError(document, path, "not structural: an array without `items`")
    for key, child in as_object(node.get("properties", {}), document, (*path, "properties")).items():
        _check(as_object(child, document, (*path, "properties", key)), document, (*path, "properties", key))
    for keyword in ("items", "additionalProperties"):
        if isinstance(node.get(keyword), Mapping):
            _check(as_object(node[keyword], document, (*path, keyword)), document, (*path, keyword))
        elif keyword in node and not (keyword == "additionalProperties" and node[keyword] is True):
            raise SchemaError(document, (*path, keyword), "expected a schema")


def _check_condition(node: Object, document: str, path: JsonPath) -> None:
    """Refuse a condition with a keyword that nobody would hold a value against."""
    if unknown := set(node) - STRUCTURE - FACTS - CONDITIONS - DROPPED:
        keyword = min(unknown)
        raise SchemaError(document, (*path, keyword), f"the generator does not know the keyword {keyword!r}")
    for key, child in as_object(node.get("properties", {}), document, (*path, "properties")).items():
        _check_condition(as_object(child, document, (*path, key)), document, (*path, "properties", key))
    for keyword in ("items", "additionalProperties", "not"):
        if isinstance(child := node.get(keyword), Mapping):
            _check_condition(child, document, (*path, keyword))
    for keyword in ("allOf", "anyOf", "oneOf"):
        for index, member in enumerate(as_list(node.get(keyword, []), document, (*path, keyword))):
            _check_condition(as_object(member, document, path), document, (*path, keyword, index))


def conditions(node: Object) -> Object:
    """Return the `allOf`, `anyOf`, `oneOf` and `not` of a node; not the one that an int-or-string is written with."""
    return {
        key: node[key]
        for key in sorted(CONDITIONS)
        if node.get(key, []) != [] and not (node.get("x-kubernetes-int-or-string") is True and node[key] == EITHER_FORM)
    }


def facts_of(node: Object) -> dict[str, Json]:
    """Return what a pin keeps of a node beside its structure, as the pin has it."""
    facts = {key: value for key, value in node.items() if key in FACTS}
    if found := conditions(node):
        facts[CONDITION] = without_prose(found)
    return facts


def without_prose(condition: Json) -> Json:
    """Return conditions without what says nothing to a server."""
    if isinstance(condition, list):
        return [without_prose(each) for each in condition]
    if not isinstance(condition, Mapping):
        return condition
    result: dict[str, Json] = {}
    for key, value in condition.items():
        if key == "properties":
            fields = cast("Mapping[str, Json]", value)
            result[key] = {name: without_prose(child) for name, child in fields.items()}
        elif key not in DROPPED:
            result[key] = without_prose(value) if key in CONDITIONS | {"items", "additionalProperties"} else value
    return result
