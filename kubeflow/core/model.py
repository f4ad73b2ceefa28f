"""The base of all generated models: strict towards the user, lenient towards the server, silent about defaults.

Two ways lead into a model. What a user writes (`TrainJob(...)`, `from_dict`, `from_yaml`, an assignment) is held
against the schema, unknown fields included. What a server sends (`from_server`) is taken as it is: a field or value
that this version does not know survives unchanged until it is sent back.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Self, TypeAlias, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from kubeflow.core.display import repr_args_of_model, repr_of_fields, repr_of_model
from kubeflow.core.errors import InvalidInput, InvalidObject, Mistake, UnknownAttribute, did_you_mean
from kubeflow.core.int_or_string import IntOrString
from kubeflow.core.quantity import Quantity
from kubeflow.core.signatures import ConstructorSignature
from kubeflow.core.time import Timestamp
from kubeflow.core.tracebacks import thin_call, thinned

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema, ErrorDetails
    from yaml import SafeDumper

# A free-form object of an API: any JSON object, kept as it is.
JsonObject: TypeAlias = dict[str, object]


M = TypeVar("M", bound="Model")


class Model(BaseModel):
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
                raise _explained(error, type(self)) from None

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
                raise _explained(error, type(self)) from None

    __repr__ = repr_of_model
    __str__ = repr_of_model

    __repr_args__ = repr_args_of_model

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[BaseModel], handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        _forbid_coercion(schema)
        return schema

    @classmethod
    @thin_call
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        """Return the object that a user wrote as a mapping, by attribute or wire names.

        Raises:
            InvalidObject: A field is unknown, missing, or has a value that the schema does not allow.
        """
        try:
            return cast(Self, cls.__pydantic_validator__.validate_python(dict(values), extra="forbid"))
        except ValidationError as error:
            raise _explained(error, cls) from None

    @classmethod
    @thin_call
    def from_yaml(cls, text: str) -> Self:
        """Return the object that a user wrote as one YAML (or JSON) document.

        Raises:
            InvalidInput: The text is not one YAML mapping, or does not fit the schema (see `from_dict`).
        """
        import yaml

        try:
            values: object = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise InvalidInput(f"{cls.__name__}: not one YAML document: {error}") from None
        if not isinstance(values, dict):
            raise InvalidInput(f"expected a YAML mapping for {cls.__name__}, found {type(values).__name__}")
        return cls.from_dict(cast("dict[str, object]", values))

    @classmethod
    def from_server(cls, values: Mapping[str, object]) -> Self:
        """Return the object that a server sent. Unknown fields and values are kept; nothing is refused.

        A field whose value does not fit this version's schema holds the value as it came. Sent back with `to_dict`,
        the object is what was received plus what was changed.
        """
        try:
            return cast(Self, cls.__pydantic_validator__.validate_python(values))
        except ValidationError:
            return _taken(cls, values)

    def to_dict(self) -> JsonObject:
        """Return the object as it is sent: wire names, JSON values, and only what was set."""
        dump = self.__pydantic_serializer__.to_python
        return cast(JsonObject, dump(self, mode="json", by_alias=True, exclude_unset=True, warnings=False))

    def to_json(self) -> str:
        """Return `to_dict()` as one line of JSON."""
        return self.__pydantic_serializer__.to_json(self, by_alias=True, exclude_unset=True, warnings=False).decode()

    def to_yaml(self) -> str:
        """Return `to_dict()` as a YAML document, fields in the schema's order."""
        import yaml

        return yaml.dump(  # pyright: ignore[reportUnknownMemberType]  # types-PyYAML's `width` names a type it lacks
            self.to_dict(), Dumper=_yaml_dumper(), sort_keys=False, allow_unicode=True, width=1 << 20
        )


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
            wire = {"apiVersion": "api_version"}
            given = {wire.get(key, key): value for key, value in values.items()}
            try:
                super().__init__(**{**identity, **{key: value for key, value in given.items() if value is not None}})
            except InvalidObject as error:
                raise thinned(error) from None

        __init__.__pydantic_base_init__ = True


@dataclass(frozen=True, slots=True)
class MinProperties:
    """Metadata of a field: the object or map must have at least `count` entries set (`minProperties`)."""

    count: int

    __repr__ = repr_of_fields

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, value: Model | Mapping[str, object] | None) -> Model | Mapping[str, object] | None:
        if value is None:
            return value
        size = len(value.model_fields_set) if isinstance(value, Model) else len(value)  # unknown fields are counted too
        if size < self.count:
            raise InvalidInput(f"needs at least {self.count} entries; leave it out instead of giving {size}")
        return value


def _forbid_coercion(node: object) -> None:
    """Make every scalar in a core schema strict: the API server does not read "3" as 3, so neither do we."""
    if isinstance(node, dict):
        entry = cast("dict[str, object]", node)
        if entry.get("type") in ("str", "int", "float", "bool"):
            entry["strict"] = True
        for value in entry.values():
            _forbid_coercion(value)
    elif isinstance(node, list):
        for value in cast("list[object]", node):
            _forbid_coercion(value)


