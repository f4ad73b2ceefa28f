"""Reading objects of a server that may not be what their schema says: what does not fit counts as absent.

Models keep a value that does not fit (`Model.from_server`), so an attribute may hold anything. One broken object must
not break a listing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, cast

T = TypeVar("T")


def only(kind: type[T], value: object) -> T | None:
    """Return `value` if it is a `kind`; a truth value is no number."""
    return value if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)) else None


def each(kind: type[T], values: object) -> list[T]:
    """Return the items of a list that are a `kind`; nothing for what is no list."""
    items = cast("list[object]", values) if isinstance(values, list) else []
    return [item for item in items if isinstance(item, kind)]


def entries(values: object) -> Mapping[str, object]:
    """Return a map with its keys as text; an empty one for what is no map."""
    if not isinstance(values, Mapping):
        return {}
    return {str(key): value for key, value in cast("Mapping[object, object]", values).items()}


def text_map(values: object) -> dict[str, str]:
    """Return the entries of a map that are text, such as labels; nothing for what is no map."""
    return {key: value for key, value in entries(values).items() if isinstance(value, str)}
