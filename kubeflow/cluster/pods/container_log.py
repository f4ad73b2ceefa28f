"""The log lines of one container, through broken connections and restarts: each line once, life after life.

A container life is one run of the container, from a start to its end. The pod's status tells of a restart late: the
kubelet has begun the next life before it reports it, and answers requests for logs with the new life from then on. An
answer therefore counts as the life that was read before only if the last line that was read is in it. Otherwise the log
of the previous container (`previous=true`) tells which lines come in between.
"""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Generator, Iterator
from datetime import datetime

from kubeflow.cluster.errors import ApiError, ClusterError, Invalid, NotFound, StreamBroken
from kubeflow.cluster.pods.line_position import LogAnswer, Mark, whole_seconds, without_time
from kubeflow.cluster.pods.log_requests import PodLogs, refused
from kubeflow.cluster.pods.pod import Pod
from kubeflow.core.log_text import standing
from kubeflow.core.patience import Patience
from kubeflow.core.transport import Unfinished

logger = logging.getLogger(__name__)


class ContainerLog:
    """The log of the main container of a pod, and how far it has been read.

    A kubelet keeps the log of one previous life. Lines of earlier lives that were not read are gone, and a warning is
    logged.

    A request is sent once. After an error that may pass, the caller waits as `trouble` says and reads on.

    Args:
        logs: Where requests go.
        last: The mark of the line that was read last, maybe by another process; `None` before the first line.
        patience: How long failing requests are sent again; several logs may share it. Default: until it is limited.
        tail: Where no line was read before, begin with the last lines of the present life, at most so many.
        since: Leave out lines from before this time.

    Attributes:
        last: The mark of the line that was yielded last.
        patience: As it was given.
    """

    def __init__(
        self,
        logs: PodLogs,
        last: Mark | None = None,
        patience: Patience | None = None,
        *,
        tail: int | None = None,
        since: datetime | None = None,
    ) -> None:
        self.last = last
        self.patience = patience or logs.patience(math.inf)
        self._tail = tail
        self._since = since
        self._early = since is not None  # no line since that time has come yet
        self._logs = logs
        self._restarts = 0  # the restart count at which the previous life was read
        self._told = False  # a failure in this row of failures was logged

    def now(self, pod: Pod) -> Iterator[bytes]:
        """Yield the new lines that there are now, without waiting for more.

        Before the first line, these are the lines of the present life, or of the previous one while the present life
        has no line yet.

        Raises:
            ClusterError: The log could not be read to its end, until patience was over.
        """
        while not self._logs.closed.is_set():
            try:
                yield from self._present(pod, follow=False, orderly=self.last is not None)
            except (Invalid, NotFound) as error:  # the container has not started, or the pod is gone
                logger.debug("no log of %s: %s", pod.name, error)
            except ClusterError as error:
                self.trouble(pod, error)
                continue
            return

    def go_on(self, pod: Pod) -> Generator[bytes]:
        """Yield the new lines of the previous life, then those of the present life until it or the connection ends.

        Args:
            pod: The pod as it was last reported. Only its restart count is relied on: a restart of a container that
                writes nothing shows nowhere else.

        Raises:
            Invalid: The container has not started.
            NotFound: The pod is gone.
            ClusterError: The request failed: see `trouble`, then go on again.
        """
        if pod.container.restarts > self._restarts:
            if not self._tailing:
                yield from self._before(pod)
            self._restarts = pod.container.restarts
        yield from self._present(pod, follow=pod.container.state == "Running", orderly=True)

    def trouble(self, pod: Pod, error: ClusterError) -> None:
        """Wait after a failed request until the next one is due. One failure in a row is logged.

        Raises:
            ClusterError: `error`, when it cannot pass or patience is over.
        """
        pause = (
            None if refused(error) else self.patience.failed(error.retry_after if isinstance(error, ApiError) else None)
        )
        if pause is None:
            raise error
        left = self.patience.left
        again = self.patience.failures > 1
        self._told = self._told and again
        # A connection that breaks is usual under a log that is followed: most are made again at once.
        if not self._told and (again or not isinstance(error, StreamBroken)):
            self._told = True
            how_long = "for as long as its job runs" if math.isinf(left) else f"for up to {left:.0f} s"
            logger.warning(
                "the log of %s cannot be read for now, and is requested again %s: %s", pod.name, how_long, error
            )
        self._logs.closed.wait(pause)

    def _present(self, pod: Pod, *, follow: bool, orderly: bool) -> Generator[bytes]:
        """Yield the new lines of one answer, preceded by the lines of the previous life that were not read.

        A progress bar is yielded as it stands, too, when that has changed. Its last state is yielded once.

        Args:
            pod: The pod.
            follow: True when the answer goes on until the container ends.
            orderly: True when a reading without a last line begins with the previous life.
        """
        last = self.last
        answer = LogAnswer(last)
        settled = last is None and (self._tailing or not orderly)
        bar: bytes | None = None  # the last line as it was yielded when it went on
        with contextlib.closing(self._lines(pod, last, follow=follow)) as lines:
            for line in lines:
                if isinstance(line, Unfinished):
                    if not answer.passed or self._early:
                        continue
                    if not settled and last is None:
                        yield from self._before(pod, line.partition(b"\r")[0])
                    settled = True
                    stands = standing(without_time(line))
                    if stands.strip() and stands != bar:
                        bar = stands
                        yield stands
                    continue
                text = answer.look(line)
                if not settled and (answer.new or answer.doubtful):
                    settled = True
                    if last is None:
                        yield from self._before(pod, answer.first)
                    elif not answer.new:
                        later = yield from self._before(pod, answer.first)
                        answer.passed = answer.new = later or self._is_gone(pod, last)
                    if self._logs.closed.is_set():
                        return
                if answer.new and self._wanted(answer.mark) and standing(text) != bar:
                    yield text
                bar = None
        if answer.first is None or not (answer.passed or settled):
            yield from self._before(pod, answer.first)

    def _before(self, pod: Pod, present: bytes | None = None) -> Generator[bytes, None, bool]:
        """Yield the new lines of the previous life.

        Args:
            pod: The pod.
            present: The first line of the life that is being read, or the beginning of that line. That life may have
                become the previous one by now.

        Returns:
            True when the last line that was read is in the previous life or before it: all of the present life is new.
        """
        if pod.ended and not pod.container.restarts:
            return False  # the status of a pod that has ended is final: there was one life only
        later = False
        last = self.last
        answer = LogAnswer(last)
        found = False  # `last` was found in the previous life
        try:
            with contextlib.closing(self._lines(pod, last, previous=True)) as lines:
                for line in lines:
                    if answer.first is None and present is not None and line.startswith(present):
                        break
                    text = answer.look(line)
                    if last is not None and not found and answer.doubtful:
                        found = self._has(pod, last, previous=True)
                        if not found:
                            answer.passed = answer.new = True
                            logger.warning(
                                "%s was started again more than once since its log was read: "
                                "some of what it said in between may be missing",
                                pod.name,
                            )
                    if answer.new and self._wanted(answer.mark):
                        yield text
                    later = later or answer.passed
        except (Invalid, NotFound) as error:  # there is no previous life, or the pod is gone
            logger.debug("no log of the previous life of %s: %s", pod.name, error)
        return later

    def _is_gone(self, pod: Pod, last: Mark) -> bool:
        """True when a line is no longer in the log of the present life, as when the kubelet has begun a new file."""
        if self._has(pod, last):
            return False
        logger.warning("the last line that was read of %s is gone: what is left of its log comes whole", pod.name)
        return True

    def _has(self, pod: Pod, mark: Mark, *, previous: bool = False) -> bool:
        """True when a line is in a log. A request of its own finds out, which does not wait for lines to come."""
        answer = LogAnswer(mark)
        try:
            with contextlib.closing(self._lines(pod, mark, previous=previous)) as lines:
                for line in lines:
                    answer.look(line)
                    if answer.passed or answer.hopeless:
                        break
        except (Invalid, NotFound) as error:
            logger.debug("no log of %s: %s", pod.name, error)
        return answer.passed

    @property
    def _tailing(self) -> bool:
        """True when the last lines are wanted and none has come yet."""
        return self._tail is not None and self.last is None

    def _lines(self, pod: Pod, last: Mark | None, *, follow: bool = False, previous: bool = False) -> Generator[bytes]:
        """Request the lines from `last` on; without one, from where the reading begins."""
        begin = None if self._since is None else whole_seconds(self._since)
        since = begin if last is None else last.since
        tail = self._tail if last is None else None
        left = self.patience.left
        return self._logs.lines(pod, since, follow=follow, previous=previous, tail=tail, seconds=left)

    def _wanted(self, mark: Mark | None) -> bool:
        """Take a new line as the last one, and return True unless it is from before the time that is wanted."""
        self.last = mark
        self.patience.worked()
        if self._early and mark is not None and self._since is not None:
            self._early = mark.time < self._since
        return not self._early or mark is None
