"""Reads plain JSON of a server whose shape nobody vouches for: what is missing or odd becomes empty, never an error.

For kinds that are only looked at (pods, events, workloads). What is written, or read as a whole, is a generated model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import cast

from kubeflow.core.errors import InvalidInput
from kubeflow.core.resource import Request, Transport
from kubeflow.core.time import Timestamp

Json = Mapping[str, object]

NOTHING: Json = {}
"""An object without fields."""

_PAGE = 500
_RELISTS = 3


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
    """Yield the objects of a collection, page by page.

    A continue token that has become too old (410) starts the listing anew; what was yielded before is then not
    yielded again.

    Raises:
        ClusterError: As the transport does.
    """
    yielded: set[str] = set()
    for page in _pages(transport, path, query):
        for item in objects(page, "items"):
            identity = identity_of(item)
            if identity not in yielded:
                yielded.add(identity)
                yield item


def listing(transport: Transport, path: str, query: Mapping[str, str] | None = None) -> tuple[dict[str, Json], str]:
    """Return the objects of a collection by identity, and the resource version from which a watch goes on.

    Raises:
        ClusterError: As the transport does.
    """
    found: dict[str, Json] = {}
    version = ""
    for page in _pages(transport, path, query):
        found.update((identity_of(item), item) for item in objects(page, "items"))
        version = text(page, "metadata", "resourceVersion")
    return found, version


def identity_of(item: Json) -> str:
    """Return what tells an object from others in its collection: its uid, else its name."""
    return text(item, "metadata", "uid") or text(item, "metadata", "name")


def _pages(transport: Transport, path: str, query: Mapping[str, str] | None) -> Iterator[Json]:
    from kubeflow.cluster.errors import Gone

    for attempt in range(_RELISTS):
        token = ""
        try:
            while True:
                more = {"continue": token} if token else {}
                page = transport.send(Request("GET", path, {"limit": str(_PAGE), **(query or {}), **more}))
                yield page
                token = text(page, "metadata", "continue")
                if not token:
                    return
        except Gone:
            if attempt == _RELISTS - 1:
                raise
