"""Up to which line the logs of a job's steps have been read, as text that users keep; see `LogLines.position`.

The order of a log does not change, so that one line of each step is enough to find the place again. Which lines are
written late, have the same time, or come from an earlier life of the container, then does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

from kubeflow.cluster.pods.line_position import Mark, nanoseconds
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod
from kubeflow.trainer.jobs.positions import read_position, refused, write_position

_UID = 8  # characters of a pod's uid: enough to tell the pods of one step apart


class Place(NamedTuple):
    """Where a line stands: in the log of which pod, and where in it."""

    pod: str
    mark: Mark

    @classmethod
    def of(cls, pod: JobPod, mark: Mark | None) -> Place | None:
        """Return the place of the line at `mark`; `None` where lines have no times."""
        return None if mark is None else cls(pod.uid[:_UID], mark)


class Bookmarks:
    """The last line that was read of each step."""

    def __init__(self) -> None:
        self._last: dict[str, Place] = {}
        self._done: dict[str, list[str]] = {}  # pods that were read to their end

    def note(self, step: str, place: Place | None) -> None:
        """Remember that the line at `place` has been read."""
        if place is None:
            return
        known = self._last.get(step)
        if known is not None and known.pod != place.pod:
            self._done.setdefault(step, []).append(known.pod)
        self._last[step] = place

    def last(self, pod: JobPod) -> Mark | None:
        """Return the last line that was read of its step, if that is one of this very pod."""
        place = self._last.get(pod.step)
        return place.mark if place is not None and place.pod == pod.uid[:_UID] else None

    def unread(self, pods: Sequence[JobPod]) -> list[JobPod]:
        """Return the pods that have not been read to their end."""
        return [pod for pod in pods if pod.uid[:_UID] not in self._done.get(pod.step, ())]

    def write(self, job: str) -> str:
        """Return them as text; see `write_position`."""
        state = {
            step: [uid, mark.stamp.decode(), mark.number, *self._done.get(step, ())]
            for step, (uid, mark) in self._last.items()
        }
        return write_position(job, state)

    @classmethod
    def read(cls, position: str, job: str, name: str) -> Bookmarks:
        """Return what `write` wrote.

        Raises:
            InvalidInput: It is no position, or one of another job.
        """
        found = cls()
        for step, entry in read_position(position, job, name).items():
            try:
                found._last[step], found._done[step] = _read(entry)
            except ValueError:
                raise refused(position, name, "it is of another kind of job") from None
        return found


def _read(entry: object) -> tuple[Place, list[str]]:
    items = cast("list[object]", entry) if isinstance(entry, list) else []
    match items[:3]:
        case [str(pod), str(stamp), int(number)]:
            nanoseconds(stamp.encode())
            return Place(pod, Mark(stamp.encode(), number)), [str(uid) for uid in items[3:]]
        case _:
            raise ValueError("no entry of a bookmark")
