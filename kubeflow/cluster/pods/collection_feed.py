"""An informer: a copy of a collection of objects, which a thread keeps up to date by list and watch.

Where these credentials may list and not watch, the thread polls: it lists at the times of a `PollSchedule`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing

from kubeflow.cluster import wire
from kubeflow.cluster.pods.schedule import Pace, PollSchedule
from kubeflow.cluster.wire import Json
from kubeflow.core.known import Known
from kubeflow.core.reflector import JsonWatchEvent, Listing, Reflector, Trouble, lasting
from kubeflow.core.resource import Interruption, Refusal, Transport

logger = logging.getLogger(__name__)

_FORBIDDEN = 403


class Feed:
    """Follows the objects of one collection in a thread of its own, from `start` until `close`.

    Args:
        transport: The cluster.
        path: Path of the collection.
        query: Selects some of its objects.
        changed: Notified at each change; guards all attributes.
        pace: How often the thread sends requests.
        then: Called at each change, with `changed` held.
        polled: Called when the server refuses a watch and the thread begins to poll.
        unsettled: Called after each list of a thread that polls, with `changed` held: True when a change is certain to
            come, so that the next list is not left to a hint. Objects that are being deleted are always such a change.

    Attributes:
        ready: True when the collection has been listed.
        error: The error that ended the thread; `None` while the thread goes on.
        problem: Why the collection cannot be followed for now; `None` while it can be.
        version: Grows with each change.
    """

    def __init__(
        self,
        transport: Transport,
        path: str,
        query: Mapping[str, str],
        changed: threading.Condition,
        pace: Pace | None = None,
        *,
        then: Callable[[], None] = lambda: None,
        polled: Callable[[], None] = lambda: None,
        unsettled: Callable[[], bool] = lambda: False,
    ) -> None:
        self.ready = False
        self.error: BaseException | None = None
        self.problem: Refusal | Interruption | None = None
        self.version = 0
        self._path = path
        self._changed = changed
        self._pace = pace or Pace()
        self._then = then
        self._polled = polled
        self._unsettled = unsettled
        self._known = Known()
        self._reflector = Reflector(transport, path, query, pace=self._pace)
        self._schedule: PollSchedule | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"kubeflow feed of {path}", daemon=True)

    @property
    def objects(self) -> Iterable[Json]:
        """The objects as the server last sent them."""
        return self._known.objects.values()

    @property
    def outdated(self) -> bool:
        """True when `look` was called and the collection has not been listed since."""
        return self._schedule is not None and self._schedule.outdated

    def start(self) -> None:
        """Start the thread."""
        try:
            self._thread.start()
        except RuntimeError as error:  # no more threads; other threads may wait for this feed already
            self.fail(error)
            raise

    def close(self) -> None:
        """End the thread, without waiting for a server that does not answer."""
        self._reflector.close()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """Keep `error` as the error that ended the feed, and wake those that wait for it."""
        with self._changed:
            self.error = self.error or error
            self.version += 1
            self._changed.notify_all()

    # -- where a watch is refused: hints at when to list -----------------------------------------------------------

    def hint(self) -> None:
        """Note that an object may have changed."""
        self._reschedule(lambda schedule: schedule.hint(time.monotonic()))

    def hints_come(self) -> None:
        """Note that there will be hints from now on."""
        self._reschedule(lambda schedule: schedule.hints_come(time.monotonic()))

    def hints_fail(self) -> None:
        """Note that there are no hints for now."""
        self._reschedule(lambda schedule: schedule.hints_fail())

    def look(self) -> None:
        """Have the collection listed now where it is polled; it is `outdated` until then."""
        self._reschedule(lambda schedule: schedule.call(time.monotonic()))

    def _reschedule(self, change: Callable[[PollSchedule], None]) -> None:
        with self._changed:
            if self._schedule is not None:
                change(self._schedule)
                self._changed.notify_all()

    # -- the thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._follow()
        except BaseException as error:  # noqa: BLE001 - raised in the threads that wait for this one
            self.fail(error)

    def _follow(self) -> None:
        try:
            with closing(self._reflector.news()) as all_news:
                for news in all_news:
                    if isinstance(news, Trouble):
                        self._note(news.error)
                    else:
                        self._take(news)
        except Refusal as error:
            if not (self.ready and error.code == _FORBIDDEN):
                raise
            logger.debug("%s is polled, because watching it is refused: %s", self._path, error)
            self._poll()

    def _take(self, news: Listing | JsonWatchEvent) -> bool:
        """Apply news to the copy; return True when an object has changed."""
        with self._changed:
            different = bool(self._known.take(news))
            self.problem = None
            if different or not self.ready:
                self.ready = True
                self.version += 1
                self._then()
            self._changed.notify_all()
        return different

    def _note(self, error: Refusal | Interruption) -> None:
        with self._changed:
            self.problem = error
            self._changed.notify_all()

    def _poll(self) -> None:
        with self._changed:
            schedule = self._schedule = PollSchedule(self._pace, time.monotonic())
        self._polled()
        while self._due(schedule):
            try:
                changed = self._take(self._reflector.listing())
            except (Refusal, Interruption) as error:
                if isinstance(error, Refusal) and lasting(error):
                    raise
                self._note(error)
                with self._changed:
                    schedule.failed(time.monotonic())
            else:
                with self._changed:
                    deleting = any(wire.at(item, "metadata", "deletionTimestamp") for item in self.objects)
                    unsettled = deleting or self._unsettled()
                    schedule.looked(time.monotonic(), changed=changed, unsettled=unsettled)
                    self._changed.notify_all()

    def _due(self, schedule: PollSchedule) -> bool:
        """Wait until the next list is due and return True; return False once the feed is closed."""
        with self._changed:
            while not self._closed:
                left = schedule.due - time.monotonic()
                if left <= 0:
                    schedule.looking()
                    return True
                self._changed.wait(left)
        return False
