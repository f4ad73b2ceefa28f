"""Types of parsed JSON, and accessors that check the type: the shape of a document is never assumed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

from codegen.errors import SchemaError

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"
Object: TypeAlias = Mapping[str, Json]
JsonPath: TypeAlias = tuple[str | int, ...]


def as_object(value: Json, document: str, path: JsonPath) -> Object:
    """Return `value` as an object.

    Raises:
        SchemaError: It is something else.
    """
    if not isinstance(value, Mapping):
        raise SchemaError(document, path, f"expected an object, found {type_name(value)}")
    return value


def as_list(value: Json, document: str, path: JsonPath) -> Sequence[Json]:
    """Return `value` as a list.

    Raises:
        SchemaError: It is something else.
    """
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise SchemaError(document, path, f"expected a list, found {type_name(value)}")
    return value


def as_string(value: Json, document: str, path: JsonPath) -> str:
    """Return `value` as a string.

    Raises:
        SchemaError: It is something else.
    """
    if not isinstance(value, str):
        raise SchemaError(document, path, f"expected a string, found {type_name(value)}")
    return value


def as_strings(value: Json, document: str, path: JsonPath) -> list[str]:
    """Return `value` as a list of strings.

    Raises:
        SchemaError: It is something else.
    """
    return [as_string(each, document, (*path, index)) for index, each in enumerate(as_list(value, document, path))]


def type_name(value: Json) -> str:
    """Return the JSON Schema name of the type of `value`."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, Mapping):
        return "object"
    if value is None:
        return "null"
    for kind, name in ((str, "string"), (int, "integer"), (float, "number")):
        if isinstance(value, kind):
            return name
    return "array"


def parse_json(text: bytes, document: str) -> Json:
    """Parse `text`.

    Raises:
        SchemaError: It is not JSON, or an object has the same key twice.
    """

    def unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        result = dict(pairs)
        if len(result) != len(pairs):
            twice = next(key for index, (key, _) in enumerate(pairs) if key in dict(pairs[:index]))
            raise SchemaError(document, (), f"the key {twice!r} stands twice in one object")
        return result

    try:
        return cast(Json, json.loads(text, object_pairs_hook=unique))
    except ValueError as error:
        raise SchemaError(document, (), f"not JSON: {error}") from error
