"""Why a job of this machine failed: the rank that failed first, its exit code, its exception and its last lines."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubeflow.local.executors.executor import OUT_OF_MEMORY
from kubeflow.local.job.places import Places
from kubeflow.local.job.records import JobRecord, RankRecord, describe_exit
from kubeflow.local.logs.lines import LAUNCHER_LOG, last_lines, rank_log
from kubeflow.trainer.backends.machine.profile import TORCHRUN_LOG
from kubeflow.trainer.diagnosis.first_failure import first_of
from kubeflow.trainer.errors import JobFailed
from kubeflow.trainer.jobs.steps import node_index

if TYPE_CHECKING:
    from kubeflow.packaging import RankError

_LAST_LINES = 20
_NOTICED = 1.0  # seconds within which the peers of a killed rank may raise before it is recorded


@dataclass(frozen=True, slots=True)
class MachineFailure:
    """How a job of this machine failed.

    Attributes:
        reason: What ended the job, in words.
        step: The step that failed first, `None` when no step failed.
        rank: The rank that failed first, `None` when the job failed before or outside of any rank.
        exit_code: Exit code of that rank, or else of that step; negative for a signal.
        error: The exception of that rank.
        log: The last lines of that rank or step.
    """

    reason: str
    step: str | None = None
    rank: int | None = None
    exit_code: int | None = None
    error: RankError | None = None
    log: Sequence[str] = ()

    @property
    def ended_by(self) -> signal.Signals | None:
        """The signal that ended the rank or step; `None` when none did, or when it is not known."""
        number = -(self.exit_code or 0)
        return signal.Signals(number) if number in set(signal.Signals) else None

    def to_error(self, name: str) -> JobFailed:
        """Return this failure as the error of job `name`."""
        return JobFailed(
            name,
            self.reason,
            rank=self.rank,
            node=None if self.step is None else node_index(self.step),
            step=self.step,
            exception=self.error.summary if self.error else None,
            log=self.log,
        )


@dataclass(frozen=True, slots=True)
class _FailedRank:
    record: RankRecord

    @property
    def ended_at(self) -> float:
        return self.record.ended

    @property
    def told_to_end(self) -> bool:
        return self.record.code == -signal.SIGTERM

    @property
    def killed(self) -> bool:
        return self.record.code < 0 and not self.told_to_end


def find_failure(record: JobRecord, ranks: Sequence[RankRecord]) -> MachineFailure:
    """Return why a job that is `Failed` did.

    Args:
        record: The job.
        ranks: How its ranks ended.
    """
    from kubeflow.packaging import read_outcomes

    places = Places(record.directory)
    errors: dict[int | None, RankError] = {
        outcome.rank: outcome.error for outcome in read_outcomes(places.outcomes) if outcome.error is not None
    }
    # A rank that ended after the outcome of the job was decided was ended for that. Where no step failed, so was one
    # that SIGTERM ended: clocks of files are coarse, and it may seem to be the earlier.
    failed = (_FailedRank(end) for end in ranks if end.exit_code and not end.late)
    first = first_of((end for end in failed if record.failed_step or not end.told_to_end), _NOTICED)
    if first is not None:
        return _rank_failed(record, first.record, errors.get(first.record.rank))
    step = record.failed_step
    if step is None:  # its user, its deadline or its supervisor's end ended it
        return MachineFailure(f"{record.reason}.")
    # No rank got to its end: the node never started one, or it was killed as a whole.
    start_error = errors.get(node_index(step))
    reason = f"{step} could not start: {start_error.message}" if start_error else f"{record.reason}."
    directory = places.node(step)
    own = list(directory.glob("rank-*.log"))
    rank = int(own[0].stem.removeprefix("rank-")) if len(own) == 1 else None
    logs = [directory / TORCHRUN_LOG, directory / LAUNCHER_LOG, *([own[0]] if len(own) == 1 else [])]
    said = [last_lines(log, _LAST_LINES) for log in logs]
    node = record.node(step)
    return MachineFailure(
        reason, step, rank, None if node is None else node.exit_code, None, next(filter(None, said), ())
    )


def _rank_failed(record: JobRecord, end: RankRecord, error: RankError | None) -> MachineFailure:
    what = f"raised {error}" if error else describe_exit(end.code)
    if end.code == -signal.SIGKILL and end.node == record.failed_step and OUT_OF_MEMORY in record.reason:
        what += f": {record.reason[record.reason.index(OUT_OF_MEMORY) :]}"
    places = Places(record.directory)
    return MachineFailure(
        f"rank {end.rank} ({end.node}) {what}.",
        end.node,
        end.rank,
        end.code,
        error,
        last_lines(places.node(end.node) / rank_log(end.rank), _LAST_LINES),
    )
