"""The fields of a model: their types without what narrows them, and their names on the wire."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import TYPE_CHECKING, Union, get_args, get_origin

from pydantic.alias_generators import to_camel

if TYPE_CHECKING:
    from pydantic import BaseModel


def fields(model: type[BaseModel]) -> Iterator[tuple[str, object]]:
    """Yield each field of `model` and its type, without what narrows the type."""
    for name, info in model.model_fields.items():
        yield name, bare(info.annotation)


def bare(annotation: object) -> object:
    """Return `annotation` without `Annotated[...]` and `| None`."""
    while hasattr(annotation, "__metadata__"):
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        members: tuple[object, ...] = get_args(annotation)
        rest = [member for member in members if member is not type(None)]
        return bare(rest[0]) if len(rest) == 1 else annotation
    return annotation


def wire_name(model: type[BaseModel], name: str) -> str:
    """Return the name that the field `name` has on the wire."""
    return model.model_fields[name].alias or to_camel(name)
