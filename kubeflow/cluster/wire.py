"""Lenient reading of what an API server sends: a value that is missing or of another type counts as absent.

One broken object must not break a listing. Kinds that are only looked at (pods, events, workloads) are read as plain
JSON, by path. Models keep a value that does not fit their schema (`Model.from_server`), so that an attribute may hold
anything: `only` and `each` read attributes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TypeVar, cast
from urllib.parse import quote

from kubeflow.core.errors import InvalidInput
from kubeflow.core.paging import pages
from kubeflow.core.resource import Transport
from kubeflow.core.time import Timestamp

Json = Mapping[str, object]

T = TypeVar("T")

NOTHING: Json = {}
"""An object without fields."""


# With `dict` in front: nearly all objects are one, and the check against an abstract class takes ten times as long.
_OBJECT = (dict, Mapping)


def at(value: object, *path: str) -> object:
    """Return what stands at `path` below `value`; `None` when there is no such place."""
    for key in path:
        if type(value) is not dict and not isinstance(value, Mapping):
            return None
        value = cast("Json", value).get(key)
    return value


def only(kind: type[T], value: object) -> T | None:
    """Return `value` if it is a `kind`; a truth value is no number."""
    return value if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)) else None


def each(kind: type[T], values: object) -> list[T]:
    """Return the items of a list that are a `kind`; nothing for what is no list."""
    items = cast("list[object]", values) if isinstance(values, list) else []
    return [item for item in items if isinstance(item, kind)]


def mapping(value: object, *path: str) -> Json:
    """Return the object at `path`; an empty one when there is none."""
    there = at(value, *path)
    return cast("Json", there) if isinstance(there, _OBJECT) else NOTHING


def objects(value: object, *path: str) -> list[Json]:
    """Return the objects of the list at `path`; what is no object is left out."""
    return [cast("Json", item) for item in each(object, at(value, *path)) if isinstance(item, _OBJECT)]


def text(value: object, *path: str) -> str:
    """Return the string at `path`; an empty one when there is none."""
    there = at(value, *path)
    return there if isinstance(there, str) else ""


def integer(value: object, *path: str) -> int | None:
    """Return the whole number at `path`, also when it is written as a string; `None` when there is none."""
    number = at(value, *path)
    if isinstance(number, str) and number.isascii() and number.isdigit():
        return int(number)
    return only(int, number)


def time(value: object, *path: str) -> datetime | None:
    """Return the time at `path`; `None` when there is none."""
    written = text(value, *path)
    try:
        return Timestamp.parse(written) if written else None
    except InvalidInput:
        return None


def strings(value: object, *path: str) -> dict[str, str]:
    """Return the strings of the object at `path` by their keys, such as labels."""
    return {key: item for key, item in mapping(value, *path).items() if isinstance(item, str)}


def listed(transport: Transport, path: str, query: Mapping[str, str] | None = None) -> Iterator[Json]:
    """Yield the objects of a collection, page by page, each once.

    Raises:
        ClusterError: As the transport does.
    """
    for page in pages(transport, path, query or {}):
        yield from objects(page, "items")


def condition(item: object, kind: str, status: str = "True") -> Json:
    """Return the condition `kind` of an object if it has that status; an empty one otherwise."""
    for entry in objects(item, "status", "conditions"):
        if text(entry, "type") == kind and text(entry, "status") == status:
            return entry
    return NOTHING


def core_path(namespace: str, collection: str, name: str | None = None) -> str:
    """Return the path of a collection of the core API in `namespace`, like `"events"`, or of one object in it."""
    path = f"/api/v1/namespaces/{quote(namespace, safe='')}/{collection}"
    return path if name is None else f"{path}/{quote(name, safe='')}"


def identity_of(item: Json) -> str:
    """Return the uid of an object, else its name: it tells the object from others of its collection."""
    return text(item, "metadata", "uid") or text(item, "metadata", "name")
