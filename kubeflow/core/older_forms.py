"""Objects in the form of an older minor of their control plane: read strictly.

Models are generated from the newest minor. What a release removed is in no model; the table of `availability.py` says
which minors had it and what it holds. Such a field rides along as an unknown one, as if a server had sent it, and is
checked against that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TypeVar, cast

from pydantic.alias_generators import to_camel

from kubeflow.core.availability import Availability, Content, FieldPlace, exceeds
from kubeflow.core.errors import InvalidInput, InvalidObject, Mistake, did_you_mean
from kubeflow.core.lazy_model import LazyModel, wire_form
from kubeflow.core.older_hints import Steps, table_of
from kubeflow.core.stdlib import re

K = TypeVar("K", bound=LazyModel)

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "int-or-string": (int, str),
}


def read(kind: type[K], values: Mapping[str, object], version: str, take: Callable[[Mapping[str, object]], K]) -> K:
    """Return the object that a user wrote for a minor, strictly.

    Args:
        kind: Its class.
        values: By attribute or wire names; fields that later minors removed by wire names.
        version: The minor, such as `2.1`.
        take: Makes an object of the newest minor, strictly.

    Raises:
        InvalidObject: A field is unknown, missing, has a value that the schema does not allow, or is one that the minor
            does not have; with what to use in its place.
        InvalidInput: The minor is not known, or the kind has one only.
    """
    table = table_of(kind)
    name = str(getattr(kind, "KIND", ""))
    if table is None or name not in table.places:
        raise InvalidInput(f"{kind.__name__}: several minors are not known here. Leave the minor out.")
    minor = table.minor(version)
    reading = _Reading(table, name, minor, [], [])
    rest = reading.without_older(values, table.places[name], ())
    mistakes = [mistake for each in reading.taken for mistake in _misfits(each.content, each.value, each.place)]
    mistakes += reading.missing
    try:
        made = take(rest)
    except InvalidObject as error:
        raise InvalidObject(kind.__name__, [*error.mistakes, *mistakes]) from None
    if reading.taken:
        wire = cast("dict[str, object]", wire_form(made))
        for each in reading.taken:
            _put(wire, each)
        made = kind.from_server(wire)
    mistakes += [
        Mistake(_steps(each.path), each.problem, "unavailable", None)
        for each in table.check(made, minor)
        if _steps(each.path) not in {mistake.place for mistake in mistakes}
    ]
    if mistakes:
        raise InvalidObject(kind.__name__, mistakes)
    return made


@dataclass(frozen=True, slots=True)
class _Taken:
    """A value that the newest model has no room for, and the minor has. `content` is None where a limit says it."""

    place: Steps
    value: object
    content: Content | None


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a user wrote, sorted: `taken` is for the minor alone, `missing` for neither it nor the newest."""

    table: Availability
    kind: str
    minor: str
    taken: list[_Taken]
    missing: list[Mistake]

    def without_older(self, values: Mapping[str, object], place: FieldPlace, path: Steps) -> dict[str, object]:
        """Return a mapping without what the newest minor does not take, which goes to `taken`."""
        kept: dict[str, object] = {}
        for key, value in values.items():
            wire = to_camel(key)
            below = place.below.get(wire) or place.below.get("[*]")
            here = (*path, wire if wire in place.below else key)
            if below is None:
                kept[key] = value
            elif below.fields and not self._has(below, self.table.minors[-1]):
                row = next((each for each in below.fields if self.table.has(each, self.minor)), None)
                if row is not None:
                    self.taken.append(_Taken(here, value, row.content or "any"))
                else:
                    said = self.table.missing(below.fields, "x", self.kind, self.minor)
                    self.missing.append(Mistake(here, said.problem, "unavailable", value))
            elif below.limits and self._is_narrower(below, value):
                self.taken.append(_Taken(here, value, None))
            else:
                kept[key] = self._below(value, below, here)
        return kept

    def _below(self, value: object, place: FieldPlace, path: Steps) -> object:
        if isinstance(value, Mapping):
            return self.without_older(cast("Mapping[str, object]", value), place, path)
        if not isinstance(value, list):
            return value
        entries = cast("list[object]", value)
        items = place.below.get("[*]")
        return [self._below(each, items, (*path, i)) for i, each in enumerate(entries)] if items else entries

    def _has(self, place: FieldPlace, minor: str) -> bool:
        return any(self.table.has(each, minor) for each in place.fields)

    def _is_narrower(self, place: FieldPlace, value: object) -> bool:
        """Return whether the newest minor has a limit here that refuses a scalar, and this minor has not."""
        if isinstance(value, Mapping | list):
            return False
        newest = [each for each in place.limits if self.table.has(each, self.table.minors[-1])]
        own = [each for each in place.limits if self.table.has(each, self.minor)]
        return any(exceeds(value, each) for each in newest) and not any(exceeds(value, each) for each in own)


