"""What a schema demands that no annotation of a model can say: it becomes a rule of the kind, beside the CEL rules.

Such a rule calls `kubeflow.core.value_validation.fits` with the part of the schema that the models leave out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal, TypeAlias, cast

from codegen.cel.regex import translate
from codegen.cel.syntax import NotLowerable
from codegen.errors import SchemaError
from codegen.schema.definitions import CONDITION, reference
from codegen.schema.jsontypes import Json, JsonPath, Object

# Where a node stands: the definition of a type; a field; the items or values of a field; anything below those.
Depth: TypeAlias = Literal["definition", "field", "below", "deep"]

_NEVER_IN_A_MODEL = ("maxProperties", "multipleOf")
_IN_A_FIELD = (
    "maxItems", "maxLength", "maximum", "minItems", "minLength", "minimum", "minProperties", "pattern",
    "exclusiveMaximum", "exclusiveMinimum",
)  # fmt: skip
_SCALARS = ("boolean", "integer", "number", "string")


def below(depth: Depth) -> Depth:
    """Return where the items or values of a node stand."""
    return "below" if depth == "field" else "deep"


def is_scalar(node: Object) -> bool:
    """Return True when an annotation can carry the constraints of items or values: those of a plain JSON type."""
    return reference(node) is None and node.get("type") in _SCALARS


def choices_of_text(node: Object) -> bool:
    """Return True when a node has an enum, of strings only: that is a `Literal`."""
    return "enum" in node and all(isinstance(value, str) for value in cast("list[Json]", node["enum"]))


def takes_null(node: Object) -> bool:
    """Return True when the API server takes a null for a required field, an item or a value of this schema.

    It puts a default in the place of a null. With `nullable` it keeps the null, unless there is an enum.
    """
    return "default" in node if not node.get("nullable") else "enum" not in node


def left_out(node: Object, depth: Depth, document: str, path: JsonPath) -> Object:
    """Return the part of a node that no model enforces, for `fits`; patterns are in the syntax of Python's `re`.

    Raises:
        SchemaError: A pattern cannot be translated.
    """
    result: dict[str, Json] = {key: node[key] for key in _NEVER_IN_A_MODEL if key in node}
    enforced = depth == "field" if reference(node) is None else False
    if depth == "below":
        enforced = is_scalar(node)
    if depth == "definition" and node.get("type") != "object":
        enforced = True  # a hand-written type
    if not enforced:
        result |= {key: node[key] for key in _IN_A_FIELD if key in node}
    if depth == "field" and "minProperties" in node:
        result["minProperties"] = node["minProperties"]  # a model counts nulls, which the server may drop
    # Models require the fields that they have; a schema may require more.
    if beyond := sorted({*cast("list[str]", node.get("required", []))} - {*cast("Object", node.get("properties", {}))}):
        result["required"] = beyond
    if "enum" in node and not choices_of_text(node):
        result["enum"] = node["enum"]
    if node.get("additionalProperties") is True and reference(node):
        result["additionalProperties"] = {"x-pruned": True}  # any names and values, but no field below is known
    result |= cast("Object", node.get(CONDITION, {}))
    return cast("Object", _translated(result, document, path))


def in_words(condition: Object) -> str:
    """Return what the rule of a condition says of itself."""
    return f"must fit the schema {json.dumps(condition, sort_keys=True)}"


def _translated(value: Json, document: str, path: JsonPath) -> Json:
    if isinstance(value, list):
        return [_translated(each, document, path) for each in value]
    if not isinstance(value, Mapping):
        return value
    result: dict[str, Json] = {}
    for key, each in value.items():
        if key == "properties":
            fields = cast("Mapping[str, Json]", each)
            result[key] = {name: _translated(child, document, path) for name, child in fields.items()}
        elif key == "pattern" and isinstance(each, str):
            try:
                result[key] = translate(each)
            except NotLowerable as error:
                problem = (
                    f"cannot translate the pattern {each!r}: {error}; drop it by a [[patch]] in schemas/patches.toml"
                )
                raise SchemaError(document, path, problem) from error
        else:
            result[key] = each if key in ("enum", "required") else _translated(each, document, path)
    return result
