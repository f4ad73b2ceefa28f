"""The log lines of a running TrainJob until it ends, through broken connections, restarts and replaced pods."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from kubeflow.cluster.pods.container_log import ContainerLog
from kubeflow.cluster.pods.log_requests import PodLogs, text
from kubeflow.core.backoff import backoff
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod
from kubeflow.trainer.backends.kubernetes.logs.bookmarks import Bookmarks, Place
from kubeflow.trainer.backends.kubernetes.logs.logged_job import LoggedJob
from kubeflow.trainer.backends.kubernetes.watches.job_feed import JobFeed
from kubeflow.trainer.jobs.log_selection import LogSelection

logger = logging.getLogger(__name__)

_QUEUED = 1024  # lines at most that wait to be yielded, of all steps together


_Line = tuple[bytes, Place | None]


def live_lines(job: LoggedJob, logs: PodLogs, selection: LogSelection, bookmarks: Bookmarks) -> Iterator[str]:
    """Yield the lines of a step, or of all steps with their names in front; see `job_logs.read`.

    Reading begins at `bookmarks`, and moves them with each line that is yielded.
    """
    followed = _FollowedJob(job, logs)
    try:
        followed.start()
        if selection.step is not None:
            for line, place in _step_lines(logs, followed, selection, bookmarks):
                bookmarks.note(selection.step, place)
                yield text(line)
        else:
            yield from _all_steps(logs, followed, selection, job.steps, bookmarks)
        logs.check()
    finally:
        logs.close()
        followed.close()


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """A TrainJob and its pods at one moment.

    Attributes:
        version: The version of the feed that this was read from.
        known: True when the job and its pods have been listed.
        finished: True when the job has ended or was deleted: no further pod will start.
        pods: Its pods, those of earlier attempts too; empty before they are known.
    """

    version: int
    known: bool
    finished: bool
    pods: Sequence[JobPod]

    def pod(self, uid: str) -> JobPod | None:
        return next((pod for pod in self.pods if pod.uid == uid), None)


class _FollowedJob:
    """A TrainJob whose logs are followed by any number of threads: one feed, and snapshots that are read from it."""

    def __init__(self, job: LoggedJob, logs: PodLogs) -> None:
        self.feed = JobFeed(job.transport, job.namespace, job.name, logs.pace.feeds, job.kind)
        self._job = job
        self._logs = logs
        self._lock = threading.Lock()
        self._last: _Snapshot | None = None
        self._final_pods: Sequence[JobPod] | None = None

    def start(self) -> None:
        self.feed.start()
        threading.Thread(target=self._oversee, name=f"kubeflow logs of {self._job.name}", daemon=True).start()

    def _oversee(self) -> None:
        from kubeflow.cluster.errors import ClusterError

        try:
            self._end_overtaken()
        except ClusterError as error:  # a thread that reads lines meets the same error, and raises it
            logger.debug("the logs of %s are not overseen any more: %s", self._job.name, error)
        except BaseException as error:  # noqa: BLE001 - raised where the lines are read
            self._logs.fail(error)

    def _end_overtaken(self) -> None:
        """End the streams that have outlived their containers."""
        while not self._logs.closed.is_set():
            snapshot = self.snapshot()
            if overtaken := self._logs.overtaken(snapshot.pods):
                self._logs.closed.wait(self._logs.pace.grace)
                self._logs.end(overtaken)
            self.wait(snapshot.version, None)

    def snapshot(self) -> _Snapshot:
        """Return the job and its pods as they were told of last; once the job has ended, its pods as listed since then.

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
            train_job = self.feed.job() if ready else None
            finished = ready and (train_job is None or self._job.kind.ended(train_job))  # None: it was deleted
            snapshot = _Snapshot(version, ready, finished, self._job.read_pods(self.feed.pods()) if ready else ())
        if finished:
            # The last news of the pods may be older than the end of the job, and pods may have ended in between.
            snapshot = replace(snapshot, pods=self._pods_at_the_end())
        with self.feed.changed:
            self._last = snapshot
        return snapshot

    def _pods_at_the_end(self) -> Sequence[JobPod]:
        """Return the pods as they were listed after the job had ended: no others will follow."""
        with self._lock:
            if self._final_pods is None:
                self._final_pods = self._job.list_pods()
            return self._final_pods

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


def _step_lines(logs: PodLogs, job: _FollowedJob, selection: LogSelection, bookmarks: Bookmarks) -> Iterator[_Line]:
    """Yield the lines of all pods of a step, one after the other, until the job has ended.

    The step ends before its job when the container that is read has ended for good and its pod goes on without it.

    Args:
        logs: Where requests go.
        job: The job.
        selection: The step, and where reading begins. Pods that start later are read from their beginning.
        bookmarks: Where reading begins; this function does not move them.
    """
    uids_read: set[str] = set()
    tail = selection.tail_lines
    end: float | None = None  # when the step ends although its pod goes on
    while not logs.closed.is_set():
        snapshot = job.snapshot()
        pods = [pod for pod in snapshot.pods if pod.step == selection.step]
        unread = [pod for pod in bookmarks.unread(pods) if pod.uid not in uids_read and pod.container.has_log]
        if tail is not None:
            uids_read.update(pod.uid for pod in unread[:-1])
            unread = unread[-1:]
        if unread:
            pod = unread[0]
            log = ContainerLog(logs, bookmarks.last(pod), tail=tail, since=selection.since)
            yield from _pod_lines(logs, job, pod, log)
            uids_read.add(pod.uid)
        elif snapshot.finished or any(pod.phase == "Succeeded" and not pod.is_node for pod in pods):
            return
        elif pods and pods[-1].main_ended and not pods[-1].ended:
            # The container has ended for good, and its pod goes on: for an init container, or because of a sidecar.
            now = time.monotonic()
            end = end or now + logs.pace.grace
            if now >= end:
                return
            job.wait(snapshot.version, end - now)
        else:
            end = None
            job.wait(snapshot.version, None)
        if snapshot.known:
            tail = None


