"""Which minor release of a control plane has which field. The tables are generated; this reads them.

An API server drops a field that it does not know, or refuses the object; either way the user learns little. With the
table of `kubeflow_api` a client says which field it is, since when it exists, and what to use instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias, cast

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.int_or_string import IntOrString

# What a removed field holds: a JSON type, `any`, `package:Class` of a model, a list of one content, or contents by wire
# name. A name that ends with `!` is required; `*` stands for any key.
Content: TypeAlias = "str | list[Content] | dict[str, Content]"
JsonType: TypeAlias = Literal["object", "map", "array", "string", "integer", "number", "boolean", "int-or-string"]

# What the API server itself says of every object, whatever the control plane's version.
_SERVERS = {"apiVersion", "kind", "metadata"}


@dataclass(frozen=True, slots=True)
class Field:
    """A field that not every known minor has, with everything below it.

    Attributes:
        path: Wire names from the root of the kind, empty for the kind itself. `[*]` stands for any item of a list or
            value of a map.
        since: First minor that has it; None for the first one known, or before.
        until: Last minor that has it; None for the last one known, and as far as is known after it.
        replaced_by: Path of the field that took its place in the minor after `until`.
        moved: Where content went, when it is not simply at the same place below `replaced_by`: from, to.
        content: What it holds, of one that the last known minor lacks.
        unpinned_since: Of a kind, the first minor that has it, where its fields are known from `since` on only.
    """

    path: str
    since: str | None = None
    until: str | None = None
    replaced_by: str | None = None
    moved: tuple[str, str] | None = None
    content: Content | None = None
    unpinned_since: str | None = None

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class Limit:
    """What some minors admit in a field that all of them have; None where they set no limit.

    Attributes:
        path: As in `Field`.
        since: First minor that says so; None for the first one known.
        until: Last minor that says so; None for the last one known.
        type: JSON type of the value.
        enum: The values that are allowed.
        least: Smallest number, or shortest text, list or map.
        most: Largest number, or longest text, list or map.
    """

    path: str
    since: str | None = None
    until: str | None = None
    type: JsonType | None = None
    enum: tuple[str, ...] | None = None
    least: int | None = None
    most: int | None = None

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A set field of an object that a minor does not have, or not with this value.

    Attributes:
        path: Where it is in the object, with the numbers of items: `spec.runtimePatches[0].time`. Empty when the minor
            does not have the kind.
        minor: The minor that was asked about.
        since: First minor that has it, if that is a later one.
        until: Last minor that had it, if that is an earlier one.
        instead: Path of the field that serves in `minor`, where there is one.
        problem: All of this in a sentence.
    """

    path: str
    minor: str
    problem: str
    since: str | None = None
    until: str | None = None
    instead: str | None = None

    __repr__ = repr_of_fields

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" if self.path else self.problem


@dataclass
class FieldPlace:
    """A place in the tables: what is said of it, and the places below.

    Attributes:
        fields: The field of this place; several where it came again after it was gone.
        limits: What some minors admit here.
        below: By wire name, or `[*]`.
    """

    fields: list[Field] = field(default_factory=list[Field])
    limits: list[Limit] = field(default_factory=list[Limit])
    below: dict[str, FieldPlace] = field(default_factory=dict[str, "FieldPlace"])


