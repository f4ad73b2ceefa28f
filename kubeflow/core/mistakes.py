"""What pydantic finds wrong with an object, in our words: place, mistake, and the field or value that was meant.

pydantic says `Input should be a valid integer`. A reader is told: `Trainer.numNodes must be a valid integer, not '3'.
Did you mean 3?`
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from typing import TYPE_CHECKING, Union, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from kubeflow.core.errors import InvalidObject, Mistake, did_you_mean

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_FEW = 12  # fields of a model that are all named
_SHORT = 60  # characters of a value that is shown
_KEY = "[key]"  # pydantic's last step of the place of a key
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
# pydantic's words: "Input should be a valid dictionary or instance of Trainer", "Keys should be strings", ...
_WORDS = (
    (re.compile(r"a valid dictionary or (?:an )?instance of ([AEIO]\w+)"), r"an \1 or a mapping of its fields"),
    (re.compile(r"a valid dictionary or (?:an )?instance of (\w+)"), r"a \1 or a mapping of its fields"),
    (re.compile(r"a valid dictionary"), "a mapping"),
    (re.compile(r" after validation,"), ","),
)


def explained(error: ValidationError, model: type[BaseModel], *, by_wire_name: bool = False) -> InvalidObject:
    """Return what pydantic found in our words, with the field that was probably meant for each unknown one.

    Args:
        by_wire_name: True when fields were looked for by their wire names only.
    """
    lines = error.errors(include_url=False)
    return InvalidObject(model.__name__, [_mistake(line, model, by_wire_name) for line in lines])


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


def _mistake(line: ErrorDetails, model: type[BaseModel], by_wire_name: bool) -> Mistake:
    kind, place, value = line["type"], line["loc"], cast(object, line["input"])
    if kind == "extra_forbidden":
        return Mistake(place, _unknown(_owner(model, place[:-1]), str(place[-1]), by_wire_name), "unknown_field", value)
    if kind == "missing":
        return Mistake(place, "is required", kind, value)
    if place[-1:] == (_KEY,):
        return Mistake(place[:-2], f"must have strings as keys, not {value!r}", kind, value)
    if kind == "invalid_key":
        return Mistake(place[:-1], f"must have strings as keys, not {place[-1]!r}", kind, value)
    message = re.sub(r"^\w+ should ", "must ", line["msg"].removeprefix("Value error, "))
    for pattern, words in _WORDS:
        message = pattern.sub(words, message)
    shown = repr(value)
    if message.startswith("must be") and len(shown) <= _SHORT:
        message += f", not {shown}"
        meant = _meant(kind, value, message)
        message += f".{meant}" if meant else ""
    return Mistake(place, message, kind, value)


def _unknown(owner: type[BaseModel], name: str, by_wire_name: bool) -> str:
    if by_wire_name and name in owner.model_fields:
        return f"{owner.__name__} has no field {name!r} on the wire: it is {wire_name(owner, name)!r} there."
    wire = {wire_name(owner, field): field for field in owner.model_fields}
    twin = wire_name(owner, name) if name in owner.model_fields else wire.get(name)
    if twin is not None:  # the field is there: by its other name it was given as well
        return f"{owner.__name__} is given {name!r} and {twin!r}, which are one field. Keep one."
    meant = did_you_mean(name, owner.model_fields)
    if not meant and len(owner.model_fields) <= _FEW:
        meant = f" It has: {', '.join(owner.model_fields)}."
    return f"{owner.__name__} has no field {name!r}.{meant}"


def _meant(kind: str, value: object, message: str) -> str:
    if kind == "literal_error":
        return did_you_mean(str(value), re.findall(r"'([^']*)'", message.rpartition(", not ")[0]))
    if kind == "int_type" and isinstance(value, str) and _INTEGER.fullmatch(value):
        return f" Did you mean {int(value)}?"
    if kind == "bool_type" and isinstance(value, str) and value.lower() in ("true", "false"):
        return f" Did you mean {value.lower() == 'true'}?"
    if kind == "string_type" and isinstance(value, int | float) and not isinstance(value, bool):
        return f" Did you mean {str(value)!r}?"
    return ""


def _owner(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel]:
    """Return the model at `location` below `model`: the innermost one, as far as the path can be followed."""
    owner, current = model, cast(object, model)
    for step in location:
        if isinstance(current, type) and issubclass(current, BaseModel):
            types_by_name = {key: kind for name, kind in fields(current) for key in (name, wire_name(current, name))}
            current = types_by_name.get(str(step))
        elif get_origin(current) is list:
            current = bare(get_args(current)[0])
        elif get_origin(current) is dict:
            current = bare(get_args(current)[1])
        if isinstance(current, type) and issubclass(current, BaseModel):
            owner = current
    return owner