def _pod_lines(logs: PodLogs, job: _FollowedJob, pod: JobPod, log: ContainerLog) -> Iterator[_Line]:
    """Yield the lines of the main container of a pod until that container has ended for good."""
    from kubeflow.cluster.errors import ClusterError, Invalid, NotFound

    dull = 0  # answers in a row without a new line
    while not logs.closed.is_set():
        snapshot = job.snapshot()
        present = snapshot.pod(pod.uid)
        newest = present or pod
        # Decided before the log is read: then no line can be written after the last reading.
        final = present is None or newest.main_ended or snapshot.finished
        if final:
            log.patience.limit(logs.pace.patience)
        dull += 1
        try:
            for line in log.go_on(newest):
                dull = 0
                yield line, Place.of(pod, log.last)
        except (Invalid, NotFound) as error:  # the container has not started again yet, or the pod is gone
            logger.debug("no log of %s: %s", pod.name, error)
            if final and isinstance(error, NotFound) and not snapshot.finished:
                logger.warning("pod %s was deleted before its log was read to the end", pod.name)
        except ClusterError as error:
            log.trouble(pod, error)
            continue
        if final:
            return
        # The log has ended. Either the pod's status does not say so yet, or its container will be started again.
        running = newest.container.state == "Running"
        pause = backoff(max(dull, 1), first=logs.pace.retry, longest=logs.pace.longest_retry, spread=0)
        job.wait(snapshot.version, pause if running else None)


def _all_steps(
    logs: PodLogs, job: _FollowedJob, selection: LogSelection, steps: Iterable[str], bookmarks: Bookmarks
) -> Iterator[str]:
    """Yield the lines of all steps as they come, each step read by a thread of its own.

    A step that only a pod tells of is read as soon as that pod is known, also while the lines of others keep coming.
    """
    from kubeflow.cluster.errors import ClusterError

    lines: _Queue = queue.Queue(_QUEUED)
    readers: dict[str, _Reader] = {}
    names = list(steps)
    version = -1  # of the feed, when its pods were looked at last
    while not logs.closed.is_set():
        for name in names:
            if name not in readers:
                readers[name] = _Reader(logs, job, replace(selection, step=name), bookmarks, lines)
                readers[name].start()
        try:
            item = lines.get(timeout=0.2)
        except queue.Empty:
            item = None
        if item is not None:
            line, step, place = item
            bookmarks.note(step, place)
            yield line
            if job.feed.version != version:
                version = job.feed.version
                with contextlib.suppress(ClusterError):  # readers meet it too, and their lines come first
                    names = [pod.step for pod in job.snapshot().pods]
            continue
        finished = [reader for reader in readers.values() if reader.finished or not reader.is_alive()]
        errors = [reader.error for reader in finished if reader.error is not None]
        for error in errors:
            if not isinstance(error, ClusterError):  # the log of one step that cannot be read stops no other step
                raise error
        over = len(finished) == len(readers) and lines.empty()
        names = [pod.step for pod in job.snapshot().pods]
        if over and readers.keys() >= set(names):
            if errors:
                raise errors[0]
            return


_Queue = queue.Queue[tuple[str, str, Place | None] | None]  # a line, its step and its place; None wakes the reader up


class _Reader(threading.Thread):
    """Reads the lines of one step.

    Attributes:
        finished: True when there will be no more lines.
        error: What ended the reading; `None` when the step has no more lines.
    """

    def __init__(
        self, logs: PodLogs, job: _FollowedJob, selection: LogSelection, bookmarks: Bookmarks, lines: _Queue
    ) -> None:
        super().__init__(name=f"kubeflow log of {selection.step}", daemon=True)
        self.finished = False
        self.error: BaseException | None = None
        self._logs = logs
        self._step = str(selection.step)
        self._step_lines = _step_lines(logs, job, selection, bookmarks)
        self._queue = lines

    def run(self) -> None:
        """Put all lines of the step into the queue, and `None` at the end, so that the queue's reader looks up."""
        prefix = f"[{self._step}] "
        try:
            for line, place in self._step_lines:
                if not self._put((prefix + text(line), self._step, place)):
                    return
        except BaseException as error:  # noqa: BLE001 - raised where the lines are read
            self.error = error
        self.finished = True
        self._put(None)

    def _put(self, line: tuple[str, str, Place | None] | None) -> bool:
        """Put a line into the queue; return False when the logs were closed before there was room for it."""
        while not self._logs.closed.is_set():
            try:
                self._queue.put(line, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False