@cache
def _yaml_dumper() -> type[SafeDumper]:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes a text of several lines as a block, as people do, and repeats values rather than naming anchors."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        # YAML 1.1 reads these as line ends wherever they are not escaped, and PyYAML only escapes them within quotes.
        escaped = any(char in value for char in "\x85\u2028\u2029")
        style = '"' if escaped else "|" if "\n" in value else None
        return yaml.ScalarNode("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return Dumper


# -- what pydantic reports, in words -----------------------------------------------------------------------------


def _explained(error: ValidationError, model: type[Model]) -> InvalidObject:
    """Return what pydantic found in our words, with the field that was probably meant for each unknown one."""
    return InvalidObject(model.__name__, [_mistake(line, model) for line in error.errors(include_url=False)])


def _mistake(line: ErrorDetails, model: type[Model]) -> Mistake:
    kind, place, value = line["type"], line["loc"], cast(object, line["input"])
    if kind == "extra_forbidden":
        owner, name = _owner(model, place[:-1]), str(place[-1])
        meant = did_you_mean(name, owner.model_fields)
        if not meant and len(owner.model_fields) <= _FEW:
            meant = f" It has: {', '.join(owner.model_fields)}."
        return Mistake(place, f"{owner.__name__} has no field {name!r}.{meant}", "unknown_field", value)
    if kind == "missing":
        return Mistake(place, "is required", kind, value)
    # pydantic: "Input should be a valid integer", "String should have at most 500 characters", ...
    message = re.sub(r"^\w+ should ", "must ", line["msg"].removeprefix("Value error, "))
    message = message.replace(" after validation,", ",")
    message = re.sub(r"a valid dictionary or instance of (\w+)", r"a \1 or a mapping of its fields", message)
    shown = repr(value)
    if message.startswith("must be") and len(shown) <= _SHORT:
        choices: list[str] = re.findall(r"'([^']*)'", message) if kind == "literal_error" else []
        meant = did_you_mean(str(value), choices)
        message += f", not {shown}" + (f".{meant}" if meant else "")
    return Mistake(place, message, kind, value)


_FEW = 12  # fields of a model that are all named
_SHORT = 60  # characters of a value that is shown


def _owner(model: type[Model], location: tuple[int | str, ...]) -> type[Model]:
    """Return the model at `location` below `model`: the innermost one, as far as the path can be followed."""
    owner, current = model, cast(object, model)
    for step in location:
        if isinstance(current, type) and issubclass(current, Model):
            fields = {key: kind for name, kind in _fields(current) for key in (name, _wire_name(current, name))}
            current = fields.get(str(step))
        elif get_origin(current) is list:
            current = _bare(get_args(current)[0])
        elif get_origin(current) is dict:
            current = _bare(get_args(current)[1])
        if isinstance(current, type) and issubclass(current, Model):
            owner = current
    return owner


def _fields(model: type[Model]) -> Iterator[tuple[str, object]]:
    for name, info in model.model_fields.items():
        yield name, _bare(info.annotation)


def _bare(annotation: object) -> object:
    """Return `annotation` without `Annotated[...]` and `| None`."""
    while hasattr(annotation, "__metadata__"):
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        members: tuple[object, ...] = get_args(annotation)
        rest = [member for member in members if member is not type(None)]
        return _bare(rest[0]) if len(rest) == 1 else annotation
    return annotation


def _wire_name(model: type[Model], name: str) -> str:
    return model.model_fields[name].alias or to_camel(name)


# -- reading what does not fit -----------------------------------------------------------------------------------


def _taken(model: type[M], values: Mapping[str, object]) -> M:
    """Build `model` from `values` field by field: what fits is validated, the rest is kept as it came."""
    by_wire = {_wire_name(model, name): (name, annotation) for name, annotation in _fields(model)}
    fields: dict[str, object] = {}
    extra: dict[str, object] = {}
    for key, value in values.items():
        name, annotation = by_wire.get(key, (None, None))
        if name is None:
            extra[key] = value
        else:
            fields[name] = _taken_value(annotation, value)
    missing = dict.fromkeys(name for name in model.model_fields if name not in fields)
    result = model.__new__(model)
    object.__setattr__(result, "__dict__", {**missing, **fields})
    object.__setattr__(result, "__pydantic_fields_set__", set(fields))
    object.__setattr__(result, "__pydantic_extra__", extra)
    object.__setattr__(result, "__pydantic_private__", None)
    return result


def _taken_value(annotation: object, value: object) -> object:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation.from_server(cast("Mapping[str, object]", value)) if isinstance(value, Mapping) else value
    if get_origin(annotation) is list and isinstance(value, list):
        member = _bare(get_args(annotation)[0])
        return [_taken_value(member, item) for item in cast("list[object]", value)]
    if get_origin(annotation) is dict and isinstance(value, dict):
        member = _bare(get_args(annotation)[1])
        return {key: _taken_value(member, item) for key, item in cast("dict[str, object]", value).items()}
    for kind in (Quantity, IntOrString, Timestamp):
        if annotation is kind:
            try:
                return kind.from_wire(value)
            except InvalidInput:
                return value
    return value
