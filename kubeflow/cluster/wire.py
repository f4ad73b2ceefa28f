"""Reads plain JSON of a server whose shape nobody vouches for: what is missing or odd becomes empty, never an error.

For kinds that are only looked at (pods, events, workloads), with the paths of their collections. What is written, or
read as a whole, is a generated model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import cast
from urllib.parse import quote

from kubeflow.core.errors import InvalidInput
from kubeflow.core.paging import pages
from kubeflow.core.resource import Transport
from kubeflow.core.time import Timestamp

Json = Mapping[str, object]

NOTHING: Json = {}
"""An object without fields."""


def at(value: object, *path: str) -> object:
    """Return what stands at `path` below `value`; `None` when there is no such place."""
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = cast("Json", value).get(key)
    return value


def mapping(value: object, *path: str) -> Json:
    """Return the object at `path`; an empty one when there is none."""
    found = at(value, *path)
    return cast("Json", found) if isinstance(found, Mapping) else NOTHING


def objects(value: object, *path: str) -> list[Json]:
    """Return the objects of the list at `path`; what is no object is left out."""
    found = at(value, *path)
    if not isinstance(found, list):
        return []
    return [cast("Json", item) for item in cast("list[object]", found) if isinstance(item, Mapping)]


def text(value: object, *path: str) -> str:
    """Return the string at `path`; an empty one when there is none."""
    found = at(value, *path)
    return found if isinstance(found, str) else ""


def integer(value: object, *path: str) -> int | None:
    """Return the whole number at `path`, also when it is written as a string; `None` when there is none."""
    found = at(value, *path)
    if isinstance(found, str) and found.isascii() and found.isdigit():
        return int(found)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def time(value: object, *path: str) -> datetime | None:
    """Return the time at `path`; `None` when there is none."""
    found = at(value, *path)
    if not isinstance(found, str):
        return None
    try:
        return Timestamp.parse(found)
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
    for found in objects(item, "status", "conditions"):
        if text(found, "type") == kind and text(found, "status") == status:
            return found
    return NOTHING


def core_path(namespace: str, collection: str, name: str | None = None) -> str:
    """Return the path of a collection of the core API in `namespace`, like `"events"`, or of one object in it."""
    path = f"/api/v1/namespaces/{quote(namespace, safe='')}/{collection}"
    return path if name is None else f"{path}/{quote(name, safe='')}"


def identity_of(item: Json) -> str:
    """Return what tells an object from others in its collection: its uid, else its name."""
    return text(item, "metadata", "uid") or text(item, "metadata", "name")
