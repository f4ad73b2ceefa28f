"""The log of one container: asked for with the times of its lines, which tell after a break what is new."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from kubeflow.core.resource import Request, Transport
from kubeflow.trainer.backends.kubernetes.bookmarks import Place
from kubeflow.trainer.backends.kubernetes.feed import Pace, abort
from kubeflow.trainer.backends.kubernetes.pods import Pod, pods_path
from kubeflow.trainer.backends.kubernetes.position import Position

logger = logging.getLogger(__name__)


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

    def once(self, pod: Pod, position: Position, *, follow: bool = False, previous: bool = False) -> Iterator[bytes]:
        """Yield the new lines of one answer of the server; an error says that it was not whole."""
        query = {"container": pod.main, "timestamps": "true"}
        query |= {"follow": "true"} if follow else {}
        query |= {"previous": "true"} if previous else {}
        if (since := position.resume(previous=previous)) is not None:
            query["sinceTime"] = since
        request = Request("GET", log_path(self.namespace, pod), query, accept="*/*", timeout=self.pace.silence)
        stream = self.transport.lines(request)
        with self._lock:
            self._open[stream] = pod if follow else None
        try:
            if self.closed.is_set():
                return
            for line in stream:
                new = position.take(line)
                if new is not None:
                    yield new
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
        return min(self.pace.longest_retry, self.pace.retry * 2.0 ** min(failures, 10))


def whole(logs: PodLogs, pod: Pod, position: Position, *, previous: bool = False) -> Generator[bytes, None, None]:
    """Yield what the log of a container has now; nothing if there is none, or no such container any more."""
    from kubeflow.cluster.errors import ClusterError, Invalid, NotFound

    failures = 0
    while True:
        try:
            yield from logs.once(pod, position, previous=previous)
        except (Invalid, NotFound) as error:  # it has not started, has no previous instance, or is gone
            logger.debug("no log of %s: %s", pod.name, error)
            return
        except ClusterError as error:
            failures += 1
            if refused(error) or failures > 10:
                raise
            logs.closed.wait(logs.backoff(failures))
        else:
            return


def reach(logs: PodLogs, pod: Pod, place: Place) -> tuple[Position, int]:
    """Find a place in a pod's log that was read before, maybe by another process.

    Returns:
        The position after it, and how often the container of that log had been started again, which is -1 where that
        is not told of yet. If that log is gone, or the line is, because the kubelet has begun a new file: the beginning
        of what is there.
    """
    position = Position(place.stamp)
    restarts = pod.container.restarts
    # The instance before comes first, also if none is known: kubelets are late to tell.
    for previous in (True, False):
        with contextlib.closing(whole(logs, pod, position, previous=previous)) as lines:
            for _ in lines:
                if position.latest == (place.stamp, place.number):
                    if not previous and place.instance < restarts:  # read before the cluster told of the new instance
                        logger.warning(
                            "%s was left while it was started again: of its last lines before that, "
                            "some may be missing",
                            pod.name,
                        )
                    return position, restarts - 1 if previous else restarts
    logger.warning("the last line that was read of %s is gone: what is left of its log comes whole", pod.name)
    return Position(), min(place.instance, restarts)


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
    return f"{pods_path(namespace)}/{quote(pod.name, safe='')}/log"


def text(line: bytes) -> str:
    """Return a line as text: bytes that are no UTF-8 become replacement characters."""
    return line.removesuffix(b"\r").decode(errors="replace")