@dataclass(frozen=True)
class Availability:
    """The tables of one component.

    Attributes:
        component: As people call it, such as `Trainer`.
        minors: The known ones, oldest first, such as `2.3`.
        fields: By kind.
        limits: By kind.
        preview: A minor that is not released yet; known for the kinds that come with it only.
    """

    component: str
    minors: tuple[str, ...]
    fields: Mapping[str, tuple[Field, ...]]
    limits: Mapping[str, tuple[Limit, ...]]
    preview: str | None = None

    __repr__ = repr_of_fields

    def minor(self, version: str) -> str:
        """Return the minor of a version: `2.1` for `2.1`, `v2.1` and `v2.1.3`.

        Raises:
            InvalidInput: It is none of the known ones.
        """
        result = _numbers(version)
        if result not in self.minors:
            raise InvalidInput(f"{self.component} {version!r} is not known here; known are {', '.join(self.minors)}")
        return result

    def check(self, obj: BaseModel, version: str) -> list[Unavailable]:
        """Return every set field of `obj` that a minor does not have, in the object's order; empty when all is well.

        A field that is missing is named once, without what is below it. Fields of other minors count too that were
        read from a server and that the model does not know.

        Args:
            obj: A kind of the component.
            version: The minor, as `minor` takes it; for a kind that comes with the preview, the preview too.

        Raises:
            InvalidInput: The minor is not known, or `obj` is no kind of this component.
        """
        kind = str(getattr(obj, "KIND", ""))
        if kind not in self.places:
            known = ", ".join(self.places)
            raise InvalidInput(f"{kind or type(obj).__name__} is no kind of {self.component}: {known}")
        place = self.places[kind]
        previewed = any(row.since == self.preview for row in place.fields)
        minor = _numbers(version) if previewed and _numbers(version) == self.preview else self.minor(version)
        return list(self._value(obj, place, "", kind, minor))

    def _object(
        self, value: BaseModel, place: FieldPlace | None, path: str, kind: str, minor: str
    ) -> Iterator[Unavailable]:
        for name in type(value).model_fields:
            if name in value.model_fields_set:
                wire = type(value).model_fields[name].alias or to_camel(name)
                yield from self._step(getattr(value, name), place, path, wire, kind, minor)
        for wire, extra in (value.model_extra or {}).items():
            if place is not None and wire in place.below:
                yield from self._step(extra, place, path, wire, kind, minor)
            elif extra is not None:
                problem = f"no known minor of {self.component} has it ({self.minors[0]} to {self.minors[-1]})"
                yield Unavailable(f"{path}.{wire}".removeprefix("."), minor, problem)

    def _step(
        self, value: object, parent: FieldPlace | None, path: str, wire: str, kind: str, minor: str
    ) -> Iterator[Unavailable]:
        if value is None or (not path and wire in _SERVERS):
            return
        place = parent.below.get(wire) if parent else None
        yield from self._value(value, place, f"{path}.{wire}".removeprefix("."), kind, minor)

    def _value(
        self, value: object, place: FieldPlace | None, path: str, kind: str, minor: str
    ) -> Iterator[Unavailable]:
        if place and place.fields and not any(self.has(each, minor) for each in place.fields):
            yield self.missing(place.fields, path, kind, minor)
            return
        for limit in place.limits if place else ():
            if self.has(limit, minor) and (problem := exceeds(value, limit)):
                yield Unavailable(path, minor, f"{self.component} {minor} takes only {problem}")
        if isinstance(value, BaseModel):
            yield from self._object(value, place, path, kind, minor)
        elif isinstance(value, list):
            items = place.below.get("[*]") if place else None
            for index, item in enumerate(cast("list[object]", value)):
                yield from self._value(item, items, f"{path}[{index}]", kind, minor)
        elif isinstance(value, Mapping):
            values = place.below.get("[*]") if place else None
            for key, item in cast("Mapping[str, object]", value).items():
                if values:
                    yield from self._value(item, values, f"{path}[{key!r}]", kind, minor)
                elif place:  # an object that the model does not know, read from a server
                    yield from self._step(item, place, path, key, kind, minor)

    def missing(self, rows: list[Field], path: str, kind: str, minor: str) -> Unavailable:
        """Return what to say of a field that `minor` does not have.

        Args:
            rows: Of the field.
            path: Where it is in the object.
            kind: Of the object.
            minor: One of `minors`.
        """
        order = self._order
        lacks = f"{self.component} {minor} {'does not have it' if path else f'has no {kind}'}"
        later = [row for row in rows if row.since and order(row.since) > order(minor)]
        if later:
            row = later[0]
            if row.unpinned_since:
                return self._unpinned(row, row.unpinned_since, path, kind, minor)
            preview = row.since == self.preview
            problem = f"{lacks}; it {'comes' if preview else 'came'} with {row.since}{', a preview' * preview}"
            instead = self._follow(kind, row, minor, back=True)
            return Unavailable(path, minor, problem + _advice(instead, minor), row.since, None, _path(instead))
        row = rows[-1]
        problem = f"{lacks}; {row.until} was the last that had it"
        instead = self._follow(kind, row, minor, back=False)
        return Unavailable(path, minor, problem + _advice(instead, minor), None, row.until, _path(instead))

    def _unpinned(self, row: Field, first: str, path: str, kind: str, minor: str) -> Unavailable:
        """Return what to say of a kind of which `minor` has other fields than the known ones, or none at all."""
        if self._order(first) > self._order(minor):
            return Unavailable(path, minor, f"{self.component} {minor} has no {kind}; it came with {first}", first)
        problem = f"the fields that {kind} has in {self.component} {minor} are not known here, those of {row.since} are"
        return Unavailable(path, minor, problem, row.since)

    def _follow(self, kind: str, row: Field, minor: str, *, back: bool) -> tuple[str, str | None] | None:
        """Return what serves in `minor` for a field of other minors, and a word about its content; None if nothing."""
        note: str | None = None
        path = row.path
        for _ in self.minors:
            if back:
                older = next((each for each in self.fields[kind] if each.replaced_by == path), None)
                if older is None:
                    return None
                path, note = older.path, " for ".join(older.moved) if older.moved and note is None else None
            else:
                newer = next((each for each in self.fields[kind] if each.path == path and each.replaced_by), None)
                if newer is None or newer.replaced_by is None:
                    return None
                path, note = newer.replaced_by, " as ".join(newer.moved) if newer.moved and note is None else None
            known = [each for each in self.fields[kind] if each.path == path]
            if not known or any(self.has(each, minor) for each in known):
                return path, note
        return None

    def has(self, row: Field | Limit, minor: str) -> bool:
        """Return whether a row of the tables holds for `minor`, which is one of `minors` or the preview."""
        order = self._order
        after = row.since is None or order(row.since) <= order(minor)
        return after and (row.until is None or order(minor) <= order(row.until))

    def _order(self, minor: str) -> int:
        return len(self.minors) if minor == self.preview else self.minors.index(minor)

    @cached_property
    def places(self) -> dict[str, FieldPlace]:
        """The root of each kind's places."""
        result: dict[str, FieldPlace] = {}
        for kind, fields in self.fields.items():
            root = result[kind] = FieldPlace()
            for row in fields:
                _at(root, row.path).fields.append(row)
            for limit in self.limits[kind]:
                _at(root, limit.path).limits.append(limit)
        return result


