"""Follows the objects of one kind through everything that ends a watch. Sends through a `Transport`, as all do.

A watch is a list, then a stream of what happened since. The stream may end or break at any time and is taken up where
it was; when the server no longer knows that place, the list is read again, and what is different is reported.
"""

from __future__ import annotations

import json
import logging
import math
import random
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypeVar, cast

from kubeflow.core.model import KubeObject
from kubeflow.core.transport import Interruption, Refusal, Request, Transport

T = TypeVar("T", bound=KubeObject)
EventType: TypeAlias = Literal["ADDED", "MODIFIED", "DELETED"]

_log = logging.getLogger(__name__)
# Seconds after which the server is asked to end a stream, and is asked again.
_STREAM = 290
# Seconds of nothing but failures after which a watch that has worked gives up: a control plane may be upgraded.
_PATIENCE = 300.0
_QUIET = 30.0  # how much later than `_STREAM` a stream that has not ended is held for dead
_LONGEST_PAUSE = 10.0


@dataclass(frozen=True, slots=True)
class WatchEvent(Generic[T]):
    """One change. `object` is the state after it, or the last one seen when the object is gone."""

    type: EventType
    object: T


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """All objects at one moment, and the resource version that stands for it."""

    objects: Iterable[T]
    resource_version: str


class Watch(Generic[T]):
    """One watch: the state that outlives its connections.

    Args:
        transport: Sends the requests.
        path: Of the collection.
        query: Selectors.
        read: Makes an object of what the server sends.
        listed: Lists the collection; gets the seconds that it may take, `None` for the transport's own.
        timeout: Seconds of wall-clock time after which the watch ends; `None` for never.
    """

    def __init__(
        self,
        transport: Transport,
        path: str,
        query: Mapping[str, str],
        read: Callable[[Mapping[str, object]], T],
        listed: Callable[[float | None], Listing[T]],
        timeout: float | None,
    ) -> None:
        self._transport = transport
        self._path = path
        self._query = query
        self._read = read
        self._listed = listed
        self._deadline = math.inf if timeout is None else time.monotonic() + timeout
        self._known: dict[tuple[str, str], T] = {}
        self._version: str | None = None
        self._failures = 0
        self._worked = 0.0  # when the server last did what it should; 0: never yet

    def events(self, resource_version: str | None) -> Generator[WatchEvent[T], None, None]:
        """Yield what is there and what happens, or only what happened since `resource_version`."""
        self._version = resource_version
        while self._left() > 0:
            try:
                if self._version is None:
                    yield from self._relisted()
                yield from self._streamed(self._version)
            except (Refusal, Interruption) as error:
                self._tolerate(error)
            self._rest()

    def _relisted(self) -> Iterator[WatchEvent[T]]:
        left = self._left()
        listing = self._listed(None if math.isinf(left) else left)
        there: dict[tuple[str, str], T] = {}
        for found in listing.objects:
            there[_key(found)] = found
        self._version = listing.resource_version
        self._succeeded()
        for key in [*self._known]:
            if key not in there or _uid(there[key]) != _uid(self._known[key]):
                yield WatchEvent("DELETED", self._known.pop(key))
        for key, found in there.items():
            before = self._known.get(key)
            self._known[key] = found
            if before is None:
                yield WatchEvent("ADDED", found)
            elif _version(before) != _version(found):
                yield WatchEvent("MODIFIED", found)

    def _streamed(self, version: str | None) -> Iterator[WatchEvent[T]]:
        left = self._left()
        # Not all at the same moment: many clients that were started together.
        lasting = min(_STREAM + random.uniform(0, 10), left)
        query = {
            **self._query,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(max(1, math.ceil(lasting))),
            "resourceVersion": version or "",
        }
        began = time.monotonic()
        lines = self._transport.lines(Request("GET", self._path, query, timeout=min(lasting + _QUIET, max(left, 0.01))))
        with closing(lines):
            for line in lines:
                if not line.strip():
                    continue
                yield from self._taken(line)
                if self._left() <= 0:
                    return
        if time.monotonic() - began > 1:
            self._succeeded()
        else:  # a proxy that ends every stream at once must not make us ask in a circle
            self._failures += 1

    def _taken(self, line: bytes) -> Iterator[WatchEvent[T]]:
        try:
            event = cast("Mapping[str, object]", json.loads(line))
            kind, body = event["type"], cast("Mapping[str, object]", event["object"])
        except (ValueError, TypeError, KeyError) as error:
            raise Interruption(
                f"The answer to a watch of {self._path} is no event: {line[:200]!r}. Something between here and the "
                "cluster answers in its place: check the proxy settings."
            ) from error
        if kind == "ERROR":
            self._version = None
            if body.get("code") != 410:  # such as 429, "storage is (re)initializing"
                raise Interruption(f"The server ended the watch of {self._path}: {body.get('message')}")
            self._failures += 1
            return
        found = self._read(body)
        self._version = _version(found) or self._version
        self._succeeded()
        if kind == "BOOKMARK":
            return
        if kind == "DELETED":
            self._known.pop(_key(found), None)
        else:
            self._known[_key(found)] = found
        yield WatchEvent(cast("EventType", kind), found)

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _succeeded(self) -> None:
        self._failures = 0
        self._worked = time.monotonic()

    def _tolerate(self, error: Refusal | Interruption) -> None:
        """Return if the watch can go on after `error`; raise it if not."""
        if self._left() <= 0 and self._worked:
            return
        if isinstance(error, Refusal) and error.code == 410 and self._version is not None:
            self._version = None
            self._failures += 1
            return
        if isinstance(error, Refusal) and error.code != 429 and error.code < 500:
            raise error
        if not self._worked or time.monotonic() - self._worked > _PATIENCE:
            raise error
        self._failures += 1
        _log.debug("watch of %s: %s", self._path, error)

    def _rest(self) -> None:
        if self._failures:
            pause = min(_LONGEST_PAUSE, 0.1 * 2.0 ** min(self._failures, 10)) * random.uniform(0.5, 1)
            time.sleep(max(0.0, min(pause, self._left())))


def _metadata(found: KubeObject) -> tuple[str, str, str, str]:
    metadata: object = getattr(found, "metadata", None)
    names = ("namespace", "name", "uid", "resource_version")
    namespace, name, uid, version = (str(getattr(metadata, name, None) or "") for name in names)
    return namespace, name, uid, version


def _key(found: KubeObject) -> tuple[str, str]:
    return _metadata(found)[:2]


def _uid(found: KubeObject) -> str:
    return _metadata(found)[2]


def _version(found: KubeObject) -> str:
    return _metadata(found)[3]
