"""What torchrun says in the log of a container: how its ranks ended, and which lines are its own and nobody's cause.

The kubelet knows how the first process of a container ended, which is torchrun, and it ends with 1 whatever became of
its ranks. A rank that is killed leaves no word of its own; then torchrun's closing summary is all there is.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from kubeflow.core.stdlib import re

_ROOT_CAUSE = "Root Cause (first observed failure):"
_OTHERS = "Failures:"
_RANK = re.compile(r"\s+rank\s+: (\d+) \(local_rank: \d+\)")
_EXIT_CODE = re.compile(r"\s+exitcode\s+: (-?\d+) \(pid: \d+\)")
_TIME = re.compile(r"\s+time\s+: (\d{4}-\d\d-\d\d)_(\d\d:\d\d:\d\d)$")
# Seconds within which peers raise because a rank was killed. torchrun kills who does not end when told to after 30.
_NOTICED = 5

_CLOSING = "torch.distributed.elastic.multiprocessing.errors.ChildFailedError:"
_TRACEBACK = "Traceback (most recent call last):"
_LOGGED = re.compile(r"[IWE]\d{4} \d\d:\d\d:\d\d\.\d+ \d+ torch/distributed/(elastic|launcher|run)\b")
# When the store of node 0 has gone before another node has said goodbye, that one shows where in C++ it noticed.
_STORE = re.compile(r"\[[IWE]\d* (\d\d:\d\d:\d\d\.\d+ )?(TCPStore|socket)\.cpp:\d+\]")
_FRAME = re.compile(r"Exception raised from |frame #\d+: |<omitting python frames>$")


@dataclass(frozen=True, slots=True)
class RankExit:
    """How a rank ended. `rank` is the global one; `exit_code` is negative for a signal."""

    rank: int
    exit_code: int

    @property
    def killed(self) -> bool:
        """Whether a signal ended it that torchrun did not send."""
        return self.exit_code < 0 and self.exit_code != -signal.SIGTERM


def first_exit(lines: Sequence[str]) -> RankExit | None:
    """Return which rank failed first by torchrun's closing summary; `None` if there is none among the lines.

    torchrun looks at its ranks ten times a second, and calls that one first which has the lowest number of those that
    had failed by then. One that was killed is the cause, and those that raised at that time have noticed it.
    """
    at = next((index for index in reversed(range(len(lines))) if lines[index] == _ROOT_CAUSE), None)
    if at is None:
        return None
    before = next((index for index in reversed(range(at)) if lines[index] == _OTHERS), at)
    root = next(_entries(lines[at:]), None)
    if root is None:
        return None
    first, then = root
    others = [found for found, time in _entries(lines[before:at]) if (time - then).total_seconds() < _NOTICED]
    return next((found for found in (first, *others) if found.killed), first)


def without_torchrun(lines: Sequence[str]) -> list[str]:
    """Return the lines that torchrun has not written itself."""
    found: list[str] = []
    store = False
    begin, end = _closing(lines)
    for line in [*lines[:begin], *lines[end:]]:
        store = bool(_STORE.match(line)) or (store and bool(_FRAME.match(line)))
        if not store and not _LOGGED.match(line):
            found.append(line)
    return found


def _closing(lines: Sequence[str]) -> tuple[int, int]:
    """Return where torchrun's traceback and summary begin and end; an empty range if they are not there."""
    last = next((index for index in reversed(range(len(lines))) if lines[index].startswith(_CLOSING)), None)
    if last is None:
        return 0, 0
    begin = next((index for index in reversed(range(last)) if lines[index] == _TRACEBACK), 0)
    borders = [index for index in range(last, len(lines)) if lines[index].startswith("=====")]
    return begin, (borders[1] if len(borders) > 1 else len(lines) - 1) + 1


def _entries(lines: Sequence[str]) -> Iterator[tuple[RankExit, datetime]]:
    time: datetime | None = None
    rank: int | None = None
    for line in lines:
        if match := _TIME.match(line):
            time, rank = datetime.fromisoformat(f"{match[1]}T{match[2]}"), None
        elif match := _RANK.match(line):
            rank = int(match[1])
        elif (match := _EXIT_CODE.match(line)) and time is not None and rank is not None:
            yield RankExit(rank, int(match[1])), time
