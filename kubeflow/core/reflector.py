"""The protocol of following a collection, once for all who do: list, watch from there, resume, list again. Plain JSON.

It says what the server says and how it fares; what is done with it (`kubeflow.core.known`, `kubeflow.core.watch`), and
when to give up, is for others. It takes no thread: whoever iterates does the work.
"""

from __future__ import annotations

import contextlib
import logging
import math
import random
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from kubeflow.core.backoff import backoff
from kubeflow.core.display import repr_of_fields
from kubeflow.core.paging import pages
from kubeflow.core.stdlib import json
from kubeflow.core.transport import Interruption, Refusal, Request, Transport

Json: TypeAlias = Mapping[str, object]
EventType: TypeAlias = Literal["ADDED", "MODIFIED", "DELETED"]

_log = logging.getLogger(__name__)

_CHANGES: Mapping[str, EventType] = {"ADDED": "ADDED", "MODIFIED": "MODIFIED", "DELETED": "DELETED"}
_GONE = 410
# Of the answers below 500, those after which the same request may succeed: asked again, or from another version.
_PASSING = frozenset({408, 409, _GONE, 429})
_NEVER = 501  # not implemented: no wait changes that
_LASTED = 1.0  # seconds after which a stream that the server ends was one, and not a proxy that ends all of them


@dataclass(frozen=True, slots=True)
class WatchPace:
    """How often a collection that is followed is asked for. All in seconds.

    A server sends a bookmark about once a minute, so that a stream which is silent for longer has died. If nothing came
    on it at all, the server may be one that sends no bookmarks: from then on it is asked to end its streams itself
    before `patience` is over, and its silence until then is taken for quiet.

    Attributes:
        watch: How long the server shall keep one stream open, and up to a tenth more, so that clients that were started
            together do not come back together. Longer than most waits.
        silence: After which a stream counts as dead.
        patience: The same where the server sends no bookmarks.
        retry: First pause after something went wrong; it doubles up to `longest_retry`.
        longest_retry: The longest of these pauses.
    """

    watch: float = 660  # more than the ten minutes that a wait takes by default
    silence: float = 100
    patience: float = 300
    retry: float = 0.2
    longest_retry: float = 10

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class Listing:
    """All objects at one moment, and the resource version from which a watch goes on."""

    objects: Sequence[Json]
    resource_version: str

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class JsonWatchEvent:
    """One change, as the server tells it. `object` is the state after it, or the last one of what is gone."""

    type: EventType
    object: Json

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class Trouble:
    """The server cannot be asked for now; that will be tried again.

    Attributes:
        error: Why: a `Refusal` or an `Interruption`.
        idle: Seconds since it last did what it should; infinite when it never has.
    """

    error: Refusal | Interruption
    idle: float

    __repr__ = repr_of_fields


News: TypeAlias = Listing | JsonWatchEvent | Trouble


