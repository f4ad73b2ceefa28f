"""All log lines that a job writes until it ends, through breaks, restarts and replaced pods."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kubeflow.cluster.pods.container_log import ContainerLog
from kubeflow.cluster.pods.log_requests import PodLogs, refused, text
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod, list_pods, of_job
from kubeflow.trainer.backends.kubernetes.logs.bookmarks import Bookmarks, Place
from kubeflow.trainer.backends.kubernetes.watches.job_feed import JobFeed, ended

logger = logging.getLogger(__name__)

_QUEUED = 1024  # lines that wait to be read, of all steps together


_Line = tuple[bytes, Place | None]


def follow(
    logs: PodLogs,
    name: str,
    step: str | None,
    steps: Sequence[str],
    since: datetime | None,
    bookmarks: Bookmarks,
) -> Iterator[str]:
    """Yield all lines of a step, or of all steps with their names in front; see `logs.read`.

    Reading begins at `bookmarks`, and moves them with each line that is yielded.
    """
    job = _Job(name, logs, since)
    try:
        job.start()
        if step is not None:
            for line, place in _step(logs, job, step, bookmarks):
                bookmarks.note(step, place)
                yield text(line)
        else:
            yield from _all_steps(logs, job, steps, bookmarks)
        logs.check()
    finally:
        logs.close()
        job.close()


@dataclass(frozen=True, slots=True)
class _Sight:
    """What is known of the job at one moment. `over`: nothing new will start."""

    version: int
    over: bool
    pods: Sequence[JobPod]

    def pod(self, uid: str) -> JobPod | None:
        return next((pod for pod in self.pods if pod.uid == uid), None)


class _Job:
    """The job whose logs are followed, for any number of threads."""

    def __init__(self, name: str, logs: PodLogs, since: datetime | None) -> None:
        self.feed = JobFeed(logs.transport, logs.namespace, name, logs.pace.feeds)
        self._name = name
        self._logs = logs
        self._since = since
        self._lock = threading.Lock()
        self._last: _Sight | None = None
        self._ended: Sequence[JobPod] | None = None

    def start(self) -> None:
        self.feed.start()
        threading.Thread(target=self._oversee, name=f"kubeflow logs of {self._name}", daemon=True).start()

    def _oversee(self) -> None:
        from kubeflow.cluster.errors import ClusterError

        try:
            self._end_overtaken()
        except ClusterError as error:  # whoever reads sees it too when the log ends, and raises it
            logger.debug("the logs of %s are not overseen any more: %s", self._name, error)
        except BaseException as error:  # noqa: BLE001 - raised where the lines are read
            self._logs.fail(error)

    def _end_overtaken(self) -> None:
        """End the streams that have outlived their containers."""
        while not self._logs.closed.is_set():
            sight = self.look()
            if overtaken := self._logs.overtaken(sight.pods):
                self._logs.closed.wait(self._logs.pace.grace)
                self._logs.end(overtaken)
            self.wait(sight.version, None)

    def look(self) -> _Sight:
        """Return what is known now.

        Raises:
            ClusterError: The job or its pods cannot be followed.
        """
        with self.feed.changed:
            version = self.feed.version
            if self._last is not None and self._last.version == version:
                return self._last
            self.feed.check()
            if self.feed.pods_error is not None:
                raise self.feed.pods_error
            ready = self.feed.ready and self.feed.pods_ready
            job = self.feed.job() if ready else None
            over = ready and (job is None or ended(job))  # None: it was deleted
            sight = _Sight(version, over, of_job(self.feed.pods(), self._since) if ready else ())
        if over:
            # What pods were last told to be may be older than the job's end: nothing of theirs may be missed.
            sight = replace(sight, pods=self._final())
        with self.feed.changed:
            self._last = sight
        return sight

    def _final(self) -> Sequence[JobPod]:
        """Return the pods as they are now that the job has ended: there will be no others."""
        with self._lock:
            if self._ended is None:
                pods = list_pods(self._logs.transport, self._logs.namespace, self._name)
                self._ended = of_job(pods, self._since)
            return self._ended

    def wait(self, version: int, timeout: float | None) -> None:
        """Return at the next change after `version`, after `timeout` seconds, or when reading is over."""
        end = None if timeout is None else time.monotonic() + timeout
        while not self._logs.closed.is_set() and self.feed.version == version:
            left = 1.0 if end is None else min(1.0, end - time.monotonic())
            if left <= 0:
                return
            self.feed.wait(version, left)

    def close(self) -> None:
        self.feed.close()
        with self.feed.changed:
            self.feed.changed.notify_all()


def _step(logs: PodLogs, job: _Job, step: str, begin: Bookmarks) -> Iterator[_Line]:
    """Yield the lines of all pods of a step, one after the other, until the job is over."""
    read: set[str] = set()
    while not logs.closed.is_set():
        sight = job.look()
        own = [pod for pod in sight.pods if pod.step == step]
        pod = next((pod for pod in begin.unread(own) if pod.uid not in read and pod.container.has_log), None)
        if pod is not None:
            yield from _pod(logs, job, pod, ContainerLog(logs, begin.last(pod)))
            read.add(pod.uid)
        elif sight.over or any(pod.phase == "Succeeded" and not pod.is_node for pod in own):
            return
        else:
            job.wait(sight.version, None)


def _pod(logs: PodLogs, job: _Job, pod: JobPod, log: ContainerLog) -> Iterator[_Line]:
    """Yield the lines of the main container of a pod until it has ended for good."""
    from kubeflow.cluster.errors import ClusterError, Invalid, NotFound

    failures = 0
    given_up = 0.0
    while not logs.closed.is_set():
        sight = job.look()
        now = sight.pod(pod.uid)
        known = now or pod
        # What is decided before reading: then nothing can have been written after it was read.
        final = now is None or known.ended or sight.over
        try:
            for line in log.go_on(known):
                failures = 0
                yield line, Place.of(pod, log.last)
        except (Invalid, NotFound) as error:  # not started again yet, or gone
            logger.debug("no log of %s: %s", pod.name, error)
            if final:
                if isinstance(error, NotFound) and not sight.over:
                    logger.warning("pod %s was deleted before its log was read to the end", pod.name)
                return
            failures += 1
        except ClusterError as error:
            if refused(error):
                raise
            logger.debug("the log of %s broke: %s", pod.name, error)
            failures += 1
            given_up = given_up or (time.monotonic() + logs.pace.patience if final else 0.0)
            if given_up and time.monotonic() > given_up:
                raise
            logs.closed.wait(logs.backoff(failures - 1))
            continue
        if final:
            return
        # The log has ended, and the pod does not say so yet, or its container will be started again.
        failures += 1
        job.wait(sight.version, None if known.container.state != "Running" else logs.backoff(failures - 1))


def _all_steps(logs: PodLogs, job: _Job, steps: Iterable[str], bookmarks: Bookmarks) -> Iterator[str]:
    """Yield the lines of all steps as they come, each step read by a thread of its own."""
    from kubeflow.cluster.errors import ClusterError

    lines: _Queue = queue.Queue(_QUEUED)
    readers: dict[str, _Reader] = {}
    known = list(steps)
    while not logs.closed.is_set():
        for name in known:
            if name not in readers:
                readers[name] = _Reader(logs, job, name, bookmarks, lines)
                readers[name].start()
        try:
            item = lines.get(timeout=0.2)
        except queue.Empty:
            item = None
        if item is not None:
            line, step, place = item
            bookmarks.note(step, place)
            yield line
            continue
        over = [reader for reader in readers.values() if reader.over or not reader.is_alive()]
        errors = [reader.error for reader in over if reader.error is not None]
        for error in errors:
            if not isinstance(error, ClusterError):  # a log that cannot be read keeps none of the others
                raise error
        if len(over) == len(readers) and lines.empty():
            if errors:
                raise errors[0]
            return
        known = [pod.step for pod in job.look().pods]


_Queue = queue.Queue[tuple[str, str, Place | None] | None]  # lines, their steps, and where they stand


class _Reader(threading.Thread):
    """Reads the lines of one step.

    Attributes:
        over: There will be no more lines.
        error: Why, unless the step has no more.
    """

    def __init__(self, logs: PodLogs, job: _Job, step: str, bookmarks: Bookmarks, lines: _Queue) -> None:
        super().__init__(name=f"kubeflow log of {step}", daemon=True)
        self.over = False
        self.error: BaseException | None = None
        self._logs = logs
        self._step = step
        self._read = _step(logs, job, step, bookmarks)
        self._lines = lines

    def run(self) -> None:
        """Put all lines into the queue, and at the end `None`, so that nobody waits for more."""
        prefix = f"[{self._step}] "
        try:
            for line, place in self._read:
                if not self._put((prefix + text(line), self._step, place)):
                    return
        except BaseException as error:  # noqa: BLE001 - raised where the lines are read
            self.error = error
        self.over = True
        self._put(None)

    def _put(self, line: tuple[str, str, Place | None] | None) -> bool:
        """Hand a line over; return False when nobody reads any more."""
        while not self._logs.closed.is_set():
            try:
                self._lines.put(line, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False
