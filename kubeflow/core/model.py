"""The base of all generated models: strict towards the user, lenient towards the server, silent about defaults.

Two ways lead into a model. What a user writes (`TrainJob(...)`, `from_dict`, `from_yaml`, an assignment) is held
against the schema, unknown fields included. What a server sends (`from_server`) is taken as it is: a field or value
that this version does not know survives unchanged until it is sent back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self, TypeAlias, cast

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticSerializationError

from kubeflow.core.display import repr_args_of_model, repr_of_fields, repr_of_model
from kubeflow.core.errors import InvalidInput, InvalidObject, UnknownAttribute, did_you_mean
from kubeflow.core.lazy_model import LazyModel, sent_form, wire_form, wire_text
from kubeflow.core.mistakes import explained
from kubeflow.core.signatures import ConstructorSignature
from kubeflow.core.tracebacks import thin_call, thinned

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.config import ExtraValues
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

# A free-form object of an API: any JSON object, kept as it is.
JsonObject: TypeAlias = dict[str, object]
# Any JSON value at all, where an API says nothing of it.
JsonValue: TypeAlias = object


class Model(LazyModel):
    """One object of a Kubernetes API. Attributes are snake_case; the wire is camelCase; both are accepted.

    A constructor takes attributes as keywords; an argument that is `None` counts as not given. It raises
    `InvalidObject` (a `ValueError`), which names every wrong field and suggests the one that was meant; so does an
    assignment.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        defer_build=True,
        extra="allow",
        validate_by_alias=True,
        validate_by_name=True,
        protected_namespaces=(),
    )

    if TYPE_CHECKING:

        def __init__(self, **values: object) -> None:
            """Check the fields that are given by attribute name; None is not given."""

    else:
        # Type checkers see the keywords of each class instead, from its annotations (PEP 681).
        __signature__ = ConstructorSignature()

        @classmethod
        def __pydantic_on_complete__(cls) -> None:
            del cls.__signature__  # pydantic's, which stands before the one that is inherited

        def __init__(self, /, **values: object) -> None:
            """Check the fields that are given by attribute name; None is not given."""
            given = {key: value for key, value in values.items() if value is not None}
            try:
                self.__pydantic_validator__.validate_python(given, self_instance=self, extra="forbid")
            except ValidationError as error:
                raise explained(error, type(self)) from None

        # pydantic's own mark for a constructor that adds nothing to validation: without it, pydantic-core would call
        # this method for every nested object that it parses.
        __init__.__pydantic_base_init__ = True

        def __setattr__(self, name: str, value: object) -> None:
            if name.startswith("_"):
                super().__setattr__(name, value)
                return
            if name not in type(self).model_fields:
                known = type(self).model_fields
                raise UnknownAttribute(f"{type(self).__name__} has no field {name!r}.{did_you_mean(name, known)}")
            try:
                self.__pydantic_validator__.validate_assignment(self, name, value, extra="forbid")
            except ValidationError as error:
                raise explained(error, type(self)) from None

    __repr__ = repr_of_model
    __str__ = repr_of_model

    __repr_args__ = repr_args_of_model

    def __dir__(self) -> list[str]:
        """Return what users look for: fields, and methods of ours. Those of pydantic work, and are not listed."""
        own = {name for name in dir(type(self)) if name.startswith("__") or not hasattr(BaseModel, name)}
        return sorted({*own, *type(self).model_fields, *(self.model_extra or {})})

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[BaseModel], handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        _forbid_coercion(schema)
        return schema

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Say what `from_dict` takes by wire names: unknown fields are allowed only for what a server sends."""
        written = handler(schema)
        handler.resolve_ref_schema(written)["additionalProperties"] = False
        return written

    @classmethod
    @thin_call
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        """Return the object that a user wrote as a mapping, by attribute or wire names.

        Raises:
            InvalidObject: A field is unknown, missing, or has a value that the schema does not allow.
            InvalidInput: `values` is no mapping.
        """
        if not isinstance(cast(object, values), Mapping):
            raise InvalidInput(f"{cls.__name__}: expected a mapping of its fields, not {type(values).__name__}")
        try:
            return cast(Self, cls.__pydantic_validator__.validate_python(dict(values), extra="forbid"))
        except ValidationError as error:
            raise explained(error, cls) from None

    @classmethod
    @thin_call
    def from_yaml(cls, text: str) -> Self:
        """Return the object that a user wrote as one YAML (or JSON) document.

        Raises:
            InvalidInput: The text is not one YAML mapping, has a key twice, or does not fit the schema (see
                `from_dict`). What YAML reads as something else than the text that stands there (`on`, `0123`, `1.10`,
                a date) is to be quoted where the schema wants text.
        """
        from kubeflow.core import yaml_text

        return yaml_text.read_object(text, cls.__name__, cls.from_dict)

    def to_dict(self) -> JsonObject:
        """Return the object as it is sent: wire names, JSON values, and only what was set.

        Raises:
            InvalidInput: A free-form field holds what JSON has no form for.
        """
        try:
            form = sent_form(self)
            return cast(JsonObject, wire_form(self)) if form is None else form
        except (PydanticSerializationError, ValueError) as error:
            raise _not_json(self, error) from None

    def to_json(self) -> str:
        """Return `to_dict()` as one line of JSON.

        Raises:
            InvalidInput: As `to_dict`.
        """
        try:
            return wire_text(self)
        except (PydanticSerializationError, ValueError) as error:
            raise _not_json(self, error) from None

    def to_yaml(self) -> str:
        """Return `to_dict()` as a YAML document."""
        from kubeflow.core import yaml_text

        return yaml_text.write(self.to_dict())

    # -- pydantic's ways in, with our strictness and our words ------------------------------------------------------

    @classmethod
    @thin_call
    def model_validate(
        cls,
        obj: object,
        *,
        strict: bool | None = None,
        extra: ExtraValues | None = None,
        from_attributes: bool | None = None,
        context: object = None,
        by_alias: bool | None = None,
        by_name: bool | None = None,
    ) -> Self:
        """Return `obj`, a mapping or an object of this class, as `from_dict` reads it; arguments are pydantic's.

        Raises:
            InvalidObject: As `from_dict`. `extra="allow"` lets unknown fields pass.
        """
        try:
            return super().model_validate(
                obj,
                strict=strict,
                extra=extra or "forbid",
                from_attributes=from_attributes,
                context=context,
                by_alias=by_alias,
                by_name=by_name,
            )
        except ValidationError as error:
            raise explained(error, cls) from None

    @classmethod
    @thin_call
    def model_validate_json(
        cls,
        json_data: str | bytes | bytearray,
        *,
        strict: bool | None = None,
        extra: ExtraValues | None = None,
        context: object = None,
        by_alias: bool | None = None,
        by_name: bool | None = None,
    ) -> Self:
        """Return the object that a user wrote as JSON, as `from_dict` reads it; arguments are pydantic's.

        Raises:
            InvalidObject: The text is no JSON, or as `from_dict`.
        """
        try:
            return super().model_validate_json(
                json_data, strict=strict, extra=extra or "forbid", context=context, by_alias=by_alias, by_name=by_name
            )
        except ValidationError as error:
            raise explained(error, cls) from None

    @thin_call
    def model_copy(self, *, update: Mapping[str, object] | None = None, deep: bool = False) -> Self:
        """Return a copy with the fields of `update` assigned to it, by attribute name.

        Args:
            update: Fields to assign; each is checked as an assignment is.
            deep: True when what is below is copied as well, and not shared.

        Raises:
            InvalidObject: A value does not fit the schema.
            UnknownAttribute: There is no field of that name.
        """
        copied = super().model_copy(deep=deep)
        for name, value in (update or {}).items():
            setattr(copied, name, value)
        return copied


class KubeObject(Model):
    """A kind: an object with `apiVersion` and `kind`, which its constructor fills in.

    Attributes:
        API_VERSION: Group and version, such as `trainer.kubeflow.org/v1alpha1`.
        KIND: The kind, such as `TrainJob`.
    """

    API_VERSION: ClassVar[str]
    KIND: ClassVar[str]

    if not TYPE_CHECKING:

        def __init__(self, /, **values: object) -> None:
            """Check the fields that are given by attribute name; None is not given."""
            identity = {"api_version": self.API_VERSION, "kind": self.KIND}
            given = dict(values)
            if "api_version" not in given and "apiVersion" in given:
                given["api_version"] = given.pop("apiVersion")
            try:
                super().__init__(**{**identity, **{key: value for key, value in given.items() if value is not None}})
            except InvalidObject as error:
                raise thinned(error) from None

        __init__.__pydantic_base_init__ = True

    def _repr_html_(self) -> str:
        """Return the object as notebooks show it: its YAML, with secrets hidden and long texts cut."""
        from kubeflow.core.object_html import object_html

        name: object = getattr(getattr(self, "metadata", None), "name", None)
        return object_html(self.KIND, name if isinstance(name, str) else None, self.to_dict())

    @classmethod
    @thin_call
    def from_dict(cls, values: Mapping[str, object], *, minor: str | None = None) -> Self:
        """Return the object that a user wrote as a mapping, by attribute or wire names.

        Args:
            values: The fields. Those that a later minor removed are named as on the wire.
            minor: Of the control plane that it is for, such as `"2.1"`; a patch number is ignored. Default: the newest
                that this package knows. What an older one has in another form or with other limits is taken as it has
                it; what it does not have is refused.

        Raises:
            InvalidObject: A field is unknown, missing, or has a value that the schema does not allow.
            InvalidInput: `values` is no mapping, or the minor is not known.
        """
        if minor is None or not isinstance(cast(object, values), Mapping):
            return super().from_dict(values)
        from kubeflow.core import older_forms

        return older_forms.read(cls, values, minor, super().from_dict)

    @classmethod
    @thin_call
    def from_yaml(cls, text: str, *, minor: str | None = None) -> Self:
        """Return the object that a user wrote as one YAML (or JSON) document.

        Args:
            text: The document.
            minor: As for `from_dict`.

        Raises:
            InvalidInput: As `Model.from_yaml`, or the minor is not known.
        """
        from kubeflow.core import yaml_text

        return yaml_text.read_object(text, cls.__name__, lambda values: cls.from_dict(values, minor=minor))


@dataclass(frozen=True, slots=True)
class MinProperties:
    """Metadata of a field: the object or map must have at least `count` entries set (`minProperties`)."""

    count: int

    ONLY_CHECKS: ClassVar[bool] = True

    __repr__ = repr_of_fields

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "minProperties": self.count}

    def _check(self, value: Model | Mapping[str, object] | None) -> Model | Mapping[str, object] | None:
        if value is None:
            return value
        size = len(value.model_fields_set) if isinstance(value, Model) else len(value)  # unknown fields are counted too
        if size < self.count:
            raise InvalidInput(f"needs at least {self.count} entries; leave it out instead of giving {size}")
        return value


def _not_json(model: Model, error: Exception) -> InvalidInput:
    return InvalidInput(f"{type(model).__name__} holds what JSON has no form for: {error}")


def _forbid_coercion(node: object) -> None:
    """Make every scalar in a core schema strict: the API server does not read "3" as 3, so neither do we.

    A map may have a null, as for the API server, which drops it unless the schema has `nullable`.
    """
    if isinstance(node, dict):
        entry = cast("dict[str, object]", node)
        if entry.get("type") in ("str", "int", "float", "bool"):
            entry["strict"] = True
        elif entry.get("type") == "dict" and "values_schema" in entry:
            entry["values_schema"] = {"type": "nullable", "schema": entry["values_schema"]}
        for value in entry.values():
            _forbid_coercion(value)
    elif isinstance(node, list):
        for value in cast("list[object]", node):
            _forbid_coercion(value)
