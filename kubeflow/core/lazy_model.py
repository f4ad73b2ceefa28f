"""Models that hold a JSON object as a server sent it, and read a field of it when that field is first looked at."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import SchemaSerializer, core_schema

from kubeflow.core import forks
from kubeflow.core.errors import InvalidInput
from kubeflow.core.int_or_string import IntOrString
from kubeflow.core.quantity import Quantity
from kubeflow.core.time import text_of
from kubeflow.core.wire_layout import WireLayout, copied, wire_layout

_SIMPLE = frozenset({str, int, float, bool, NoneType})  # JSON values that have no parts
_SLOTS = frozenset({"__pydantic_fields_set__", "__pydantic_extra__"})
_SENT = "sent"  # in a pickle
_ANYTHING = SchemaSerializer(core_schema.any_schema())
_to_json_value: Callable[..., object] = _ANYTHING.to_python
_to_json_object: Callable[..., dict[str, object]] = _ANYTHING.to_python

_fields: Callable[[BaseModel], dict[str, object]] = BaseModel.__dict__["__dict__"].__get__
_state: Callable[[BaseModel], object] = BaseModel.__dict__["__pydantic_private__"].__get__
_set_state: Callable[[BaseModel, object], None] = BaseModel.__dict__["__pydantic_private__"].__set__


class LazyModel(BaseModel):
    """A model of which `from_server` reads only what is looked at.

    Such an object is unread at first: it has only the fields that were looked at. A field that is missing leads Python
    to `__getattr__`, which reads it; a field of objects becomes unread objects. Whoever needs all fields at once asks
    for one of three attributes, and each of them reads all fields: `__dict__` is a property, and
    `__pydantic_fields_set__` and `__pydantic_extra__` are slots that are not set before. pydantic-core asks for these
    attributes as everybody does. So its serializer, `vars`, iteration and assignment see the same object as if it had
    been read at once. Objects that a user makes are ordinary pydantic models.

    What came is kept in `__pydantic_private__`, which is `None` in other models of an API. It is never changed: a value
    that is looked at is a copy. `sent_form` returns what nobody looked at as it came.
    """

    model_config = ConfigDict(defer_build=True)

    _WRITING_VALIDATORS: ClassVar[frozenset[str]] = frozenset()
    """Names of validators that change nothing in what a server sent."""

    @classmethod
    def from_server(cls, values: Mapping[str, object]) -> Self:
        """Return the object that a server sent. Unknown fields and values are kept; nothing is refused.

        A field is read when it is first looked at. One whose value does not fit this version's schema holds the value
        as it came. Sent back with `to_dict`, the object is what was received plus what was changed.

        Args:
            values: JSON, by wire names. It is not copied: do not change it afterwards.

        Raises:
            InvalidInput: `values` is no mapping.
        """
        given = cast(object, values)
        if not isinstance(given, (dict, Mapping)):
            if isinstance(given, cls):
                return given
            raise InvalidInput(f"{cls.__name__}: expected a mapping of its fields, not {type(given).__name__}")
        layout = _LAYOUTS.get(cls) or _layout(cls)
        if not layout.lazy:
            return cast(Self, _read_at_once(cls, values, layout))
        made = cls.__new__(cls)
        _set_state(made, _Sent(values, layout))
        return made

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            sent = _sent(self)
            if sent is None:
                return super().__getattr__(name)
            if sent.unread and name in sent.layout.fields:
                # Of threads that look at once, all get what the first has put there.
                value = _fields(self).setdefault(name, sent.layout.value(name, sent.wire))
                if sent.unread:
                    return value
            _read(self, sent)
            if name in _fields(self):  # another thread has read all fields in the meantime
                return _fields(self)[name]
            return object.__getattribute__(self, name) if name in _SLOTS else super().__getattr__(name)

        def _all_fields(self) -> dict[str, object]:
            state = _state(self)
            if type(state) is _Sent and state.unread:
                _read(self, state)
            return _fields(self)

        __dict__ = property(_all_fields, BaseModel.__dict__["__dict__"].__set__)

        def __delattr__(self, name: str) -> None:
            vars(self)  # reads all fields
            super().__delattr__(name)

        def __eq__(self, other: object) -> bool:
            if type(self) is not type(other) or not (_has_no_private(self) and _has_no_private(other)):
                return super().__eq__(other)
            if is_untouched(self) and is_untouched(other) and received(self) == received(other):
                return True
            return vars(self) == vars(other) and (self.model_extra or {}) == (other.model_extra or {})

        __hash__ = None

    def __copy__(self) -> Self:
        sent = _sent(self)
        if sent is None:
            return super().__copy__()
        fields = dict(vars(self))  # all of them: the copy shares the objects in them
        twin = type(self).__new__(type(self))
        _fill(twin, fields, sent, dict(self.model_extra or {}), set(self.model_fields_set))
        return twin

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        sent = _sent(self)
        if sent is None:
            return super().__deepcopy__(memo)
        memo = {} if memo is None else memo
        twin = memo[id(self)] = type(self).__new__(type(self))
        unread, fields = sent.unread, deepcopy(dict(_fields(self)), memo)
        extra, fields_set = (None, None) if unread else (deepcopy(self.model_extra, memo), set(self.model_fields_set))
        _fill(twin, fields, sent, extra, fields_set)
        return twin

    def __getstate__(self) -> dict[Any, Any]:
        sent = _sent(self)
        if sent is None:
            return super().__getstate__()
        unread, state = sent.unread, {_SENT: sent.wire, "__dict__": dict(_fields(self))}
        return state if unread else state | {name: getattr(self, name) for name in _SLOTS}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        if _SENT not in state:
            super().__setstate__(state)
            return
        sent = _Sent(state[_SENT], _layout(type(self)))
        _fill(self, state["__dict__"], sent, state.get("__pydantic_extra__"), state.get("__pydantic_fields_set__"))


@dataclass(slots=True, eq=False)
class _Sent:
    """What a server sent for a model. `unread`: True while fields are missing that nobody looked at."""

    wire: Mapping[str, object]
    layout: WireLayout
    unread: bool = True


_LAYOUTS: dict[type[LazyModel], WireLayout] = {}


# -- what was sent -----------------------------------------------------------------------------------------------


def received(model: BaseModel) -> Mapping[str, object] | None:
    """Return what a server sent for `model`, by wire names: not to be changed. `None` if a user made the model."""
    sent = _sent(model)
    return None if sent is None else sent.wire


def is_untouched(model: BaseModel) -> bool:
    """Return whether a server sent `model`, and nobody looked at any of its fields."""
    sent = _sent(model)
    return sent is not None and sent.unread and not _fields(model)


def sent_form(model: BaseModel) -> dict[str, object] | None:
    """Return a model that a server sent in its wire form: what came, with what was changed. `None` for other models.

    Fields have the order in which they came; those that were added follow.

    Raises:
        PydanticSerializationError: JSON has no form for a value.
    """
    sent = _sent(model)
    if sent is None or not sent.layout.lazy:
        return None
    if not sent.unread:
        return _changed_form(model, sent)
    fields, by_wire = _fields(model), sent.layout.by_wire
    if not fields:
        return _to_json_object(sent.wire, mode="json", by_alias=True, exclude_unset=True, warnings=False)
    return {
        key: wire_form(fields[field.name]) if (field := by_wire.get(key)) and field.name in fields else _json(value)
        for key, value in sent.wire.items()
    }


def _changed_form(model: BaseModel, sent: _Sent) -> dict[str, object]:
    fields, fields_set, extra = _fields(model), model.model_fields_set, model.model_extra or {}
    form: dict[str, object] = {}
    for key in sent.wire:
        field = sent.layout.by_wire.get(key)
        if field is None:
            form |= {key: wire_form(extra[key])} if key in extra else {}
        elif field.name in fields_set and field.name in fields:
            value = fields[field.name]
            form[key] = value if type(value) in _SIMPLE else wire_form(value)
    if len(form) < len(fields_set | extra.keys() if extra else fields_set):
        known = sent.layout.fields
        added = {known[name].wire: value for name, value in fields.items() if name in known and name in fields_set}
        form |= {key: wire_form(value) for key, value in (added | extra).items() if key not in form}
    return form


def wire_form(value: object) -> object:
    """Return a value of a field as it is sent: a JSON value that shares nothing with it.

    Raises:
        PydanticSerializationError: JSON has no form for it.
    """
    if type(value) in _SIMPLE:
        return value
    if isinstance(value, list):
        return [item if type(item) in _SIMPLE else wire_form(item) for item in cast("list[object]", value)]
    if isinstance(value, dict) and all(type(key) is str for key in cast("dict[object, object]", value)):
        return {key: wire_form(item) for key, item in cast("dict[str, object]", value).items()}
    if isinstance(value, Quantity | IntOrString):
        return value.raw
    if isinstance(value, datetime):
        return text_of(value)
    if not isinstance(value, BaseModel):
        return _to_json_value(value, **_AS_SENT)
    form = sent_form(value)
    return value.__pydantic_serializer__.to_python(value, **_AS_SENT) if form is None else form


def wire_text(model: BaseModel) -> str:
    """Return `wire_form(model)` as one line of JSON.

    Raises:
        PydanticSerializationError: JSON has no form for it.
    """
    if is_untouched(model):
        return _ANYTHING.to_json(received(model)).decode()
    form = sent_form(model)
    if form is not None:
        return _ANYTHING.to_json(form).decode()
    return model.__pydantic_serializer__.to_json(model, by_alias=True, exclude_unset=True, warnings=False).decode()


_AS_SENT: dict[str, Any] = {"mode": "json", "by_alias": True, "exclude_unset": True, "warnings": False}


def _json(value: object) -> object:
    return value if type(value) in _SIMPLE else _to_json_value(value, **_AS_SENT)


def _has_no_private(model: BaseModel) -> bool:
    """Return whether `model` has no private attributes of its class. Without them, no extra fields are as `None`."""
    return _sent(model) is not None or model.__pydantic_private__ is None


def _sent(model: BaseModel) -> _Sent | None:
    try:
        state = _state(model)
    except AttributeError:  # not made yet
        return None
    return state if type(state) is _Sent else None


# -- reading -----------------------------------------------------------------------------------------------------


class _Lock:
    """Held while an object is filled. One for all: it is held for microseconds, and once for each object."""

    def __init__(self) -> None:
        self.after_fork()
        forks.tell(self)

    def after_fork(self) -> None:
        self.held = threading.RLock()  # a class that pydantic reads may have validators that look at objects


_LOCK = _Lock()


def _layout(model: type[LazyModel]) -> WireLayout:
    layout = _LAYOUTS.get(model)
    if layout is None:
        base = model.__mro__[model.__mro__.index(LazyModel) - 1]
        layout = _LAYOUTS[model] = wire_layout(model, cast("type[BaseModel]", base))
    return layout


def _read(model: LazyModel, sent: _Sent) -> None:
    """Read all fields of `model` that nobody looked at, and what pydantic knows of them."""
    with _LOCK.held:
        if not sent.unread:
            return
        held, by_wire = _fields(model), sent.layout.by_wire
        fields, unknown, fields_set = dict(sent.layout.defaults), dict[str, object](), set[str]()
        for key, value in sent.wire.items():
            if (field := by_wire.get(key)) is not None:
                fields_set.add(field.name)
                # Put there first, so that another thread that looks at it now gets the same.
                fields[field.name] = held.setdefault(field.name, None if value is None else field.read(value))
            else:
                unknown[key] = copied(value)
                if key not in fields:
                    fields_set.add(key)
        _fill(model, fields, sent, unknown, fields_set)
        sent.unread = False


def _read_at_once(model: type[LazyModel], values: Mapping[str, object], layout: WireLayout) -> Any:
    """Return what pydantic reads; of what does not fit, every field that does, and the others as they came."""
    try:
        return model.__pydantic_validator__.validate_python(values)
    except ValidationError:
        made = model.__new__(model)
        _set_state(made, sent := _Sent(values, layout))
        _read(made, sent)
        return made


def _fill(
    model: LazyModel,
    fields: dict[str, object],
    sent: _Sent,
    extra: dict[str, object] | None,
    fields_set: set[str] | None,
) -> None:
    """Give `model` its parts; without `fields_set` it is unread."""
    object.__setattr__(model, "__dict__", fields)
    if fields_set is not None:
        object.__setattr__(model, "__pydantic_extra__", extra)
        object.__setattr__(model, "__pydantic_fields_set__", fields_set)
    if _sent(model) is not sent:
        _set_state(model, _Sent(sent.wire, sent.layout, unread=fields_set is None))
