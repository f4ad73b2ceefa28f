"""Holds an object against its schema once more, before it is sent.

A model checks its constructor and its assignments. It does not see an item that is appended to one of its lists, or
what `model_construct` makes. A value that a server sent and that this version does not understand is no mistake.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from pydantic import BaseModel, ValidationError

from kubeflow.core.errors import InvalidObject, Mistake
from kubeflow.core.mistakes import explained, wire_name

_KEPT = "_kept"
_ABSENT = "absent"  # stands for the value of a field that is not set


def check_outgoing(obj: BaseModel) -> None:
    """Raise what is wrong with `obj`, which is about to be sent.

    Raises:
        InvalidObject: A value does not fit the schema. In a mapping that stands in place of a model, fields are named
            as on the wire, because it is sent as it is.
    """
    if found := list(_mistakes(obj, ())):
        raise InvalidObject(type(obj).__name__, found)


def keep_misfits(model: BaseModel) -> None:
    """Remember which fields of `model`, as a server sent them, do not fit the schema: no mistakes of a user."""
    given = _given(model)
    misfits = {str(mistake.place[0]) for mistake in _own_mistakes(model) if mistake.place}
    if misfits:
        kept = {name: given.get(name, _ABSENT) for name in misfits}
        object.__setattr__(model, "__pydantic_private__", {_KEPT: kept})


def _mistakes(model: BaseModel, place: tuple[str | int, ...]) -> Iterator[Mistake]:
    given = _given(model)
    kept = cast("Mapping[str, object]", (model.__pydantic_private__ or {}).get(_KEPT, {}))
    for mistake in _own_mistakes(model):
        field = str(mistake.place[0]) if mistake.place else ""
        if field not in kept or kept[field] != given.get(field, _ABSENT):
            yield Mistake((*place, *mistake.place), mistake.message, mistake.kind, mistake.value)
    for name, value in given.items():
        yield from _below(value, (*place, name))


def _below(value: object, place: tuple[str | int, ...]) -> Iterator[Mistake]:
    if isinstance(value, BaseModel):
        yield from _mistakes(value, place)
    elif isinstance(value, list):
        for index, item in enumerate(cast("list[object]", value)):
            yield from _below(item, (*place, index))
    elif isinstance(value, dict):
        for key, item in cast("dict[str, object]", value).items():
            yield from _below(item, (*place, key))


def _own_mistakes(model: BaseModel) -> tuple[Mistake, ...]:
    """Return the mistakes of the fields of `model`; models below it count as right, whatever is in them."""
    try:
        model.__pydantic_validator__.validate_python(_given(model), extra="forbid", by_alias=True, by_name=False)
    except ValidationError as error:
        return explained(error, type(model), by_wire_name=True).mistakes
    return ()


def _given(model: BaseModel) -> dict[str, object]:
    """Return the fields that are set, by wire name."""
    names = [name for name in type(model).model_fields if name in model.model_fields_set]
    return {wire_name(type(model), name): cast(object, getattr(model, name)) for name in names}
