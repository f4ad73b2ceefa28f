"""Values that are one of several models, which a field tells apart (`oneOf` with a discriminator in OpenAPI)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput, InvalidObject, did_you_mean
from kubeflow.core.model import JsonObject, Model
from kubeflow.core.tracebacks import thin_call, thinned

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


class TaggedModel(Model):
    """A model that is told from others by the value of one field, which its constructor fills in.

    Attributes:
        TAG: The field, by attribute and by wire name, and its value.
    """

    TAG: ClassVar[tuple[str, str, str]]

    if not TYPE_CHECKING:

        def __init__(self, /, **values: object) -> None:
            """Check the fields that are given by attribute name; None is not given."""
            try:
                super().__init__(**type(self)._with_tag(values))
            except InvalidObject as error:
                raise thinned(error) from None

        __init__.__pydantic_base_init__ = True

    @classmethod
    @thin_call
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        """Return the object that a user wrote as a mapping, by attribute or wire names; the tag may be left out.

        Raises:
            InvalidObject: A field is unknown, missing, or has a value that the schema does not allow.
            InvalidInput: `values` is no mapping.
        """
        given = cast(object, values)
        return super().from_dict(cls._with_tag(values) if isinstance(given, Mapping) else values)

    @classmethod
    def _with_tag(cls, values: Mapping[str, object]) -> dict[str, object]:
        attribute, wire, value = cls.TAG
        given = {key: each for key, each in values.items() if each is not None}
        return given if attribute in given or wire in given else {attribute: value, **given}


@dataclass(frozen=True, slots=True)
class TaggedUnion:
    """Metadata of a union of models: which of them a value is.

    What has a value of the tag that this version does not know stays as it came.

    Attributes:
        attribute: The tag, by attribute.
        wire: The tag, by wire name.
        models: Value of the tag -> model.
    """

    attribute: str
    wire: str
    models: Mapping[str, type[Model]]

    __repr__ = repr_of_fields

    def __hash__(self) -> int:
        return hash((self.wire, *self.models))

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        choices = {value: handler.generate_schema(model) for value, model in self.models.items()}
        return core_schema.tagged_union_schema(choices, self._tag)

    def _tag(self, value: Any) -> str | None:
        if isinstance(value, Mapping):
            fields = cast("Mapping[str, object]", value)
            found = fields.get(self.wire, fields.get(self.attribute))
        else:
            found = getattr(value, self.attribute, None)
        return found if isinstance(found, str) else None

    def from_server(self, value: object) -> object:
        """Return what a server sent as the model that it is; anything else as it came."""
        if not isinstance(value, Mapping):
            return value
        fields = cast("Mapping[str, object]", value)
        model = self.models.get(self._tag(fields) or "")
        return fields if model is None else model.from_server(fields)

    def from_dict(self, values: Mapping[str, object]) -> Model:
        """Return the object that a user wrote as a mapping.

        Raises:
            InvalidInput: The tag is missing, or none of those that there are.
            InvalidObject: As the model says.
        """
        tag = self._tag(values)
        if tag is None or tag not in self.models:
            there = ", ".join(map(repr, self.models))
            near = did_you_mean(tag, self.models) if tag else ""
            raise InvalidInput(f"{self.wire} is {tag!r}; it tells what an object is, and is one of {there}.{near}")
        return self.models[tag].from_dict(values)


def union_of(alias: object) -> TaggedUnion:
    """Return what tells the models of a generated union apart.

    Args:
        alias: The union, as the generated package has it.
    """
    return next(each for each in cast("tuple[object, ...]", alias.__metadata__) if isinstance(each, TaggedUnion))  # type: ignore[attr-defined]


def body_of(value: Model | Mapping[str, object], kind: object) -> JsonObject:
    """Return what a user gave as the body of a request: a model, or a mapping that is read as one.

    Args:
        value: What the user gave.
        kind: The model, or the union, that the request takes.

    Raises:
        InvalidInput: It does not fit.
    """
    if isinstance(value, Model):
        return value.to_dict()
    given = cast(object, value)
    if not isinstance(given, Mapping):
        raise InvalidInput(f"a body is an object or a mapping, not {type(given).__name__}")
    if isinstance(kind, type):
        return cast("type[Model]", kind).from_dict(value).to_dict()
    return union_of(kind).from_dict(value).to_dict()
