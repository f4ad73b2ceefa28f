"""The last line that was yielded of each step of a job, as text that users keep; see `LogLines.position`.

The order of a container's log does not change, so that one line for each step is enough to find the place again. That
holds also where lines are written late, have the same time, or come from an earlier life of the container.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

from kubeflow.cluster.pods.line_position import Mark, nanoseconds
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod
from kubeflow.trainer.backends.kubernetes.logs.logged_job import LoggedJob
from kubeflow.trainer.jobs.positions import read_position, refused, write_position

_UID = 8  # characters of a pod's uid: enough to tell the pods of one step apart


class Place(NamedTuple):
    """The place of a line: the pod whose log it is in, by the beginning of the pod's uid, and its mark in that log."""

    pod: str
    mark: Mark

    @classmethod
    def of(cls, pod: JobPod, mark: Mark | None) -> Place | None:
        """Return the place of the line at `mark`; `None` where lines have no times."""
        return None if mark is None else cls(pod.uid[:_UID], mark)


class Bookmarks:
    """The place of the last line that was yielded of each step, and the pods whose logs were read to their end."""

    def __init__(self) -> None:
        self._last: dict[str, Place] = {}
        self._finished: dict[str, list[str]] = {}  # by step: pods whose logs were read to their end

    def note(self, step: str, place: Place | None) -> None:
        """Remember `place` as that of the last line of `step`; `None`, for a line without a time, changes nothing."""
        if place is None:
            return
        before = self._last.get(step)
        if before is not None and before.pod != place.pod:
            self._finished.setdefault(step, []).append(before.pod)
        self._last[step] = place

    def last(self, pod: JobPod) -> Mark | None:
        """Return the mark of the last line of the pod's step; `None` if that line is in the log of another pod."""
        place = self._last.get(pod.step)
        return place.mark if place is not None and place.pod == pod.uid[:_UID] else None

    def unread(self, pods: Sequence[JobPod]) -> list[JobPod]:
        """Return those of `pods` whose logs have not been read to their end."""
        return [pod for pod in pods if pod.uid[:_UID] not in self._finished.get(pod.step, ())]

    def write(self, job: LoggedJob) -> str:
        """Return the bookmarks as text; see `write_position`."""
        state = {
            step: [uid, mark.stamp.decode(), mark.number, *self._finished.get(step, ())]
            for step, (uid, mark) in self._last.items()
        }
        return write_position(job.identity, state)

    @classmethod
    def read(cls, position: str, job: LoggedJob) -> Bookmarks:
        """Return the bookmarks that `write` made text of.

        Raises:
            InvalidInput: `position` is no position, or one of another job.
        """
        bookmarks = cls()
        for step, entry in read_position(position, job.identity, job.name, job.kind.called).items():
            try:
                bookmarks._last[step], bookmarks._finished[step] = _read(entry)
            except ValueError:
                raise refused(position, job.name, "it is of another kind of job", job.kind.called) from None
        return bookmarks


def _read(entry: object) -> tuple[Place, list[str]]:
    items = cast("list[object]", entry) if isinstance(entry, list) else []
    match items[:3]:
        case [str(pod), str(stamp), int(number)]:
            nanoseconds(stamp.encode())
            return Place(pod, Mark(stamp.encode(), number)), [str(uid) for uid in items[3:]]
        case _:
            raise ValueError("no entry of a bookmark")
