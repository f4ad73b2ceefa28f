"""What pydantic finds wrong with an object, in our words: place, mistake, and the field or value that was meant.

pydantic says `Input should be a valid integer`. A reader is told: `Trainer.numNodes must be a valid integer, not '3'.
Did you mean 3?`
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, get_args, get_origin

from pydantic import BaseModel

from kubeflow.core.errors import InvalidObject, Mistake, did_you_mean
from kubeflow.core.model_fields import bare, fields, wire_name
from kubeflow.core.older_hints import field_hint, limit_hint
from kubeflow.core.stdlib import re

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


def _mistake(line: ErrorDetails, model: type[BaseModel], by_wire_name: bool) -> Mistake:
    kind, place, value = line["type"], line["loc"], cast(object, line["input"])
    if kind == "extra_forbidden":
        return Mistake(place, _unknown(model, place, by_wire_name), "unknown_field", value)
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
        meant = _meant(kind, value, message) or limit_hint(model, place, value)
        message += f".{meant}" if meant else ""
    return Mistake(place, message, kind, value)


def _unknown(model: type[BaseModel], place: tuple[int | str, ...], by_wire_name: bool) -> str:
    owner, name = _owner(model, place[:-1]), str(place[-1])
    if by_wire_name and name in owner.model_fields:
        return f"{owner.__name__} has no field {name!r} on the wire: it is {wire_name(owner, name)!r} there."
    wire = {wire_name(owner, field): field for field in owner.model_fields}
    twin = wire_name(owner, name) if name in owner.model_fields else wire.get(name)
    if twin is not None:  # the field is there: by its other name it was given as well
        return f"{owner.__name__} is given {name!r} and {twin!r}, which are one field. Keep one."
    if older := field_hint(model, owner, place):
        return f"{owner.__name__} has no field {name!r}:{older}"
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
