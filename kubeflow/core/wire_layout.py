"""How a JSON object is read into the fields of a class: derived once for each class, from its annotations.

A reader refuses nothing: what does not fit the type of a field is the value of the field as it came. What it returns
shares no list and no mapping with what came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import NoneType, UnionType
from typing import Any, Literal, Protocol, TypeAlias, Union, cast, get_args, get_origin, runtime_checkable

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from kubeflow.core.errors import InvalidInput
from kubeflow.core.int_or_string import IntOrString
from kubeflow.core.model_fields import wire_name
from kubeflow.core.quantity import Quantity
from kubeflow.core.time import Timestamp

_Reader: TypeAlias = Callable[[Any], object]


@runtime_checkable
class _ReadsItself(Protocol):
    """Metadata of a type that says how a value of it is read: `TaggedUnion`."""

    def from_server(self, value: object) -> object: ...


_ABSENT = object()
_MAPPING = (dict, Mapping)  # with `dict` in front: the check against an abstract class takes ten times as long
_EXACT = 1 << 53  # integers up to here are the same number as a float


@dataclass(frozen=True, slots=True)
class WireField:
    """A field of a class: its attribute, its wire name, and what reads a value that is not null."""

    name: str
    wire: str
    read: _Reader


@dataclass(frozen=True, slots=True)
class WireLayout:
    """How a class is read.

    Attributes:
        fields: By attribute.
        by_wire: The same by wire name.
        defaults: What fields are that were not sent, by attribute, in the schema's order.
        lazy: False where only pydantic can read the class: it has validators, serializers, private attributes or a
            configuration of its own, or fields of types that no API has.
    """

    fields: Mapping[str, WireField]
    by_wire: Mapping[str, WireField]
    defaults: dict[str, object]
    lazy: bool

    def value(self, name: str, sent: Mapping[str, object]) -> object:
        """Return the value of a field in the JSON object `sent`."""
        field = self.fields[name]
        value = sent.get(field.wire, _ABSENT)
        return self.defaults[name] if value is _ABSENT else None if value is None else field.read(value)


def wire_layout(model: type[BaseModel], base: type[BaseModel]) -> WireLayout:
    """Return how `model` is read.

    Args:
        model: The class. Its `_WRITING_VALIDATORS` names validators that do not matter here.
        base: The class of which it has its configuration.
    """
    if not model.__pydantic_fields_complete__:  # a type that stands below the class in its module: a union
        model.model_rebuild(raise_errors=False)
    lazy = not _needs_pydantic(model, base)
    fields: dict[str, WireField] = {}
    defaults: dict[str, object] = {}
    for name, info in model.model_fields.items():
        read = _reader(info.annotation)
        lazy = lazy and read is not None and _is_plain(info)
        fields[name] = WireField(name, wire_name(model, name), read or copied)
        defaults[name] = None if info.is_required() or info.default_factory else info.default
    return WireLayout(fields, {field.wire: field for field in fields.values()}, defaults, lazy)


def copied(value: object) -> object:
    """Return a JSON value that shares no list and no mapping with `value`; anything else is kept as it is."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in cast("dict[str, object]", value).items()}
    return [copied(item) for item in cast("list[object]", value)] if isinstance(value, list) else value


# -- readers -----------------------------------------------------------------------------------------------------


def _reader(annotation: Any) -> _Reader | None:
    """Return what reads a value of this type that is not null; `None` where only pydantic can."""
    if hasattr(annotation, "__metadata__"):
        for metadata in annotation.__metadata__:
            if isinstance(metadata, _ReadsItself):
                return partial(_told, metadata.from_server)
        return _reader(annotation.__origin__) if all(map(_only_checks, annotation.__metadata__)) else None
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        rest = [each for each in arguments if each is not NoneType]
        return _reader(rest[0]) if len(rest) == 1 else None
    if origin is list and (read := _reader(arguments[0])):
        return partial(_list, read)
    if origin is dict and arguments[0] is str and (read := _reader(arguments[1])):
        return partial(_map, read)
    if annotation in (Quantity, IntOrString, Timestamp):
        return partial(_meant, annotation.from_wire)
    if annotation is float:
        return _number
    if annotation in (str, int, bool, object, Any) or origin is Literal:
        return copied
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and hasattr(annotation, "from_server"):
        return partial(_object, annotation)
    return None


def _object(kind: Any, value: object) -> object:
    return kind.from_server(value) if isinstance(value, _MAPPING) else copied(value)


def _told(read: Callable[[object], object], value: object) -> object:
    read_value = read(value)
    return copied(value) if read_value is value else read_value


def _list(read: _Reader, value: object) -> object:
    if not isinstance(value, list | tuple):
        return copied(value)
    return [None if item is None else read(item) for item in cast("list[object]", value)]


def _map(read: _Reader, value: object) -> object:
    if not isinstance(value, _MAPPING):
        return copied(value)
    return {key: None if item is None else read(item) for key, item in cast("Mapping[str, object]", value).items()}


def _meant(read: _Reader, value: object) -> object:
    try:
        return read(value)
    except InvalidInput:
        return copied(value)


def _number(value: object) -> object:
    return float(value) if type(value) is int and abs(value) < _EXACT else copied(value)


# -- what pydantic alone can read --------------------------------------------------------------------------------


def _needs_pydantic(model: type[BaseModel], base: type[BaseModel]) -> bool:
    """True when the class says by more than its fields how it is read or written."""
    own = model.__pydantic_decorators__
    validators = {*own.validators, *own.field_validators, *own.root_validators, *own.model_validators}
    schema = "__get_pydantic_core_schema__"
    return bool(
        validators - cast("frozenset[str]", getattr(model, "_WRITING_VALIDATORS", frozenset[str]()))
        or [*own.field_serializers, *own.model_serializers, *own.computed_fields]
        or model.__private_attributes__
        or model.__pydantic_post_init__
        or model.__pydantic_custom_init__
        or not model.__pydantic_fields_complete__
        or model.model_config != base.model_config
        or getattr(model, schema).__func__ is not getattr(base, schema).__func__
    )


def _is_plain(info: FieldInfo) -> bool:
    """True when the field says nothing that changes a value, or where it comes from or goes."""
    others = [alias for alias in (info.validation_alias, info.serialization_alias) if alias not in (None, info.alias)]
    special = others or info.default_factory or info.exclude or info.validate_default
    return not special and all(map(_only_checks, info.metadata))


def _only_checks(metadata: object) -> bool:
    if isinstance(metadata, FieldInfo):
        return _is_plain(metadata)
    own = cast("dict[str, object]", getattr(metadata, "__dict__", {}))
    known = type(metadata).__module__ == "annotated_types" or own.keys() == {"pattern"}
    return known or bool(getattr(metadata, "ONLY_CHECKS", False))
