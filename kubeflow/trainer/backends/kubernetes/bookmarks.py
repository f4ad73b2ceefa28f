"""Up to which line the logs of a job's steps have been read, as text that users keep; see `LogLines.position`.

The kubelet's order of a log does not change, so that one line is enough to find the place again: its time, and how many
of that time were read. Which lines are written late, or have the same time, then does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

from kubeflow.trainer.backends.kubernetes.pods import Pod
from kubeflow.trainer.backends.kubernetes.position import Position, nanoseconds
from kubeflow.trainer.positions import read_position, refused, write_position

_UID = 8  # characters of a pod's uid: enough to tell the pods of one step apart


class Place(NamedTuple):
    """Where a line stands.

    Attributes:
        pod: Identity of its pod.
        instance: How often the container had been started again, as far as that was told then.
        stamp: When it was written, in the kubelet's words.
        number: Which of the lines of that time it is, from 1.
    """

    pod: str
    instance: int
    stamp: bytes
    number: int

    @classmethod
    def of(cls, pod: Pod, instance: int, position: Position) -> Place | None:
        """Return where the line stands that was last taken at `position`; `None` where lines have no times."""
        return None if position.latest is None else cls(pod.uid[:_UID], instance, *position.latest)

    def of_pod(self, pod: Pod) -> bool:
        """Whether it is in the log of `pod`."""
        return self.pod == pod.uid[:_UID]


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

    def last(self, step: str) -> Place | None:
        """Return where the last line of `step` that was read stands."""
        return self._last.get(step)

    def unread(self, pods: Sequence[Pod]) -> list[Pod]:
        """Return the pods that have not been read to their end."""
        return [pod for pod in pods if pod.uid[:_UID] not in self._done.get(pod.step, ())]

    def write(self, job: str) -> str:
        """Return them as text; see `write_position`."""
        state = {
            step: [place.pod, place.instance, place.stamp.decode(), place.number, *self._done.get(step, ())]
            for step, place in self._last.items()
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
    match items[:4]:
        case [str(pod), int(instance), str(stamp), int(number)]:
            nanoseconds(stamp.encode())
            return Place(pod, instance, stamp.encode(), number), [str(uid) for uid in items[4:]]
        case _:
            raise ValueError("no entry of a bookmark")
