"""Requests for the logs of containers, which can be ended from outside."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from kubeflow.cluster import wire
from kubeflow.cluster.pods.pod import Pod
from kubeflow.cluster.pods.schedule import Pace
from kubeflow.core.backoff import backoff
from kubeflow.core.reflector import abort
from kubeflow.core.resource import Request, Transport


@dataclass(frozen=True, slots=True)
class LogPace:
    """How long reading logs waits. All in seconds.

    Attributes:
        silence: After which a log that says nothing is asked for again: it may be a dead connection.
        retry: First pause after something went wrong; it doubles up to `longest_retry`.
        longest_retry: The longest of these pauses.
        grace: How long a log that is followed may go on after its container has ended: longer, and the connection is
            dead, or of the container's next instance.
        patience: How long a log that cannot be read any more is asked for after its job has ended.
        feeds: How often the job and its pods are asked for.
    """

    silence: float = 300
    retry: float = 0.2
    longest_retry: float = 5
    grace: float = 5
    patience: float = 60
    feeds: Pace = field(default_factory=Pace)


class PodLogs:
    """Reads the logs of one namespace's pods, any number of them at once, until it is closed.

    Attributes:
        closed: Set when nothing more is to be read.
        failure: Why it was closed, where that is no `ClusterError` and so nothing that reading goes on after.
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
        """End all that is read, also from another thread."""
        self.closed.set()
        with self._lock:
            streams = list(self._open)
        for stream in streams:
            abort(stream)

    def fail(self, error: BaseException) -> None:
        """End all that is read because of `error`, which `check` raises from now on."""
        self.failure = self.failure or error
        self.close()

    def check(self) -> None:
        """Do nothing unless reading has failed.

        Raises:
            BaseException: What `fail` was told first.
        """
        if self.failure is not None:
            raise self.failure

    def lines(
        self, pod: Pod, since: str | None = None, *, follow: bool = False, previous: bool = False
    ) -> Generator[bytes]:
        """Yield the lines of one answer of the server, with their times; an error says that it was not whole.

        Args:
            pod: Of its main container.
            since: Leave out lines from before this time, RFC 3339 in whole seconds; `None` for all there is.
            follow: Go on until the container ends, or is found to have.
            previous: The log of the life before.

        Raises:
            Invalid: The container has not started, or has no life before.
            NotFound: The pod is gone.
            ClusterError: As the transport does.
        """
        query = {"container": pod.main, "timestamps": "true"}
        query |= {"follow": "true"} if follow else {}
        query |= {"previous": "true"} if previous else {}
        query |= {} if since is None else {"sinceTime": since}
        request = Request("GET", log_path(self.namespace, pod), query, accept="*/*", timeout=self.pace.silence)
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
        """Return the streams that follow a container which has ended since, as `pods` are now."""
        running = {(pod.uid, pod.container.restarts) for pod in pods if pod.container.state == "Running"}
        with self._lock:
            return [s for s, pod in self._open.items() if pod and (pod.uid, pod.container.restarts) not in running]

    def end(self, streams: Iterable[Iterator[bytes]]) -> None:
        """End those of the streams that have not ended by themselves: what is new is then asked for again."""
        with self._lock:
            still = [stream for stream in streams if stream in self._open]
        for stream in still:
            abort(stream)

    def backoff(self, failures: int) -> float:
        """Return the seconds to wait after so many failures."""
        return backoff(failures + 1, first=self.pace.retry, longest=self.pace.longest_retry, spread=0)


def last_lines(
    transport: Transport, namespace: str, pod: Pod, container: str, count: int, *, previous: bool
) -> list[str]:
    """Return the last `count` lines of a container's log, or of the instance before.

    Raises:
        ClusterError: It cannot be read: it never ran, it is gone, or a right is missing.
    """
    query = {"container": container, "tailLines": str(count), **({"previous": "true"} if previous else {})}
    lines = transport.lines(Request("GET", log_path(namespace, pod), query, timeout=10))
    return [text(line) for line in lines]


def refused(error: Exception) -> bool:
    """Whether the credentials are what is wrong, so that it is no use to ask again."""
    from kubeflow.cluster.errors import Forbidden, NotConfigured, Unauthorized

    return isinstance(error, Forbidden | Unauthorized | NotConfigured)


def log_path(namespace: str, pod: Pod) -> str:
    """Return the path of a pod's log."""
    return f"{wire.core_path(namespace, 'pods', pod.name)}/log"


def text(line: bytes) -> str:
    """Return a line as text: bytes that are no UTF-8 become replacement characters."""
    return line.removesuffix(b"\r").decode(errors="replace")