def _numbers(version: str) -> str:
    """Return the first two numbers of a version: `2.1` for `v2.1.3`."""
    return ".".join(version.removeprefix("v").split(".")[:2])


def _at(root: FieldPlace, path: str) -> FieldPlace:
    place = root
    for step in path.replace("[*]", ".[*]").split(".") if path else ():
        place = place.below.setdefault(step, FieldPlace())
    return place


def _path(instead: tuple[str, str | None] | None) -> str | None:
    return instead[0] if instead else None


def _advice(instead: tuple[str, str | None] | None, minor: str) -> str:
    if instead is None:
        return ""
    path, note = instead
    return f"; in {minor} use {path}" + (f" ({note})" if note else "")


def exceeds(value: object, limit: Limit) -> str | None:
    """Return what the limit admits when `value` is not that."""
    raw = value.raw if isinstance(value, IntOrString) else value
    kinds: dict[JsonType, tuple[type, ...]] = {
        "string": (str,), "integer": (int,), "number": (int, float), "int-or-string": (int, str)
    }  # fmt: skip
    if limit.type in kinds and (not isinstance(raw, kinds[limit.type]) or isinstance(raw, bool)):
        return f"{'an' if limit.type[0] == 'i' else 'a'} {limit.type}"
    if limit.enum is not None and raw not in limit.enum:
        return " or ".join(map(repr, limit.enum))
    if isinstance(raw, bool):
        return None
    unit = "characters" if isinstance(raw, str) else "entries"
    size = raw if isinstance(raw, int | float) else None
    if size is None and isinstance(raw, str | list | Mapping):
        size = len(cast("list[object]", raw))
    elif isinstance(raw, BaseModel):
        size = len(raw.model_fields_set)
    if size is None:
        return None
    unit = "" if isinstance(raw, int | float) else f" {unit}"
    if limit.most is not None and size > limit.most:
        return f"{limit.most}{unit} or fewer" if unit else f"{limit.most} or less"
    if limit.least is not None and size < limit.least:
        return f"{limit.least}{unit} or more"
    return None
