"""Holds an object against its schema once more, before it is sent.

A model checks its constructor and its assignments. It does not see an item that is appended to one of its lists, or
what `model_construct` makes. A value that a server sent and that this version does not understand is no mistake.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from pydantic import BaseModel, ValidationError

from kubeflow.core.errors import InvalidObject, Mistake
from kubeflow.core.lazy_model import is_untouched, received, wire_form
from kubeflow.core.mistakes import explained
from kubeflow.core.model_fields import wire_name

_ABSENT = object()  # stands for the value of a field that is not set


def check_outgoing(obj: BaseModel) -> None:
    """Raise what is wrong with `obj`, which is about to be sent.

    Raises:
        InvalidObject: A value does not fit the schema. In a mapping that stands in place of a model, fields are named
            as on the wire, because it is sent as it is.
    """
    if found := list(_mistakes(obj, ())):
        raise InvalidObject(type(obj).__name__, found)


def _mistakes(model: BaseModel, place: tuple[str | int, ...]) -> Iterator[Mistake]:
    if is_untouched(model):
        return
    given = _given(model)
    sent = received(model)
    for mistake in _own_mistakes(model):
        if sent is None or not mistake.place or not _is_as_sent(given, sent, str(mistake.place[0])):
            yield Mistake((*place, *mistake.place), mistake.message, mistake.kind, mistake.value)
    for name, value in given.items():
        yield from _below(value, (*place, name))


def _is_as_sent(given: Mapping[str, object], sent: Mapping[str, object], field: str) -> bool:
    return (wire_form(given[field]) if field in given else _ABSENT) == sent.get(field, _ABSENT)


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