class Reflector:
    """Follows one collection through everything that ends a watch.

    Args:
        transport: Sends the requests.
        path: Of the collection.
        query: Selectors.
        pace: How often it asks.
        timeout: Seconds from now, by the clock, after which it ends; `None` for never.
        start: Finds where to begin, given the seconds that it may take (`None` for the transport's own). Default: lists
            the collection.
    """

    def __init__(
        self,
        transport: Transport,
        path: str,
        query: Mapping[str, str],
        *,
        pace: WatchPace | None = None,
        timeout: float | None = None,
        start: Callable[[float | None], Listing] | None = None,
    ) -> None:
        self._transport = transport
        self._path = path
        self._query = dict(query)
        self._pace = pace or WatchPace()
        self._start = start or self.listing
        self._deadline = math.inf if timeout is None else time.monotonic() + timeout
        self._closed = threading.Event()
        self._stream: Iterator[bytes] | None = None
        self._version = ""
        self._worked = -math.inf
        self._bookmarked = False
        self._patient = False  # towards a server that sends no bookmarks

    def news(self, resource_version: str | None = None) -> Generator[News, None, None]:
        """Yield what is there, what happens, and what goes wrong, until `close` or the end of the time.

        A `Listing` comes first, and again whenever the server does not know any more what was seen last.

        Args:
            resource_version: Begin with what happened since; no listing comes first then.

        Raises:
            Refusal: It is no use to ask again, as for missing rights.
            KubeflowError: As the transport does.
        """
        self._version = resource_version or ""
        failures = 0
        while not self._over():
            began = time.monotonic()
            problem: Refusal | Interruption | None = None
            ended = False
            try:
                if not self._version:
                    listing = self._start(self._seconds())
                    self._version = listing.resource_version
                    self._worked = began = time.monotonic()
                    yield listing
                yield from self._streamed()
                ended = True
            except _Expired:
                self._version = ""
            except _Quiet:
                _log.debug("nothing was heard of %s: there may be no bookmarks", self._path)
            except Interruption as error:
                problem = error
            except Refusal as error:
                if lasting(error):
                    raise
                if error.code == _GONE and self._version:
                    self._version = ""
                else:
                    problem = error
            if self._over() and self._worked > -math.inf:
                return
            lasted = time.monotonic() - began
            if ended and lasted > _LASTED:
                self._worked = time.monotonic()
                failures = 0
                continue
            # Also after streams that end at once, properly or not: nobody may make this ask in a circle.
            failures = 1 if lasted > self._pace.longest_retry else failures + 1
            if problem is not None:
                _log.debug("%s cannot be followed for now: %s", self._path, problem)
                yield Trouble(problem, time.monotonic() - self._worked)
            self._closed.wait(max(0.0, min(self._backoff(failures), self._left())))

    def listing(self, seconds: float | None = None) -> Listing:
        """Return the collection as it is now: what is no object is left out.

        Args:
            seconds: That each page may take; `None` for the transport's own.

        Raises:
            Refusal: The server refuses.
            Interruption: No whole answer came.
        """
        found: list[Json] = []
        version = ""
        for page in pages(self._transport, self._path, self._query, seconds=seconds):
            # Of the first page: what changes while the others are read is told again, and not lost.
            version = version or resource_version(page)
            items = page.get("items")
            for item in cast("list[object]", items) if isinstance(items, list) else ():
                if isinstance(item, Mapping):
                    found.append(cast("Json", item))
        return Listing(found, version)

    def close(self) -> None:
        """End it, also from another thread, without waiting for a server that does not answer."""
        self._closed.set()
        abort(self._stream)

    # -- one stream ---------------------------------------------------------------------------------------------

    def _streamed(self) -> Iterator[JsonWatchEvent]:
        """Yield what happens after the version that was seen last, until the server ends the stream."""
        left = self._left()
        wanted = 0.9 * self._pace.patience if self._patient else self._pace.watch * random.uniform(1, 1.1)
        query = {
            **self._query,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(max(1, math.ceil(min(wanted, left)))),
            "resourceVersion": self._version,
        }
        silence = self._pace.patience if self._patient else self._pace.silence
        lines = self._transport.lines(Request("GET", self._path, query, timeout=min(silence, max(left, 0.01))))
        self._stream = lines
        heard = time.monotonic()
        try:
            if self._closed.is_set():  # `close` may have come before there was a stream to close
                return
            for line in lines:
                event = self._event(line) if line.strip() else None
                if event is not None:
                    yield event
                if self._over():
                    return
                heard = time.monotonic()
        except Interruption:
            if time.monotonic() - heard >= 0.9 * silence:
                if not (self._bookmarked or self._patient):
                    self._patient = True
                    raise _Quiet from None
                self._version = ""  # a list shows whether the server lives
            raise
        finally:
            self._stream = None
            abort(lines)

    def _event(self, line: bytes) -> JsonWatchEvent | None:
        """Return what a line tells; `None` for what concerns no object.

        Raises:
            Interruption: It tells that the server gives the stream up, or is nothing that a server sends.
        """
        try:
            said: object = json.loads(line)
        except ValueError:
            said = None
        kind, body = _at(said, "type"), _at(said, "object")
        if not isinstance(kind, str) or not isinstance(body, Mapping):
            raise Interruption(
                f"The answer to a watch of {self._path} is no event: {line[:200]!r}. Something between here and the "
                "cluster answers in its place: check the proxy settings."
            )
        item = cast("Json", body)
        if kind == "ERROR":
            # Whatever it is, like 410, or 429 "storage is (re)initializing": a list shows what is true now.
            self._version = ""
            if str(item.get("code")) == str(_GONE):
                raise _Expired
            raise Interruption(f"The server ended the watch of {self._path}: {item.get('message')}")
        self._version = resource_version(item) or self._version
        self._worked = time.monotonic()
        if (type_ := _CHANGES.get(kind)) is not None:
            return JsonWatchEvent(type_, item)
        self._bookmarked = self._bookmarked or kind == "BOOKMARK"
        return None

    # -- time ---------------------------------------------------------------------------------------------------

    def _over(self) -> bool:
        return self._closed.is_set() or self._left() <= 0

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _seconds(self) -> float | None:
        left = self._left()
        return None if math.isinf(left) else max(left, 0.01)

    def _backoff(self, failures: int) -> float:
        return backoff(failures, first=self._pace.retry, longest=self._pace.longest_retry)


class _Expired(Exception):
    """The version that a stream goes on from is too old, says the stream itself."""


class _Quiet(Exception):
    """Nothing came on a stream, not even a bookmark: it is dead, or the server sends none, and nothing has happened."""


def resource_version(found: Json) -> str:
    """Return the resource version of an object or a list; empty when it has none."""
    return metadata_of(found, "resourceVersion")


def metadata_of(found: Json, field: str) -> str:
    """Return a text of the metadata of an object; empty when there is none, whatever stands there instead."""
    value = _at(found.get("metadata"), field)
    return value if isinstance(value, str) else ""


def _at(value: object, key: str) -> object:
    return cast("Json", value).get(key) if isinstance(value, Mapping) else None


def lasting(error: Refusal) -> bool:
    """Return whether it is no use to ask again after `error`: rights, credentials, or the resource are missing."""
    return error.code == _NEVER or (400 <= error.code < 500 and error.code not in _PASSING)


def abort(stream: Iterator[bytes] | None) -> None:
    """Close a stream of a transport, also from another thread than the one that reads it."""
    close = getattr(stream, "close", None)
    if close is not None:
        # A plain generator that another thread is in cannot be closed: it ends with its next line.
        with contextlib.suppress(ValueError):
            close()
