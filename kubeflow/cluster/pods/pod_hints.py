"""Hints at changes of a job's pods, for those who may not watch pods: the events that kubelets and schedulers write.

The edit role of Trainer 2.0 and 2.1 lets its users list pods and watch events. What an event says is not read here: it
only tells that it is time to look.
"""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from dataclasses import replace
from typing import Protocol

from kubeflow.cluster import wire
from kubeflow.core.errors import KubeflowError
from kubeflow.core.reflector import JsonWatchEvent, Listing, Reflector, Trouble, WatchPace, resource_version
from kubeflow.core.resource import Request, Transport

logger = logging.getLogger(__name__)

_ABOUT_PODS = {"fieldSelector": "involvedObject.kind=Pod"}
_PATIENCE = 30.0  # seconds without hints after which their receiver has to do without


class Hinted(Protocol):
    """Who is given the hints."""

    def hint(self) -> None:
        """Something may have happened."""
        ...

    def hints_come(self) -> None:
        """From now on nothing will happen without a hint, mostly."""
        ...

    def hints_fail(self) -> None:
        """There are no hints, until `hints_come`."""
        ...

    def fail(self, error: BaseException) -> None:
        """What should never happen has befallen the thread that listens."""
        ...


class PodHints:
    """Listens to the events about one job's pods in a thread of its own, from `start` until `close`.

    A field selector takes one exact name, and pods have names that nobody knows before: all events about pods of the
    namespace come, and those whose pod has another job's name are let go. None is kept.

    Args:
        transport: The cluster.
        namespace: Where the job is.
        job: Its name, with which the names of its pods begin.
        hinted: Who is given the hints.
        pace: How often it asks.
    """

    def __init__(
        self, transport: Transport, namespace: str, job: str, hinted: Hinted, pace: WatchPace | None = None
    ) -> None:
        self._transport = transport
        self._path = wire.core_path(namespace, "events")
        self._beginning = f"{job}-"
        self._hinted = hinted
        pace = pace or WatchPace()
        # Servers send no bookmarks among events, so that silence says nothing. One look in a while is taken anyway.
        pace = replace(pace, silence=1.2 * pace.watch, patience=1.2 * pace.watch)
        self._reflector = Reflector(transport, self._path, _ABOUT_PODS, pace=pace, start=self._now)
        self._thread = threading.Thread(target=self._run, name=f"kubeflow hints at pods of {job}", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening, without waiting for a server that does not answer."""
        self._reflector.close()

    def _run(self) -> None:
        try:
            self._listen()
        except KubeflowError as error:
            logger.debug("there are no hints at pods %s...: %s", self._beginning, error)
            self._hinted.hints_fail()
        except BaseException as error:  # noqa: BLE001 - whoever waits for this thread must hear of it
            self._hinted.fail(error)

    def _listen(self) -> None:
        troubled = True
        with closing(self._reflector.news()) as all_news:
            for news in all_news:
                if isinstance(news, Trouble):
                    # What happens meanwhile is told later, if it is not too long.
                    if news.idle > _PATIENCE:
                        troubled = True
                        self._hinted.hints_fail()
                    continue
                if troubled or isinstance(news, Listing):
                    troubled = False
                    self._hinted.hints_come()
                if isinstance(news, JsonWatchEvent) and self._concerns(news):
                    self._hinted.hint()

    def _concerns(self, event: JsonWatchEvent) -> bool:
        return wire.text(event.object, "involvedObject", "name").startswith(self._beginning)

    def _now(self, seconds: float | None) -> Listing:
        """Return where the present begins: one event is asked for, and let go, for the version of the list."""
        page = self._transport.send(Request("GET", self._path, {**_ABOUT_PODS, "limit": "1"}, timeout=seconds))
        return Listing((), resource_version(page))
