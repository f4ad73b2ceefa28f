"""Services as users see them: one, all, and the next change of one."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from kubeflow.cluster import wire
from kubeflow.cluster.pods.collection_feed import Feed
from kubeflow.cluster.readings import (
    Absent,
    Found,
    NotPermitted,
    NotServed,
    ReadFailed,
    Reading,
    in_words,
    reading,
)
from kubeflow.cluster.wire import Json
from kubeflow.kserve.backends.cluster import serving_names as names
from kubeflow.kserve.backends.cluster.service_pods import failing, list_pods, newest_pods, stuck
from kubeflow.kserve.backends.cluster.service_status import digest_of, mode_of, read_service
from kubeflow.kserve.backends.cluster.serving_connection import ServingConnection
from kubeflow.kserve.backends.cluster.workloads import Workload, chosen, list_workloads, look_at_workload
from kubeflow.kserve.types.services import DeploymentModeName, Service

logger = logging.getLogger(__name__)

_LOOK = 3.0  # seconds between two looks at pods and Deployment while their service does not change
_SETTLED = ("Ready", "Stopped")


def service_view(connection: ServingConnection, item: Json) -> Service:
    """Return a service as it is now: one request for what runs it, one more for its pods while it is not ready."""
    name = wire.text(item, "metadata", "name")
    mode = mode_of(item)
    looked = look_at_workload(connection.transport, connection.namespace, name, digest_of(item), mode)
    # What is not there yet, or not any more, is made from nothing that was asked for.
    workload = looked.value if isinstance(looked, Found) else Workload() if _is_to_be(looked, item) else None
    unseen = _unseen(looked)
    service = read_service(item, workload, mode=mode, unseen=unseen)
    if service.status in _SETTLED:
        return service
    pods = reading(lambda: list_pods(connection.transport, connection.namespace, name))
    if not isinstance(pods, Found):
        return service
    newest = newest_pods(pods.value, digest_of(item))
    failure = failing(newest)
    seen = read_service(item, workload, pod_failure=failure.text if failure else "", mode=mode, unseen=unseen)
    if seen.status in ("Creating", "Updating") and (waits := stuck(newest)):
        return replace(seen, reason=waits)
    return seen


def list_services(connection: ServingConnection) -> list[Service]:
    """Return the services, oldest first: one request for 500 of them, and one for what runs them in each mode."""
    path = names.services_path(connection.namespace)
    items = list(wire.listed(connection.transport, path))
    modes: dict[str, DeploymentModeName | None] = {wire.text(item, "metadata", "name"): mode_of(item) for item in items}
    workloads: dict[bool, Reading[Mapping[str, Mapping[str, Workload]]]] = {}
    found: list[Service] = []
    for item in items:
        name = wire.text(item, "metadata", "name")
        knative = modes[name] == "Knative"
        if knative not in workloads:
            mode: DeploymentModeName = "Knative" if knative else "Standard"
            workloads[knative] = list_workloads(connection.transport, connection.namespace, mode)
        listed = workloads[knative]
        workload: Workload | None = None
        if isinstance(listed, Found):
            workload = chosen(listed.value.get(name, {}), name, digest_of(item))
            if workload is None and _is_to_be(Absent(), item):
                workload = Workload()
        found.append(read_service(item, workload, mode=modes[name], unseen=_unseen(listed)))
    return sorted(found, key=lambda service: (service.creation_timestamp, service.name))


class ServiceWatches:
    """Tells of changes of the services that someone waits for: a watch of the service, and looks at its pods.

    Args:
        connection: The cluster.
    """

    def __init__(self, connection: ServingConnection) -> None:
        self._connection = connection
        self._feeds: dict[str, Feed] = {}
        self._users: Counter[str] = Counter()
        self._changed = threading.Condition()

    @contextmanager
    def watching(self, name: str) -> Generator[None]:
        """Keep the watch of a service until the context ends; all who wait for it share one."""
        with self._changed:
            self._users[name] += 1
        try:
            yield
        finally:
            with self._changed:
                self._users[name] -= 1
                feed = None if self._users[name] else self._feeds.pop(name, None)
            if feed is not None:
                feed.close()

    def next_change(self, name: str, seen: Service, timeout: float) -> Service:
        """Return the service as soon as it differs from `seen`, or after `timeout` seconds as it is then.

        Raises:
            ServiceNotFound: When it does not exist (any more).
        """
        deadline = time.monotonic() + timeout
        feed = self._feed(name)
        while True:
            with self._changed:
                version = feed.version
                item = next(iter(feed.objects), None) if feed.ready else None
                ready, failed = feed.ready, feed.error is not None
            if ready and item is None:
                raise self._connection.not_found(name)
            # Where it cannot be watched, it is read.
            current = item if item is not None and not failed else self._connection.find(name)
            service = service_view(self._connection, current)
            if service != seen:
                return service
            with self._changed:
                end = min(deadline, time.monotonic() + _LOOK)
                while feed.version == version and (left := end - time.monotonic()) > 0:
                    self._changed.wait(left)
            if time.monotonic() >= deadline:
                return service

    def _feed(self, name: str) -> Feed:
        with self._changed:
            if name not in self._feeds:
                path = names.services_path(self._connection.namespace)
                query = {"fieldSelector": f"metadata.name={name}"}
                self._feeds[name] = Feed(self._connection.transport, path, query, self._changed)
                self._feeds[name].start()
            return self._feeds[name]


def _is_to_be(looked: Reading[Workload], item: Json) -> bool:
    """True when a service has no workload, and should have one: that of a mesh has none of its own."""
    return isinstance(looked, Absent) and mode_of(item) in ("Standard", "Knative")


def _unseen(looked: Reading[Workload] | Reading[Mapping[str, Mapping[str, Workload]]]) -> str:
    match looked:
        case NotPermitted() | NotServed() | ReadFailed():
            return in_words(looked, "what runs it")
        case Found() | Absent():
            return ""
