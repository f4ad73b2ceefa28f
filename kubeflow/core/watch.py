"""Follows the objects of one kind, typed: what `Resource.watch` yields. The protocol is that of `reflector`.

A watch is a list, then a stream of what happened since. The stream may end or break at any time and is taken up where
it was; when the server no longer knows that place, the list is read again, and what is different is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Generic, TypeVar

from kubeflow.core.display import repr_of_fields
from kubeflow.core.known import Known
from kubeflow.core.model import KubeObject
from kubeflow.core.reflector import EventType, Reflector, Trouble
from kubeflow.core.transport import Transport

T = TypeVar("T", bound=KubeObject)

# Seconds of nothing but failures after which a watch that has worked gives up: a control plane may be upgraded.
_PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class WatchEvent(Generic[T]):
    """One change. `object` is the state after it, or the last one seen when the object is gone."""

    type: EventType
    object: T

    __repr__ = repr_of_fields


def watch(
    transport: Transport,
    path: str,
    query: Mapping[str, str],
    read: Callable[[Mapping[str, object]], T],
    resource_version: str | None,
    timeout: float | None,
) -> Generator[WatchEvent[T], None, None]:
    """Yield what is there and what happens, or only what happened since `resource_version`.

    Args:
        transport: Sends the requests.
        path: Of the collection.
        query: Selectors.
        read: Makes an object of what the server sends.
        resource_version: Where to begin; `None` for what is there now.
        timeout: Seconds from this call, by the clock, after which the watch ends; `None` for never.

    Raises:
        KubeflowError: The watch has never worked, or not for five minutes, or lacks a right.
    """
    return _events(Reflector(transport, path, query, timeout=timeout), read, resource_version)


def _events(
    reflector: Reflector, read: Callable[[Mapping[str, object]], T], resource_version: str | None
) -> Generator[WatchEvent[T], None, None]:
    known = Known()
    with closing(reflector.news(resource_version)) as all_news:
        for news in all_news:
            if isinstance(news, Trouble):
                if news.idle > _PATIENCE:
                    raise news.error
                continue
            for event in known.take(news):
                yield WatchEvent(event.type, read(event.object))
