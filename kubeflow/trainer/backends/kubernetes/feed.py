"""A copy of some objects of a cluster that follows them: one list, then one watch that is resumed whenever it ends."""

from __future__ import annotations

import contextlib
import json
import logging
import random
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kubeflow.core.resource import Request, Transport
from kubeflow.trainer.backends.kubernetes import wire
from kubeflow.trainer.backends.kubernetes.wire import Json

logger = logging.getLogger(__name__)

_GONE = 410


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a feed asks. All in seconds.

    A server sends a bookmark about once a minute, so that a watch which is silent for longer has died, unless nothing
    came on it at all: then it may be one that sends no bookmarks, and is given more time from then on.

    Attributes:
        watch: How long the server shall keep one watch open: longer than most waits.
        silence: After which a watch counts as dead.
        patience: The same where the server sends no bookmarks.
        retry: First pause after something went wrong; it doubles up to `longest_retry`.
        longest_retry: The longest of these pauses.
        poll: First pause between two lists where these credentials may list and not watch; it doubles while nothing
            changes, up to `longest_poll`.
        longest_poll: The longest of these pauses.
    """

    watch: float = 660  # more than the ten minutes that a wait takes by default
    silence: float = 100
    patience: float = 300
    retry: float = 0.2
    longest_retry: float = 10
    poll: float = 2
    longest_poll: float = 120


class Feed:
    """Follows the objects of one collection in a thread of its own, from `start` until `close`.

    Args:
        transport: The cluster.
        path: Path of the collection.
        query: Selects some of its objects.
        changed: Notified at each change; guards `objects`, `ready`, `error` and `version`.
        pace: How often it asks.

    Attributes:
        objects: The objects by identity.
        ready: Whether `objects` has been read at all.
        error: What makes it impossible to follow them, whatever it is; `None` while it goes on trying.
        version: Grows with each change.
    """

    def __init__(
        self,
        transport: Transport,
        path: str,
        query: Mapping[str, str],
        changed: threading.Condition,
        pace: Pace | None = None,
    ) -> None:
        self.objects: dict[str, Json] = {}
        self.ready = False
        self.error: BaseException | None = None
        self.version = 0
        self._transport = transport
        self._path = path
        self._query = dict(query)
        self._changed = changed
        self._pace = pace or Pace()
        self._silence = self._pace.silence
        self._bookmarked = False
        self._version = ""  # the server's, from which the next watch goes on
        self._closed = threading.Event()
        self._stream: Iterator[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name=f"kubeflow feed of {path}", daemon=True)

    def start(self) -> None:
        """Start to follow."""
        try:
            self._thread.start()
        except RuntimeError as error:  # no more threads: others may wait for this feed already
            self._fail(error)
            raise

    def close(self) -> None:
        """Stop following, without waiting for a server that does not answer."""
        self._closed.set()
        abort(self._stream)

    def _run(self) -> None:
        try:
            self._follow()
        except BaseException as error:  # noqa: BLE001 - whoever waits for this thread must hear of it
            self._fail(error)

    def _follow(self) -> None:
        from kubeflow.cluster.errors import ClusterError, Gone

        failures = 0
        while not self._closed.is_set():
            started = time.monotonic()
            try:
                if not self._version:
                    self._list()
                    failures = 0
                self._watch()
                # A server that ends each watch at once must not be asked again at once.
                failures = 0 if time.monotonic() - started > 1 else failures + 1
            except Gone:
                self._version = ""
                failures += 1
            except ClusterError as error:
                if _lasting(error):
                    self._refused(error)
                    return
                logger.debug("%s cannot be followed for now: %s", self._path, error)
                failures = 1 if time.monotonic() - started > self._pace.longest_retry else failures + 1
            if failures:
                self._closed.wait(self._backoff(failures))

    def _list(self) -> None:
        objects, self._version = wire.listing(self._transport, self._path, self._query)
        with self._changed:
            if not self.ready or objects != self.objects:
                self.version += 1
            self.objects, self.ready = objects, True
            self._changed.notify_all()

    def _watch(self) -> None:
        """Take in what happens after the version that was seen last, until the watch ends."""
        from kubeflow.cluster.errors import StreamBroken

        query = {
            **self._query,
            "watch": "true",
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": f"{self._pace.watch:.0f}",
        }
        last = time.monotonic()
        self._stream = self._transport.lines(Request("GET", self._path, query, timeout=self._silence))
        try:
            if self._closed.is_set():  # `close` may have come before there was a stream to close
                return
            for line in self._stream:
                if self._closed.is_set():
                    return
                last = time.monotonic()
                self._take(line)
        except StreamBroken:
            if not self._bookmarked and time.monotonic() - last >= 0.9 * self._silence:
                self._silence = self._pace.patience
            raise
        finally:
            abort(self._stream)

    def _take(self, line: bytes) -> None:
        """Take in one event."""
        from kubeflow.cluster.errors import Gone, StreamBroken

        try:
            event: object = json.loads(line)
        except ValueError:
            raise StreamBroken(f"The watch of {self._path} sent a line that is no JSON.") from None
        kind, item = wire.text(event, "type"), wire.mapping(event, "object")
        if kind == "ERROR":
            message = wire.text(item, "message")
            if wire.integer(item, "code") == _GONE:
                raise Gone(message, code=_GONE)
            raise StreamBroken(f"The server ended the watch of {self._path}: {message}")
        self._bookmarked = self._bookmarked or kind == "BOOKMARK"
        if kind in ("ADDED", "MODIFIED", "DELETED"):
            with self._changed:
                if kind == "DELETED":
                    self.objects.pop(wire.identity_of(item), None)
                else:
                    self.objects[wire.identity_of(item)] = item
                self.version += 1
                self._changed.notify_all()
        # Only now: an event that was not taken in is asked for again.
        self._version = wire.text(item, "metadata", "resourceVersion") or self._version

    def _refused(self, error: Exception) -> None:
        """Go on by listing where only watching is refused; else say so."""
        from kubeflow.cluster.errors import ClusterError, Forbidden

        if not (self.ready and isinstance(error, Forbidden)):
            self._fail(error)
            return
        logger.debug("%s is polled, because watching it is refused: %s", self._path, error)
        pause = self._pace.poll
        while not self._closed.wait(pause * random.uniform(0.8, 1.0)):
            before = self.version
            try:
                self._list()
            except ClusterError as problem:
                if _lasting(problem):
                    self._fail(problem)
                    return
                logger.debug("%s cannot be listed for now: %s", self._path, problem)
            pause = self._pace.poll if self.version != before else min(2 * pause, self._pace.longest_poll)

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self.error = error
            self.version += 1
            self._changed.notify_all()

    def _backoff(self, failures: int) -> float:
        longest = min(self._pace.longest_retry, self._pace.retry * 2.0 ** min(failures - 1, 10))
        return longest * random.uniform(0.5, 1.0)


def abort(stream: Iterator[bytes] | None) -> None:
    """Close a stream of a transport, also from another thread than the one that reads it."""
    close = getattr(stream, "close", None)
    if close is not None:
        # A plain generator that another thread is in cannot be closed: it ends with its next line.
        with contextlib.suppress(ValueError):
            close()


def _lasting(error: Exception) -> bool:
    """Whether it is no use to ask again."""
    from kubeflow.cluster.errors import ControlPlaneMissing, Forbidden, Invalid, NotConfigured, NotFound, Unauthorized

    return isinstance(error, Forbidden | Unauthorized | NotFound | Invalid | NotConfigured | ControlPlaneMissing)
