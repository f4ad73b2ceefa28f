"""The lines of one container, through breaks and restarts: each once, those of an earlier life before those of a later.

What is known of a container's restarts is always late: its kubelet has begun with the next life before it says so, and
answers from then on with that. So no answer is believed to be of the life that was read before, unless the last line
that was read is in it. Otherwise the life before, as `previous=true` has it, tells which lines come in between.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Generator, Iterator

from kubeflow.cluster.pods.line_position import LogAnswer, Mark
from kubeflow.cluster.pods.log_requests import PodLogs, refused
from kubeflow.cluster.pods.pod import Pod

logger = logging.getLogger(__name__)

_ATTEMPTS = 10  # without a single new line, before an answer that must be read to its end is given up


class ContainerLog:
    """The log of the main container of a pod, and how far it has been read.

    Kubelets keep one life beside the present one: what was said before, and not read then, is gone. A line in the log
    of this process warns of that.

    Args:
        logs: Where requests go.
        last: The line that was read last, maybe by another process, `None` for none.

    Attributes:
        last: The line that was yielded last.
    """

    def __init__(self, logs: PodLogs, last: Mark | None = None) -> None:
        self.last = last
        self._logs = logs
        self._restarts = 0  # of which the life before has been read

    def now(self, pod: Pod) -> Iterator[bytes]:
        """Yield the new lines of what there is now.

        For a reader who knows nothing that is the present life, or the one before as long as it has said nothing.

        Raises:
            ClusterError: The log could not be read to its end, however often it was tried.
        """
        return self._insist(pod, lambda: self._present(pod, follow=False, orderly=self.last is not None))

    def go_on(self, pod: Pod) -> Generator[bytes]:
        """Yield the new lines of the life before, then those of the present one until it or the connection ends.

        Args:
            pod: As it is known now. All that is believed of it is that its container has been started again: of a
                container that says nothing, only the pod can tell.

        Raises:
            Invalid: The container has not started.
            NotFound: The pod is gone.
            ClusterError: The connection broke: go on again.
        """
        if pod.container.restarts > self._restarts:
            yield from self._before(pod)
            self._restarts = pod.container.restarts
        yield from self._present(pod, follow=pod.container.state == "Running", orderly=True)

    def _present(self, pod: Pod, *, follow: bool, orderly: bool) -> Generator[bytes]:
        """Yield the new lines of one answer, preceded by those of the life before that were not read.

        Args:
            pod: The pod.
            follow: Whether the answer goes on until the container ends.
            orderly: Whether a reader who knows nothing begins with the life before.
        """
        last = self.last
        answer = LogAnswer(last)
        settled = last is None and not orderly
        with contextlib.closing(self._logs.lines(pod, _since(last), follow=follow)) as lines:
            for line in lines:
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
                if answer.new:
                    self.last = answer.mark
                    yield text
        if answer.first is None or not (answer.passed or settled):
            yield from self._before(pod, answer.first)

    def _before(self, pod: Pod, present: bytes | None = None) -> Generator[bytes, None, bool]:
        """Yield the new lines of the life before.

        Args:
            pod: The pod.
            present: The first line of the life that is being read, which may have become the life before by now.

        Returns:
            Whether the line that was read last is in that life, or was before it: then all of the present life is new.
        """
        if pod.ended and not pod.container.restarts:
            return False  # what is known of a pod that has ended is all there will ever be
        later = False

        def read() -> Generator[bytes]:
            nonlocal later
            last = self.last
            answer = LogAnswer(last)
            known = False
            with contextlib.closing(self._logs.lines(pod, _since(last), previous=True)) as lines:
                for line in lines:
                    if answer.first is None and line == present:
                        return
                    text = answer.look(line)
                    if last is not None and not known and answer.doubtful:
                        known = self._has(pod, last, previous=True)
                        if not known:
                            answer.passed = answer.new = True
                            logger.warning(
                                "%s was started again more than once since its log was read: "
                                "some of what it said in between may be missing",
                                pod.name,
                            )
                    if answer.new:
                        self.last = answer.mark
                        yield text
                    later = later or answer.passed

        yield from self._insist(pod, read)
        return later

    def _is_gone(self, pod: Pod, last: Mark) -> bool:
        """Whether a line is not in the log of the present life any more, as when the kubelet has begun a new file."""
        if self._has(pod, last):
            return False
        logger.warning("the last line that was read of %s is gone: what is left of its log comes whole", pod.name)
        return True

    def _has(self, pod: Pod, mark: Mark, *, previous: bool = False) -> bool:
        """Whether a line is in a log; asks for it anew, so that it need not be waited for."""

        def read() -> Generator[bytes]:
            answer = LogAnswer(mark)
            with contextlib.closing(self._logs.lines(pod, mark.since, previous=previous)) as lines:
                for line in lines:
                    answer.look(line)
                    if answer.passed:
                        yield line
                    if answer.passed or answer.hopeless:
                        return

        with contextlib.closing(self._insist(pod, read)) as found:
            return next(found, None) is not None

    def _insist(self, pod: Pod, read: Callable[[], Iterator[bytes]]) -> Generator[bytes]:
        """Yield all of an answer, asking again where it breaks; nothing if there is no such log, or none any more."""
        from kubeflow.cluster.errors import ClusterError, Invalid, NotFound

        failures = 0
        while True:
            begun = self.last
            if self._logs.closed.is_set():
                return
            try:
                yield from read()
            except (Invalid, NotFound) as error:  # it has not started, has no life before, or is gone
                logger.debug("no log of %s: %s", pod.name, error)
                return
            except ClusterError as error:
                failures = failures + 1 if self.last == begun else 1
                if refused(error) or failures > _ATTEMPTS:
                    raise
                self._logs.closed.wait(self._logs.backoff(failures))
            else:
                return


def _since(last: Mark | None) -> str | None:
    return last.since if last is not None else None
