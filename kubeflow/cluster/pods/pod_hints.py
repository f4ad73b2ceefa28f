"""Hints at changes of a job's pods where credentials may not watch pods: a watch of the events about pods.

The edit role of Trainer 2.0 and 2.1 allows to list pods and to watch events. The text of an event is not read: it
only tells that it is time to list the pods.
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
_PATIENCE = 30.0  # seconds of trouble with the watch of events after which pods are polled without hints


class Hinted(Protocol):
    """The receiver of the hints: a feed that polls."""

    def hint(self) -> None:
        """Called when a pod may have changed."""
        ...

    def hints_come(self) -> None:
        """Called when the watch of events works: from now on changes of pods come with a hint, mostly."""
        ...

    def hints_fail(self) -> None:
        """Called when the watch of events does not work: no hints come until `hints_come` is called again."""
        ...

    def fail(self, error: BaseException) -> None:
        """Called with an unexpected error of the thread that watches events."""
        ...


class PodHints:
    """Watches the events about one job's pods in a thread of its own, from `start` until `close`.

    A field selector takes one exact name, and the names of pods are not known beforehand. All events about pods of the
    namespace are therefore watched, and events about pods of other jobs are dropped. No event is kept.

    Args:
        transport: The cluster.
        namespace: Where the job is.
        job: The name of the job; the names of its pods begin with it.
        hinted: The receiver of the hints.
        pace: How often the thread sends requests.
    """

    def __init__(
        self, transport: Transport, namespace: str, job: str, hinted: Hinted, pace: WatchPace | None = None
    ) -> None:
        self._transport = transport
        self._path = wire.core_path(namespace, "events")
        self._beginning = f"{job}-"
        self._hinted = hinted
        pace = pace or WatchPace()
        # Servers send no bookmarks among events, so that silence does not mean a dead stream.
        pace = replace(pace, silence=1.2 * pace.watch, patience=1.2 * pace.watch)
        self._reflector = Reflector(transport, self._path, _ABOUT_PODS, pace=pace, start=self._now)
        self._thread = threading.Thread(target=self._run, name=f"kubeflow hints at pods of {job}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """End the thread, without waiting for a server that does not answer."""
        self._reflector.close()

    def _run(self) -> None:
        try:
            self._listen()
        except KubeflowError as error:
            logger.debug("there are no hints at pods %s...: %s", self._beginning, error)
            self._hinted.hints_fail()
        except BaseException as error:  # noqa: BLE001 - raised in the threads that wait for the hints
            self._hinted.fail(error)

    def _listen(self) -> None:
        troubled = True
        with closing(self._reflector.news()) as all_news:
            for news in all_news:
                if isinstance(news, Trouble):
                    # Events of a short interruption come later: the watch resumes where it was.
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
        """Return the present resource version of the events: that of a list of one event, which is dropped."""
        page = self._transport.send(Request("GET", self._path, {**_ABOUT_PODS, "limit": "1"}, timeout=seconds))
        return Listing((), resource_version(page))
