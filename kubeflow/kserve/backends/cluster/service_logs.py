"""The log lines of a service's pods: those that there are now, or all from now on, also of pods that come later."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from kubeflow.cluster import wire
from kubeflow.cluster.errors import ClusterError, Invalid, NotFound
from kubeflow.cluster.pods.collection_feed import Feed
from kubeflow.cluster.pods.container_log import ContainerLog
from kubeflow.cluster.pods.log_requests import LogPace, PodLogs, refused, text
from kubeflow.cluster.pods.pod import Pod, pods_path, read_pod
from kubeflow.cluster.wire import Json
from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.kserve.backends.cluster import serving_names as names
from kubeflow.kserve.backends.cluster.serving_connection import ServingConnection
from kubeflow.kserve.errors import ServiceNotFound
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.types.loglines import LogLines

logger = logging.getLogger(__name__)

_QUEUED = 1024  # lines at most that wait to be yielded
_QUIET = 10.0  # seconds without a line after which a service is looked for: it may be gone
_AGAIN = 0.5  # seconds until a container that has not started is asked again

_END = object()


def service_logs(connection: ServingConnection, name: str, selection: LogSelection, follow: bool) -> LogLines:
    """Check the arguments at once, with two requests, then yield lines; see `ServingBackend.get_service_logs`."""
    connection.find(name)
    query = {"labelSelector": f"{names.SERVICE_LABEL}={name}"}
    items = list(wire.listed(connection.transport, pods_path(connection.namespace), query))
    _check(name, items, selection)
    logs = PodLogs(connection.transport, connection.namespace, LogPace())
    if not follow:
        return LogLines(_present(items, logs, selection), lambda: "")
    return LogLines(_following(connection, name, query, logs, selection), lambda: "")


def _check(name: str, items: Sequence[Json], selection: LogSelection) -> None:
    pods = {wire.text(item, "metadata", "name"): item for item in items}
    if selection.step is not None and selection.step not in pods:
        raise InvalidInput(
            f"Service {name!r} has no replica {selection.step!r}.{did_you_mean(selection.step, pods)} It has: "
            f"{', '.join(pods) or 'none yet'}."
        )
    if selection.container is None or not items:
        return
    containers = {
        wire.text(each, "name"): None
        for item in items
        for part in ("initContainers", "containers")
        for each in wire.objects(item, "spec", part)
    }
    if selection.container not in containers:
        raise InvalidInput(
            f"The pods of service {name!r} have no container {selection.container!r}."
            f"{did_you_mean(selection.container, containers)} They have: {', '.join(containers)}."
        )


def _pod(item: Json, container: str | None) -> Pod:
    wanted = container or names.MODEL_CONTAINER
    containers = [*wire.objects(item, "spec", "containers"), *wire.objects(item, "spec", "initContainers")]
    main = next((each for each in containers if wire.text(each, "name") == wanted), None)
    return read_pod(item, main)


def _present(items: Sequence[Json], logs: PodLogs, selection: LogSelection) -> Iterator[str]:
    patience = logs.patience(logs.pace.present)
    failure: ClusterError | None = None
    try:
        pods = [_pod(item, selection.container) for item in _ordered(items)]
        chosen = [pod for pod in pods if selection.step in (None, pod.name) and pod.container.has_log]
        for pod in chosen:
            prefix = f"[{pod.name}] " if len(chosen) > 1 else ""
            log = ContainerLog(logs, None, patience, tail=selection.tail_lines, since=selection.since)
            try:
                for line in log.now(pod):
                    yield prefix + text(line)
            except ClusterError as error:
                failure = failure or error
                if refused(error):
                    break
        if failure is not None:
            raise failure
    finally:
        logs.close()


def _ordered(items: Sequence[Json]) -> list[Json]:
    return sorted(
        items, key=lambda item: (wire.text(item, "metadata", "creationTimestamp"), wire.text(item, "metadata", "name"))
    )


def _following(
    connection: ServingConnection, name: str, query: dict[str, str], logs: PodLogs, selection: LogSelection
) -> Iterator[str]:
    changed = threading.Condition()
    feed = Feed(connection.transport, pods_path(connection.namespace), query, changed, logs.pace.feeds)
    lines: queue.Queue[str | object] = queue.Queue(_QUEUED)
    follower = _Follower(feed, changed, logs, selection, lines)
    try:
        feed.start()
        follower.start()
        quiet_since = time.monotonic()
        while True:
            try:
                line = lines.get(timeout=1.0)
            except queue.Empty:
                logs.check()
                if time.monotonic() - quiet_since > _QUIET and not follower.any_pods:
                    if _is_gone(connection, name):
                        return
                    quiet_since = time.monotonic()
                continue
            quiet_since = time.monotonic()
            if line is _END:
                logs.check()
                return
            yield str(line)
    finally:
        logs.close()
        feed.close()
        with changed:
            changed.notify_all()


def _is_gone(connection: ServingConnection, name: str) -> bool:
    try:
        connection.find(name)
    except ServiceNotFound:
        return True
    return False


class _Follower:
    """Starts a thread for each pod of a service that comes, which puts the pod's lines into a queue."""

    def __init__(
        self,
        feed: Feed,
        changed: threading.Condition,
        logs: PodLogs,
        selection: LogSelection,
        lines: queue.Queue[str | object],
    ) -> None:
        self._feed, self._changed, self._logs = feed, changed, logs
        self._selection, self._lines = selection, lines
        self._read: set[str] = set()
        self._first = True

    @property
    def any_pods(self) -> bool:
        with self._changed:
            return any(True for _ in self._feed.objects)

    def start(self) -> None:
        threading.Thread(target=self._run, name="kubeflow logs of a service", daemon=True).start()

    def _run(self) -> None:
        try:
            self._follow()
        except BaseException as error:  # noqa: BLE001 - raised where the lines are read
            self._logs.fail(error)
        self._put(_END)

    def _follow(self) -> None:
        while not self._logs.closed.is_set():
            with self._changed:
                version = self._feed.version
                if self._feed.error is not None:
                    raise self._feed.error
                items = list(self._feed.objects) if self._feed.ready else None
            if items is not None:
                for item in _ordered(items):
                    self._take(item)
                self._first = False
            with self._changed:
                while self._feed.version == version and not self._logs.closed.is_set():
                    self._changed.wait(1.0)

    def _take(self, item: Json) -> None:
        pod = _pod(item, self._selection.container)
        if pod.uid in self._read or self._selection.step not in (None, pod.name):
            return
        self._read.add(pod.uid)
        # Where reading begins is said of what was there; pods that start later are read from their beginning.
        selection = self._selection if self._first else replace(self._selection, tail_lines=None, since=None)
        threading.Thread(
            target=self._read_pod, args=(pod, selection), name=f"kubeflow log of {pod.name}", daemon=True
        ).start()

    def _present(self, pod: Pod) -> Pod | None:
        with self._changed:
            items = [item for item in self._feed.objects if wire.identity_of(item) == pod.uid]
        return _pod(items[0], self._selection.container) if items else None

    def _read_pod(self, pod: Pod, selection: LogSelection) -> None:
        prefix = f"[{pod.name}] " if selection.step is None else ""
        log = ContainerLog(self._logs, tail=selection.tail_lines, since=selection.since)
        try:
            while not self._logs.closed.is_set():
                present = self._present(pod)
                try:
                    for line in log.go_on(present or pod):
                        self._put(prefix + text(line))
                except NotFound:
                    return
                except Invalid:  # the container has not started
                    self._logs.closed.wait(_AGAIN)
                except ClusterError as error:
                    log.trouble(present or pod, error)
                if present is None or present.main_ended:
                    return
                self._logs.closed.wait(_AGAIN)
        except BaseException as error:  # noqa: BLE001 - raised where the lines are read
            self._logs.fail(error)

    def _put(self, line: str | object) -> None:
        while not self._logs.closed.is_set():
            try:
                self._lines.put(line, timeout=0.5)
            except queue.Full:
                continue
            return
