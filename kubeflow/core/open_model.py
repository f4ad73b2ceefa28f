"""Models of objects whose schema names some fields and admits any others (`x-kubernetes-preserve-unknown-fields`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Self, cast

from pydantic import ModelWrapValidatorHandler, model_validator

from kubeflow.core.model import KubeObject, Model

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


class OpenModel(Model):
    """An object that may have more fields than its class names; those are kept and sent as they are given."""

    _WRITING_VALIDATORS: ClassVar[frozenset[str]] = frozenset({"_keep_unknown"})

    @model_validator(mode="wrap")
    @classmethod
    def _keep_unknown(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(value, Mapping):
            return handler(value)
        fields = cast("Mapping[str, object]", value)
        named = {name for key, info in cls.model_fields.items() for name in (key, info.alias)}
        model = handler({key: each for key, each in fields.items() if key in named})
        unknown = {key: each for key, each in fields.items() if key not in named}
        if unknown:
            object.__setattr__(model, "__pydantic_extra__", {**(model.__pydantic_extra__ or {}), **unknown})
            model.__pydantic_fields_set__.update(unknown)
        return model

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        written = super().__get_pydantic_json_schema__(schema, handler)
        handler.resolve_ref_schema(written)["additionalProperties"] = True
        return written


class OpenKubeObject(OpenModel, KubeObject):
    """A kind that may have more fields than its class names."""
