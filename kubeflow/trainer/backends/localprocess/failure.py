"""Why a local job failed: which rank went first, how, and what it said last."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kubeflow.local.job import JobState, LocalJob, describe_exit
from kubeflow.local.logs import LAUNCHER_LOG, last_lines, rank_log
from kubeflow.trainer.backends.localprocess.launch import TORCHRUN_LOG, Layout
from kubeflow.trainer.errors import JobFailed

if TYPE_CHECKING:
    from kubeflow.packaging import RankError

_LAST_LINES = 20
_EXIT = re.compile(r"rank-(\d+)\.exit")
_SIGNAL = 128  # a shell reports a signal as 128 + its number
_NOTICED = 1.0  # seconds within which the peers of a killed rank may raise before it is recorded


@dataclass(frozen=True, slots=True)
class _RankEnd:
    """How and when a rank ended. `time` is in seconds since the epoch."""

    rank: int
    exit_code: int
    time: float

    @property
    def terminated(self) -> bool:
        return self.exit_code == _SIGNAL + signal.SIGTERM

    @property
    def killed(self) -> bool:
        return self.exit_code > _SIGNAL and not self.terminated

    @property
    def text(self) -> str:
        return describe_exit(_SIGNAL - self.exit_code if self.exit_code > _SIGNAL else self.exit_code)


def explain(job: LocalJob, state: JobState, layout: Layout, outcomes: Path) -> JobFailed:
    """Return the error of a job that is `Failed`.

    Args:
        job: The job.
        state: Its final state.
        layout: Its nodes and ranks.
        outcomes: Where its ranks reported.
    """
    from kubeflow.packaging import read_outcomes

    errors = {outcome.rank: outcome.error for outcome in read_outcomes(outcomes) if outcome.error is not None}
    first = _first(job, state)
    if first is not None:
        return _rank_failed(job, layout.node_of(first.rank), first, errors.get(first.rank))
    node = state.failed_node
    if node is None:  # its user or its deadline ended it
        return JobFailed(job.name, f"{state.reason}.")
    # No rank got to its end: the node never started one, or it was killed as a whole.
    start_error = errors.get(node)
    reason = f"node-{node} could not start: {start_error.message}" if start_error else f"{state.reason}."
    rank = node if layout.num_proc_per_node == 1 else None
    logs = [TORCHRUN_LOG, LAUNCHER_LOG, *([rank_log(rank)] if rank is not None else [])]
    said = (last_lines(job.node_dir(node) / name, _LAST_LINES) for name in logs)
    return JobFailed(job.name, reason, rank=rank, node=node, log=next(filter(None, said), ()))


def _rank_failed(job: LocalJob, node: int, end: _RankEnd, error: RankError | None) -> JobFailed:
    what = f"raised {error}" if error else end.text
    return JobFailed(
        job.name,
        f"rank {end.rank} (node-{node}) {what}.",
        rank=end.rank,
        node=node,
        exception=f"{error.type}: {error.message}" if error else None,
        log=last_lines(job.node_dir(node) / rank_log(end.rank), _LAST_LINES),
    )


def _first(job: LocalJob, state: JobState) -> _RankEnd | None:
    """The rank that failed first, as far as it can be told.

    Launchers TERM the other ranks of a node when one fails, so a rank that TERM ended comes last. The peers of a
    rank that was killed raise when their connection to it breaks, and may be noticed before it. What ended
    after the outcome was decided does not count.
    """
    ends = [end for _, directory in job.node_dirs for end in _ends(directory) if end.time <= state.decided]
    failed = sorted((end for end in ends if end.exit_code), key=lambda end: (end.terminated, end.time))
    if not failed:
        return None
    killed = [end for end in failed if end.killed and end.time <= failed[0].time + _NOTICED]
    return killed[0] if killed else failed[0]


def _ends(directory: Path) -> list[_RankEnd]:
    ends: list[_RankEnd] = []
    for path in directory.iterdir():
        match = _EXIT.fullmatch(path.name)
        text = path.read_text().strip() if match else ""
        if match and text.isdigit():
            ends.append(_RankEnd(int(match[1]), int(text), path.stat().st_mtime))
    return ends
