"""What errors say of fields and values that only older minors of a control plane have."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast, get_args, get_origin

from pydantic.alias_generators import to_camel

from kubeflow.core.model_fields import bare, fields, wire_name

if TYPE_CHECKING:
    from pydantic import BaseModel

    from kubeflow.core.availability import Availability, Field, Limit

Steps = tuple[str | int, ...]


def table_of(model: type[BaseModel]) -> Availability | None:
    """Return the table of the component that a model is generated for; None where several minors are not known."""
    package, _, module = model.__module__.rpartition(".")
    if module != "models" or find_spec(f"{package}.availability") is None:
        return None
    return cast("Availability", import_module(f"{package}.availability").AVAILABILITY)


def limit_hint(root: type[BaseModel], place: Steps, value: object) -> str:
    """Return which older minor takes a value that the newest one refuses; empty when none does.

    Args:
        root: The class of the kind that was read.
        place: Where the value stands in the object.
        value: It.
    """
    from kubeflow.core.availability import exceeds

    table = table_of(root)
    if table is None:
        return ""
    rows = [row for row in table.limits.get(str(getattr(root, "KIND", "")), ()) if _fits(row, place)]
    for minor in reversed(table.minors[:-1]):
        own = [row for row in rows if table.has(row, minor)]
        if own and not any(exceeds(value, row) for row in own):
            return f" {table.component} {minor} takes it: to write for {minor}, read it with minor={minor!r}."
    return ""


def field_hint(root: type[BaseModel], owner: type[BaseModel], place: Steps) -> str:
    """Return what is known of a field that the newest minor does not have; empty when nothing is.

    Args:
        root: The class of the object that was read.
        owner: The class that has no such field.
        place: Where it stood in the object.
    """
    table = table_of(root)
    if table is None:
        return ""
    newest = table.minors[-1]
    for kind, rows in table.fields.items():
        for row in rows:
            if not row.until or _pattern(row.path)[-1:] != (to_camel(str(place[-1])),):
                continue
            if _fits(row, place) if getattr(root, "KIND", "") == kind else _is_below(root, kind, row, owner):
                said = table.missing([row], row.path, kind, newest)
                return f" {said.problem}. To write for {row.until}, read it with minor={row.until!r}."
    return ""


def _pattern(path: str) -> tuple[str, ...]:
    return tuple(path.replace("[*]", ".[*]").split("."))


def _fits(row: Field | Limit, place: Steps) -> bool:
    pattern = _pattern(row.path)
    return len(pattern) == len(place) and all(
        step == "[*]" or (isinstance(given, str) and to_camel(given) == step)
        for step, given in zip(pattern, place, strict=True)
    )


def _is_below(root: type[BaseModel], kind: str, row: Field, owner: type[BaseModel]) -> bool:
    """Return whether `owner` is the class that had the field of a row."""
    current: object = getattr(import_module(root.__module__), kind)
    for step in _pattern(row.path)[:-1]:
        if step == "[*]":
            current = bare(get_args(current)[-1]) if get_origin(current) in (list, dict) else None
        else:
            model = cast("type[BaseModel]", current)
            current = next((each for name, each in fields(model) if wire_name(model, name) == step), None)
        if current is None:
            return False
    return current is owner
