"""The signature of a model's constructor, as `inspect` and notebooks print it: attribute names and plain types."""

from __future__ import annotations

import types
from datetime import datetime
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Literal, Union, get_args, get_origin

from kubeflow.core.display import Code

if TYPE_CHECKING:
    from pydantic import BaseModel


class ConstructorSignature:
    """Class attribute `__signature__` of models: made when it is asked for, because fields are resolved late.

    pydantic's own has wire names and the constraints of every field, which no reader of a hover asks for.
    """

    def __get__(self, instance: BaseModel | None, model: type[BaseModel]) -> Signature:
        if instance is not None:
            raise AttributeError("__signature__")
        model.model_rebuild(raise_errors=False)
        parameters = [
            Parameter(
                name,
                Parameter.KEYWORD_ONLY,
                default=Parameter.empty if field.is_required() else None,
                annotation=Code(type_text(field.annotation)),
            )
            for name, field in model.model_fields.items()
        ]
        return Signature(parameters)


def type_text(kind: object) -> str:
    """Return a type as its reader would write it: `list[EnvVar] | None`, without modules and constraints."""
    while hasattr(kind, "__metadata__"):
        kind = get_args(kind)[0]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return " | ".join(type_text(member) for member in arguments)
    if origin is Literal:
        return f"Literal[{', '.join(repr(value) for value in arguments)}]"
    if isinstance(origin, type):
        return f"{origin.__name__}[{', '.join(type_text(member) for member in arguments)}]"
    if kind is type(None):
        return "None"
    if isinstance(kind, type):
        return datetime.__name__ if issubclass(kind, datetime) else kind.__name__
    return str(kind)
