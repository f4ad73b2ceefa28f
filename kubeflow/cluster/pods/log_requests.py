"""Requests for container logs (`pods/log`): several streams at once, which another thread can end."""

from __future__ import annotations

import math
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from kubeflow.cluster import wire
from kubeflow.cluster.pods.pod import Pod
from kubeflow.cluster.pods.schedule import Pace
from kubeflow.core.log_text import log_text
from kubeflow.core.patience import Patience
from kubeflow.core.reflector import abort
from kubeflow.core.resource import Request, Transport

_LEAST = 2.0  # seconds that a request gets although patience is over: a kubelet that is well answers within that


@dataclass(frozen=True, slots=True)
class LogPace:
    """How long reading logs waits. All in seconds.

    Attributes:
        silence: A stream that brings no line for so long is requested again: its connection may be dead.
        retry: First pause after a failed request; it doubles up to `longest_retry`.
        longest_retry: The longest of these pauses.
        grace: How long a stream may go on after its container has ended. Later, its connection is dead, or it is that
            of the container's next life.
        patience: How long a log that cannot be read is requested after its job has ended.
        present: How long failing requests are sent again where nothing is followed, all pods together.
        feeds: How often the job and its pods are requested.
    """

    silence: float = 300
    retry: float = 0.2
    longest_retry: float = 5
    grace: float = 5
    patience: float = 60
    present: float = 30
    feeds: Pace = field(default_factory=Pace)


class PodLogs:
    """The open requests for logs of one namespace's pods, from any number of threads, until they are closed.

    Attributes:
        closed: Set when nothing more is to be read.
        failure: The error that reading was closed for; `None` as long as no thread has failed.
    """

    def __init__(self, transport: Transport, namespace: str, pace: LogPace) -> None:
        self.transport = transport
        self.namespace = namespace
        self.pace = pace
        self.closed = threading.Event()
        self.failure: BaseException | None = None
        self._open: dict[Iterator[bytes], Pod | None] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """End all streams, also those that other threads read."""
        self.closed.set()
        with self._lock:
            streams = list(self._open)
        for stream in streams:
            abort(stream)

    def fail(self, error: BaseException) -> None:
        """End all streams because of `error`, which `check` raises from now on."""
        self.failure = self.failure or error
        self.close()

    def check(self) -> None:
        """Do nothing unless `fail` was called.

        Raises:
            BaseException: The first error that `fail` was given.
        """
        if self.failure is not None:
            raise self.failure

    def lines(
        self,
        pod: Pod,
        since: str | None = None,
        *,
        follow: bool = False,
        previous: bool = False,
        tail: int | None = None,
        seconds: float = math.inf,
    ) -> Generator[bytes]:
        """Yield the lines of one answer, with their times. An error is raised where the answer was not whole.

        The request is sent once: callers decide when it is sent again. Where it is followed, a progress bar also comes
        as it stands, as `Unfinished`, as soon as the container runtime hands it over.

        Args:
            pod: The pod whose main container's log is read.
            since: Leave out lines from before this time, RFC 3339 in whole seconds; `None` for all lines.
            follow: True goes on until the container ends, or `end` is called.
            previous: True reads the log of the previous container life.
            tail: The last lines only, at most so many; `None` for all.
            seconds: Seconds that the server may take for the beginning, or stay silent, where nothing is followed.

        Raises:
            Invalid: The container has not started, or has no previous life.
            NotFound: The pod is gone.
            ClusterError: As the transport does.
        """
        query = {"container": pod.main, "timestamps": "true"}
        query |= {"follow": "true"} if follow else {}
        query |= {"previous": "true"} if previous else {}
        query |= {} if since is None else {"sinceTime": since}
        query |= {} if tail is None else {"tailLines": str(tail)}
        silence = self.pace.silence if follow else min(self.pace.silence, max(seconds, _LEAST))
        path = log_path(self.namespace, pod)
        request = Request("GET", path, query, accept="*/*", timeout=silence, once=True, unfinished=follow)
        stream = self.transport.lines(request)
        with self._lock:
            self._open[stream] = pod if follow else None
        try:
            if not self.closed.is_set():
                yield from stream
        finally:
            with self._lock:
                self._open.pop(stream, None)
            abort(stream)

    def overtaken(self, pods: Sequence[Pod]) -> list[Iterator[bytes]]:
        """Return the streams that follow a container which has ended since, by the present status of `pods`."""
        running = {(pod.uid, pod.container.restarts) for pod in pods if pod.container.state == "Running"}
        with self._lock:
            return [s for s, pod in self._open.items() if pod and (pod.uid, pod.container.restarts) not in running]

    def end(self, streams: Iterable[Iterator[bytes]]) -> None:
        """End those of the streams that have not ended by themselves. Their readers then request new lines again."""
        with self._lock:
            still_open = [stream for stream in streams if stream in self._open]
        for stream in still_open:
            abort(stream)

    def patience(self, seconds: float) -> Patience:
        """Return how long failing requests are sent again, with the pauses of the pace."""
        return Patience(seconds, first=self.pace.retry, longest=self.pace.longest_retry)


def last_lines(
    transport: Transport, namespace: str, pod: Pod, container: str, count: int, *, previous: bool
) -> list[str]:
    """Return the last `count` lines of a container's log, or of the log of its previous life.

    Raises:
        ClusterError: The log cannot be read: the container never ran, the pod is gone, or a right is missing.
    """
    query = {"container": container, "tailLines": str(count), **({"previous": "true"} if previous else {})}
    lines = transport.lines(Request("GET", log_path(namespace, pod), query, timeout=10))
    return [text(line) for line in lines]


def refused(error: Exception) -> bool:
    """True when the credentials are the cause of `error`, so that the same request will fail again."""
    from kubeflow.cluster.errors import Forbidden, NotConfigured, Unauthorized

    return isinstance(error, Forbidden | Unauthorized | NotConfigured)


def log_path(namespace: str, pod: Pod) -> str:
    """Return the path of a pod's log."""
    return f"{wire.core_path(namespace, 'pods', pod.name)}/log"


def text(line: bytes) -> str:
    """Return a line as text, in which a progress bar stands as on a terminal."""
    return log_text(line)