def _put(values: dict[str, object], taken: _Taken) -> None:
    """Put a value back into the wire form of the object that was made of the rest."""
    parent: object = values
    for step in taken.place[:-1]:
        parent = cast("dict[str | int, object]", parent)[step]  # or a list
    cast("dict[str, object]", parent)[str(taken.place[-1])] = taken.value


# -- what a removed field holds ----------------------------------------------------------------------------------


def _misfits(content: Content | None, value: object, place: Steps) -> Iterator[Mistake]:
    if content is None or content == "any":
        return
    if isinstance(content, str):
        yield from _scalar_misfits(content, value, place)
    elif isinstance(content, list):
        if not isinstance(value, list):
            yield Mistake(place, f"must be a valid list, not {value!r}", "list_type", value)
            return
        for index, item in enumerate(cast("list[object]", value)):
            yield from _misfits(content[0], item, (*place, index))
    elif not isinstance(value, Mapping):
        yield Mistake(place, f"must be a mapping, not {value!r}", "dict_type", value)
    else:
        yield from _field_misfits(content, cast("Mapping[str, object]", value), place)


def _scalar_misfits(content: str, value: object, place: Steps) -> Iterator[Mistake]:
    module, _, name = content.partition(":")
    if name:
        take = cast("Callable[[Mapping[str, object]], object]", getattr(import_module(module), name).from_dict)
        try:
            take(cast("Mapping[str, object]", value))
        except InvalidObject as error:
            yield from (Mistake((*place, *m.place), m.message, m.kind, m.value) for m in error.mistakes)
        except InvalidInput:
            yield Mistake(place, f"must be a {name} or a mapping of its fields, not {value!r}", "model_type", value)
    elif not isinstance(value, _TYPES[content]) or (isinstance(value, bool) and content != "boolean"):
        kind = "string_type" if content == "string" else f"{content}_type"
        words = {"integer": "a valid integer", "number": "a valid number", "int-or-string": "an integer or a string"}
        yield Mistake(place, f"must be {words.get(content, f'a valid {content}')}, not {value!r}", kind, value)


def _field_misfits(content: Mapping[str, Content], values: Mapping[str, object], place: Steps) -> Iterator[Mistake]:
    known = {name.removesuffix("!"): each for name, each in content.items()}
    for key, value in values.items():
        below = known.get(key, known.get("*"))
        if below is None:
            meant = did_you_mean(key, known) or f" It has: {', '.join(known)}."
            message = f"{place[-1] if place else 'the object'} has no field {key!r}.{meant}"
            yield Mistake((*place, key), message, "unknown_field", value)
        else:
            yield from _misfits(below, value, (*place, key))
    for name in content:
        if name.endswith("!") and name[:-1] not in values:
            yield Mistake((*place, name[:-1]), "is required", "missing", values)


# -- places ------------------------------------------------------------------------------------------------------


def _steps(path: str) -> Steps:
    """Return the steps of a path like `spec.runtimePatches[0].labels['a']`."""
    found = re.findall(r"\[(\d+)\]|\['([^']*)'\]|([^.\[\]]+)", path)
    return tuple(int(index) if index else key or name for index, key, name in found)
