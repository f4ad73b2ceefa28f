"""The OpenAPI 3.0 or Swagger 2.0 document of a release: names of definitions, and references between them.

A Swagger 2.0 document often leaves Kubernetes' own types out, and refers to them nevertheless. Those come from other
pins. Refused are a document that is not valid by the specification, a dangling reference, and a keyword that the
generator does not know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from codegen.errors import SchemaError
from codegen.schema.definitions import REF_PREFIX, Definitions, reachable, reference
from codegen.schema.jsontypes import Json, JsonPath, Object, as_list, as_object, as_string, parse_json
from codegen.upstream.source import Document

# Keywords that say where a node's children are.
STRUCTURE = {"type", "properties", "required", "items", "additionalProperties", "allOf", "oneOf", "$ref"}
# Facts that are kept as they stand.
FACTS = {
    "enum",
    "format",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-patch-merge-key",
    "x-kubernetes-patch-strategy",
    "x-kubernetes-unions",
}
# Dropped knowingly: upstream's prose; zero values of Go that no server applies; the same type in OpenAPI v2 words.
DROPPED = {"description", "default", "x-kubernetes-v2-schema"}


def read_definitions(
    document: Document, rename: Mapping[str, str] | None = None, others: Definitions | None = None
) -> Definitions:
    """Return the definitions of `document` by name, without what `DROPPED` lists.

    Args:
        rename: Prefix of names (before the last dot) -> the prefix to give them, in references too.
        others: Definitions of other pins, for references of a Swagger 2.0 document that lead out of it.

    Raises:
        SchemaError: The document is not valid, a `$ref` dangles, or a keyword is unknown.
    """
    name = document.name
    root = as_object(parse_json(document.content, name), name, ())
    above: JsonPath = ("components", "schemas")
    outside: Definitions = {}
    if root.get("swagger") == "2.0":
        above = ("definitions",)
        root, outside = _from_swagger(root, others or {}, name)
    schemas = as_object(as_object(root.get("components"), name, ("components",)).get("schemas"), name, above)
    cleaned: dict[str, Object] = {}
    for key, node in schemas.items():
        path: JsonPath = (*above, key)
        if not re.fullmatch(r"[-.\w]+", key, re.ASCII):
            raise SchemaError(name, path, "not valid OpenAPI 3.0: names have letters, digits, '.', '-' and '_' only")
        if key in outside:
            cleaned[key] = outside[key]
        else:
            cleaned[key] = _clean(as_object(node, name, path), schemas, name, path)
    _validate(root, cleaned, name)
    return _renamed(cleaned, rename, name) if rename else cleaned


def places(document: Document, rename: Mapping[str, str] | None = None) -> dict[str, JsonPath]:
    """Return where the definitions of `document` stand in it, by the names that `read_definitions` gives them."""
    root = as_object(parse_json(document.content, document.name), document.name, ())
    swagger = root.get("swagger") == "2.0"
    above: JsonPath = ("definitions",) if swagger else ("components", "schemas")
    node = root if swagger else as_object(root.get("components"), document.name, above[:1])
    found = as_object(node.get("definitions" if swagger else "schemas"), document.name, above)
    return {_new_name(name, rename or {}): (*above, name) for name in found}


def _from_swagger(root: Object, others: Definitions, document: str) -> tuple[Object, Definitions]:
    """Return a Swagger 2.0 document in the words of OpenAPI 3.0, and what it refers to in other pins."""
    own = as_object(root.get("definitions"), document, ("definitions",))
    used: set[str] = set()

    def target(link: str) -> str:
        written = link.rpartition("#/definitions/")[2]  # what stands before it is the address of another document
        if written in own:
            return written
        found = [name for name in others if name == written or name.endswith(f".{written}")]
        if len(found) == 1:
            used.update(found)
            return found[0]
        return written  # refused by its place later

    def visit(value: Json) -> Json:
        if isinstance(value, Mapping):
            return {
                key: REF_PREFIX + target(child) if key == "$ref" and isinstance(child, str) else visit(child)
                for key, child in value.items()
            }
        return [visit(item) for item in value] if isinstance(value, list) else value

    definitions = cast("Object", visit(own))
    outside = reachable(others, used)
    rest = {key: value for key, value in root.items() if key not in ("swagger", "definitions")}
    return {**rest, "openapi": "3.0.3", "components": {"schemas": {**outside, **definitions}}}, outside


def _clean(node: Object, schemas: Object, document: str, path: JsonPath) -> Object:
    unknown = set(node) - STRUCTURE - FACTS - DROPPED
    if unknown:
        keyword = min(unknown)
        raise SchemaError(document, (*path, keyword), f"the generator does not know the keyword {keyword!r}")
    result: dict[str, Json] = {key: node[key] for key in ("type", "required", *sorted(FACTS)) if key in node}
    for keyword in ("allOf", "oneOf"):
        if keyword in node:
            members = as_list(node[keyword], document, (*path, keyword))
            if keyword == "allOf" and len(members) != 1:
                raise SchemaError(document, (*path, keyword), "only an `allOf` around one `$ref` is understood")
            result[keyword] = [
                _clean(
                    as_object(member, document, (*path, keyword, index)),
                    schemas,
                    document,
                    (*path, keyword, index),
                )
                for index, member in enumerate(members)
            ]
    if "$ref" in node:
        target = as_string(node["$ref"], document, (*path, "$ref"))
        if not target.startswith(REF_PREFIX) or target.removeprefix(REF_PREFIX) not in schemas:
            raise SchemaError(document, (*path, "$ref"), f"the reference {target!r} leads nowhere")
        result["$ref"] = target
    if "properties" in node:
        properties = as_object(node["properties"], document, (*path, "properties"))
        result["properties"] = {
            key: _clean(
                as_object(child, document, (*path, "properties", key)),
                schemas,
                document,
                (*path, "properties", key),
            )
            for key, child in properties.items()
        }
    for keyword in ("items", "additionalProperties"):
        if keyword == "additionalProperties" and node.get(keyword) is True:
            result[keyword] = True  # any values
        elif keyword in node:
            child = as_object(node[keyword], document, (*path, keyword))
            result[keyword] = _clean(child, schemas, document, (*path, keyword))
    return result


def _renamed(definitions: Definitions, rename: Mapping[str, str], document: str) -> Definitions:
    def new(name: str) -> str:
        return _new_name(name, rename)

    def visit(value: Json) -> Json:
        if isinstance(value, Mapping):
            return {
                key: REF_PREFIX + new(reference(value) or "") if key == "$ref" else visit(child)
                for key, child in value.items()
            }
        return [visit(item) for item in value] if isinstance(value, list) else value

    result: dict[str, Object] = {}
    for name, node in definitions.items():
        if new(name) in result or (new(name) != name and new(name) in definitions):
            raise SchemaError(document, ("components", "schemas", name), f"renamed to {new(name)!r}, which exists")
        result[new(name)] = cast("Object", visit(node))
    return result


def _new_name(name: str, rename: Mapping[str, str]) -> str:
    prefix, _, last = name.rpartition(".")
    return f"{rename[prefix]}.{last}" if prefix in rename else name


def _validate(root: Object, cleaned: Definitions, document: str) -> None:
    """Hold the document against the OpenAPI 3.0 specification.

    Upstream's generator writes `paths: []` where an object is meant, and Go zero values as defaults that do not fit
    their own schemas. Neither reaches a pin, so both are put right before the check rather than reported.
    """
    check_valid({**root, "paths": root.get("paths") or {}, "components": {"schemas": cleaned}}, document)


def check_valid(root: Object, document: str) -> None:
    """Hold a document against the OpenAPI 3.0 specification.

    Raises:
        SchemaError: It is not valid.
    """
    from openapi_spec_validator import OpenAPIV30SpecValidator

    for error in OpenAPIV30SpecValidator(cast("dict[str, object]", root)).iter_errors():
        # An error of an `anyOf` says only that nothing fits; the one below it that got furthest says what is wrong.
        cause = error
        while cause.context:
            cause = max(cause.context, key=lambda inner: len(inner.absolute_path))
        raise SchemaError(document, list(cause.absolute_path), f"not valid OpenAPI 3.0: {cause.message}")
