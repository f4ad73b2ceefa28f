"""An OpenAPI document of a REST API as a pin: its operations, and the definitions that they reach.

Inheritance (`allOf`) is written out: a definition has all of its fields. Scalars stand where they are used.
What is one of several objects (`oneOf`) keeps its discriminator, and each of the objects has the value that tells it.
Prose, examples and links are left out. What does not fit is refused, with its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import yaml

from codegen.errors import SchemaError
from codegen.schema.definitions import REF_PREFIX, Definitions, reachable
from codegen.schema.jsontypes import Json, JsonPath, Object, as_list, as_object, as_string, as_strings
from codegen.schema.operations import METHODS
from codegen.upstream.source import Document

_SCALARS = ("string", "integer", "number", "boolean")
_FACTS = {
    "type", "format", "enum", "pattern", "default", "nullable", "minLength", "maxLength", "minimum", "maximum",
    "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems", "minProperties", "maxProperties", "multipleOf",
}  # fmt: skip
_PROSE = {
    "description",
    "title",
    "example",
    "examples",
    "externalDocs",
    "deprecated",
    "readOnly",
    "writeOnly",
    "summary",
}
_STRUCTURE = {"properties", "required", "items", "additionalProperties", "allOf", "oneOf", "discriminator", "$ref"}
_OF_OPERATION = {"operationId", "parameters", "requestBody", "responses", "tags", "security", "summary", "description"}
_OF_PARAMETER = {"name", "in", "required", "schema", "style", "explode", "examples", "example", "description"}


@dataclass(frozen=True, slots=True)
class RestApi:
    """What a pin has of a REST API: operations by path, and definitions by the names that the pin gives them."""

    paths: Mapping[str, Object]
    definitions: Definitions


def read_rest_api(document: Document, base: str, prefix: str) -> RestApi:
    """Return what a document says of the operations below a path.

    Args:
        document: OpenAPI 3.0, as YAML or JSON.
        base: The path, such as `/api/robots/v1`.
        prefix: Of the names of definitions in the pin, without the final dot.

    Raises:
        SchemaError: The document has what a pin cannot say; or no operation there.
    """
    try:
        root = as_object(cast(Json, yaml.load(document.content, _TextLoader)), document.name, ())
    except yaml.YAMLError as error:
        raise SchemaError(document.name, (), f"not YAML: {error}") from error
    components = as_object(root.get("components", {}), document.name, ("components",))
    reader = _RestReader(document.name, components, prefix)
    paths = {
        path: reader.path_item(as_object(item, document.name, ("paths", path)), ("paths", path))
        for path, item in as_object(root.get("paths", {}), document.name, ("paths",)).items()
        if path == base or path.startswith(f"{base}/")
    }
    if not any(paths.values()):
        raise SchemaError(document.name, ("paths",), f"no operation below {base!r}")
    definitions = {prefix + "." + name: reader.definition(name) for name in reader.named()}
    return RestApi(paths, reachable(definitions, sorted(reader.used)))


class _TextLoader(yaml.SafeLoader):
    """YAML as JSON has it: a time stays a text."""


_TextLoader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: str(cast(yaml.ScalarNode, node).value))


@dataclass(frozen=True, slots=True)
class _RestReader:
    document: str
    components: Object
    prefix: str
    used: set[str] = field(default_factory=set[str])

    # -- operations ---------------------------------------------------------------------------------------------

    def path_item(self, item: Object, path: JsonPath) -> Object:
        shared = as_list(item.get("parameters", []), self.document, (*path, "parameters"))
        if unknown := set(item) - {*METHODS, "parameters", "summary", "description"}:
            raise SchemaError(self.document, (*path, min(unknown)), "the generator does not know this of a path")
        result: dict[str, Json] = {}
        for method in METHODS:
            if method in item:
                here = (*path, method)
                result[method] = self._operation(as_object(item[method], self.document, here), shared, here)
        return result

    def _operation(self, node: Object, shared: Sequence[Json], path: JsonPath) -> Object:
        if unknown := set(node) - _OF_OPERATION:
            raise SchemaError(self.document, (*path, min(unknown)), "the generator does not know this of an operation")
        own = as_list(node.get("parameters", []), self.document, (*path, "parameters"))
        found: dict[tuple[str, str], Object] = {}
        for index, each in enumerate((*shared, *own)):
            parameter = self._parameter(each, (*path, "parameters", index))
            found[str(parameter["in"]), str(parameter["name"])] = parameter
        template = {part[1:-1] for part in str(path[1]).split("/") if part.startswith("{")}
        if template != {name for place, name in found if place == "path"}:
            raise SchemaError(self.document, path, "its path parameters are not those in the braces of the path")
        result: dict[str, Json] = {
            "operationId": as_string(node.get("operationId"), self.document, (*path, "operationId")),
            "parameters": [*found.values()],
            "responses": self._responses(as_object(node.get("responses"), self.document, (*path, "responses")), path),
        }
        if "requestBody" in node:
            body = self._resolved(node["requestBody"], "requestBodies", (*path, "requestBody"))
            result["requestBody"] = {"required": True, **self._content(body, (*path, "requestBody"))}
        return result

    def _parameter(self, node: Json, path: JsonPath) -> Object:
        found = self._resolved(node, "parameters", path)
        if unknown := set(found) - _OF_PARAMETER:
            raise SchemaError(self.document, (*path, min(unknown)), "the generator does not know this of a parameter")
        place = found.get("in")
        if place not in ("path", "query"):
            raise SchemaError(self.document, (*path, "in"), f"parameters are in path or query, not in {place!r}")
        schema = self.node(as_object(found.get("schema"), self.document, (*path, "schema")), (*path, "schema"))
        if schema.get("type") not in _SCALARS:
            raise SchemaError(self.document, (*path, "schema"), "a parameter is a text, a number or a truth value")
        name = as_string(found.get("name"), self.document, (*path, "name"))
        return {"name": name, "in": place, "required": found.get("required") is True, "schema": schema}

    def _responses(self, node: Object, path: JsonPath) -> Object:
        result: dict[str, Json] = {}
        successes: set[str] = set()
        for status, each in node.items():
            here = (*path, "responses", status)
            response = self._resolved(each, "responses", here)
            content: Object = self._content(response, here) if "content" in response else {}
            result[str(status)] = {"description": "", **content}
            if str(status).startswith("2"):
                successes.add(repr(content))
        if len(successes) != 1:
            raise SchemaError(self.document, (*path, "responses"), "every success must have the same content")
        return result

    def _content(self, node: Object, path: JsonPath) -> Object:
        content = as_object(node.get("content"), self.document, (*path, "content"))
        if set(content) != {"application/json"}:
            raise SchemaError(self.document, (*path, "content"), "bodies are application/json and nothing else")
        here = (*path, "content", "application/json", "schema")
        media = as_object(content["application/json"], self.document, here[:-1])
        schema = self.node(as_object(media.get("schema"), self.document, here), here)
        target = schema.get("$ref")
        if not isinstance(target, str):
            raise SchemaError(self.document, here, "a body refers to a definition of an object")
        self.used.add(target.removeprefix(REF_PREFIX))
        return {"content": {"application/json": {"schema": schema}}}

    def _resolved(self, node: Json, section: str, path: JsonPath) -> Object:
        found = as_object(node, self.document, path)
        if "$ref" not in found:
            return found
        target = as_string(found["$ref"], self.document, (*path, "$ref"))
        place, _, name = target.rpartition("/")
        known = as_object(self.components.get(section, {}), self.document, ("components", section))
        if place != f"#/components/{section}" or name not in known:
            raise SchemaError(self.document, (*path, "$ref"), f"the reference {target!r} leads nowhere")
        return as_object(known[name], self.document, ("components", section, name))

    # -- definitions --------------------------------------------------------------------------------------------

    @property
    def _schemas(self) -> Object:
        return as_object(self.components.get("schemas", {}), self.document, ("components", "schemas"))

    def named(self) -> list[str]:
        """Return the definitions that stay definitions: of objects, and of what is one of several objects."""
        return [name for name in self._schemas if "type" not in self._scalar(name)]

    def definition(self, name: str) -> Object:
        """Return a definition with its inheritance written out."""
        path = ("components", "schemas", name)
        node = self._raw(name)
        if "oneOf" in node:
            return self._union(node, path)
        flat = self._flat(node, path, ())
        tags = {tag: value for tag, value in self._tags_of(name).items() if tag in self._fields(flat)}
        if not tags:
            return flat
        fields = {key: self._tagged(child, tags.get(key)) for key, child in self._fields(flat).items()}
        return {**flat, "properties": fields}

    def node(self, node: Object, path: JsonPath) -> Object:
        """Return what stands at a place: a reference to an object, or a schema without prose."""
        members = node.get("allOf")
        target = self._target(node, path)
        if target is None and isinstance(members, Sequence) and len(members) == 1:
            target = self._target(as_object(members[0], self.document, (*path, "allOf", 0)), path)
        if target is not None:
            if scalar := self._scalar(target):
                beside = {key: value for key, value in node.items() if key in _FACTS}
                return {**scalar, **beside}
            return {"$ref": f"{REF_PREFIX}{self.prefix}.{target}"}
        if "allOf" in node or "properties" in node or "oneOf" in node:
            raise SchemaError(self.document, path, "an object without a name: give it a definition of its own")
        self._check_keywords(node, path)
        result: dict[str, Json] = {key: value for key, value in node.items() if key in _FACTS}
        for keyword in ("items", "additionalProperties"):
            if keyword in node:
                below = as_object(node[keyword], self.document, (*path, keyword))
                result[keyword] = self.node(below, (*path, keyword))
        if result.get("type") == "array" and "items" not in result:
            raise SchemaError(self.document, path, "a list says what its items are")
        if result.get("type") == "object" and "additionalProperties" not in result:
            raise SchemaError(self.document, path, "an object says what its values are")
        return result

    def _flat(self, node: Object, path: JsonPath, way: tuple[str, ...]) -> dict[str, Json]:
        """Return an object with all fields that it inherits."""
        self._check_keywords(node, path)
        fields: dict[str, Object] = {}
        required: list[str] = []
        parts: list[Object] = []
        for index, member in enumerate(as_list(node.get("allOf", []), self.document, (*path, "allOf"))):
            here = (*path, "allOf", index)
            each = as_object(member, self.document, here)
            target = self._target(each, here)
            if target in way:
                raise SchemaError(self.document, here, f"{target} inherits from itself")
            parts.append(
                self._flat(each, here, way)
                if target is None
                else self._flat(self._raw(target), ("components", "schemas", target), (*way, target))
            )
        own = as_object(node.get("properties", {}), self.document, (*path, "properties"))
        parts.append(
            {
                "properties": {
                    key: self.node(
                        as_object(child, self.document, (*path, "properties", key)), (*path, "properties", key)
                    )
                    for key, child in own.items()
                },
                "required": as_strings(node.get("required", []), self.document, (*path, "required")),
            }
        )
        for part in parts:
            for key, child in self._fields(part).items():
                fields[key] = self._both(fields[key], child, (*path, "properties", key)) if key in fields else child
            required += [name for name in cast("Sequence[str]", part.get("required", ())) if name not in required]
        if unknown := [name for name in required if name not in fields]:
            raise SchemaError(self.document, (*path, "required"), f"there is no field {unknown[0]!r}")
        result: dict[str, Json] = {"type": "object", "properties": {key: fields[key] for key in sorted(fields)}}
        if required:
            result["required"] = sorted(required)
        if node.get("additionalProperties") not in (None, False):
            raise SchemaError(self.document, (*path, "additionalProperties"), "an object has fields, or any; not both")
        return result

    def _both(self, first: Object, second: Object, path: JsonPath) -> Object:
        """Return a field that two ancestors have: what both say holds."""
        if differing := [key for key in first.keys() & second.keys() if first[key] != second[key]]:
            raise SchemaError(self.document, path, f"inherited twice, with different {min(differing)!r}")
        return {**first, **second}

    def _union(self, node: Object, path: JsonPath) -> Object:
        discriminator = as_object(node.get("discriminator"), self.document, (*path, "discriminator"))
        tag = as_string(discriminator.get("propertyName"), self.document, (*path, "discriminator", "propertyName"))
        members = as_list(node["oneOf"], self.document, (*path, "oneOf"))
        listed = {self._target(as_object(each, self.document, path), path) for each in members}
        mapping = {
            value: self._target({"$ref": target}, path)
            for value, target in as_object(discriminator.get("mapping"), self.document, path).items()
        }
        if None in listed or listed != set(mapping.values()):
            raise SchemaError(self.document, path, "every object of `oneOf` must be in the discriminator's mapping")
        for member in cast("set[str]", listed):
            if tag not in self._fields(self._flat(self._raw(member), ("components", "schemas", member), (member,))):
                raise SchemaError(self.document, path, f"{member} has no field {tag!r}, which tells what it is")
        references = {value: f"{REF_PREFIX}{self.prefix}.{target}" for value, target in sorted(mapping.items())}
        return {
            "oneOf": [{"$ref": target} for target in references.values()],
            "discriminator": {"propertyName": tag, "mapping": references},
        }

    def _tags_of(self, name: str) -> dict[str, str]:
        """Return what tells an object from others that may stand in its place: field -> value."""
        tags: dict[str, str] = {}
        for union, each in self._schemas.items():
            node = as_object(each, self.document, ("components", "schemas", union))
            if "oneOf" not in node:
                continue
            discriminator = as_object(node.get("discriminator"), self.document, ("components", "schemas", union))
            for value, target in as_object(discriminator.get("mapping"), self.document, ()).items():
                if self._target({"$ref": target}, ("components", "schemas", union)) == name:
                    tags[str(discriminator["propertyName"])] = value
        return tags

    def _tagged(self, node: Object, value: str | None) -> Object:
        return node if value is None else {**node, "enum": [value]}

    def _fields(self, node: Object) -> Mapping[str, Object]:
        return cast("Mapping[str, Object]", node.get("properties", {}))

    def _target(self, node: Object, path: JsonPath) -> str | None:
        if "$ref" not in node:
            return None
        name = as_string(node["$ref"], self.document, (*path, "$ref")).removeprefix(REF_PREFIX)
        if name not in self._schemas:
            raise SchemaError(self.document, (*path, "$ref"), f"the reference {node['$ref']!r} leads nowhere")
        return name

    def _raw(self, name: str) -> Object:
        return as_object(self._schemas[name], self.document, ("components", "schemas", name))

    def _scalar(self, name: str) -> Object:
        """Return the definition of a text, number or truth value; an empty one for any other."""
        node = self._raw(name)
        kind = node.get("type", "string" if "enum" in node else None)
        if kind not in _SCALARS:
            return {}
        path = ("components", "schemas", name)
        self._check_keywords(node, path)
        return {"type": kind, **{key: value for key, value in node.items() if key in _FACTS}}

    def _check_keywords(self, node: Object, path: JsonPath) -> None:
        if unknown := set(node) - _FACTS - _PROSE - _STRUCTURE:
            raise SchemaError(self.document, (*path, min(unknown)), f"the generator does not know {min(unknown)!r}")
