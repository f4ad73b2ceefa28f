"""Being told of the changes of applications: list and watch of one object, shared by all who wait for it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

from kubeflow.cluster import wire
from kubeflow.cluster.pods.collection_feed import Feed
from kubeflow.cluster.pods.schedule import Pace
from kubeflow.cluster.wire import Json
from kubeflow.core.resource import Transport
from kubeflow.spark.types.spark_jobs import SparkJob


@dataclass(slots=True)
class _Held:
    feed: Feed
    changed: threading.Condition
    users: int = 1
    started: bool = False
    uid: str = ""

    def item(self) -> Json | None:
        """Return the object that is followed; `None` once it is gone, also where another has its name by now."""
        found = next(iter(self.feed.objects), wire.NOTHING)
        uid = wire.identity_of(found)
        self.uid = self.uid or uid
        return found if uid and uid == self.uid else None


class ApplicationWaits:
    """The applications that someone waits for. No pod is asked for: an application says by itself where it is.

    Args:
        transport: The cluster.
        path: Path of the applications of the namespace.
        view: Makes the job that users see.
        missing: Returns the error for a job that does not exist.
        pace: How often the feeds send requests.
    """

    def __init__(
        self,
        transport: Transport,
        path: str,
        view: Callable[[Json], SparkJob],
        missing: Callable[[str], Exception],
        pace: Pace | None = None,
    ) -> None:
        self._transport, self._path, self._view, self._missing, self._pace = transport, path, view, missing, pace
        self._lock = threading.Lock()
        self._held: dict[str, _Held] = {}

    @contextlib.contextmanager
    def watching(self, name: str) -> Generator[None]:
        """Keep the feed of an application, once `next_change` has started it, until the context ends."""
        with self._lock:
            held = self._held.get(name)
            if held is None:
                changed = threading.Condition()
                query = {"fieldSelector": f"metadata.name={name}"}
                self._held[name] = _Held(Feed(self._transport, self._path, query, changed, self._pace), changed)
            else:
                held.users += 1
        try:
            yield
        finally:
            with self._lock:
                held = self._held[name]
                held.users -= 1
                if not held.users:
                    del self._held[name]
            if not held.users and held.started:
                held.feed.close()

    def next_change(self, name: str, seen: SparkJob, timeout: float) -> SparkJob:
        """Return the job as soon as it differs from `seen`; after `timeout` seconds, return `seen`.

        While the server cannot be reached, requests are sent again until the time is up.

        Raises:
            SparkJobNotFound: The job does not exist, or not any more.
            ClusterError: Sending the request again is of no use, as with missing rights.
        """
        deadline = time.monotonic() + timeout
        with self.watching(name):
            held = self._held[name]
            with self._lock:
                if not held.started:
                    held.started = True
                    held.feed.start()
            with held.changed:
                while True:
                    if held.feed.error is not None:
                        raise held.feed.error
                    if held.feed.ready:
                        item = held.item()
                        if item is None:
                            raise self._missing(name)
                        job = self._view(item)
                        if job != seen:
                            return job
                    left = deadline - time.monotonic()
                    if left <= 0:
                        return seen
                    held.changed.wait(left)
