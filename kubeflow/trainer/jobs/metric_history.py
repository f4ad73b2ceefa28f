"""The metrics of a job: every value that its function returned, reported or printed, and where each came from."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import overload

from kubeflow.packaging.remote.reports import metrics_of
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.constants import constants
from kubeflow.trainer.errors import NoJobResult
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.jobs.steps import FirstNode
from kubeflow.trainer.types.jobs import TrainJob
from kubeflow.trainer.types.metric_points import MetricPoint

# Katib's grammar is name=value; a colon, quotes around the name, and text that goes on after a full stop are ours.
_BEFORE = r"(?<![\w./|-])"
_NAME = r"[A-Za-z_][\w./|-]*"
_VALUE = r"[\"']?\s*[=:]\s*([+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|nan|inf(?:inity)?))(?!\w|\.\d)"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)(?= )")


@dataclass(frozen=True)
class MetricHistory(Sequence[MetricPoint]):
    """The values of the metrics of a job, those of one metric in the order in which the job gave them.

    Of each metric there is one source besides the returned value: what was reported counts before the status, and that
    before what was printed. So a value that came by several ways is there once.

    Attributes:
        points: The values. What the function returned comes last.
    """

    points: tuple[MetricPoint, ...] = ()

    def __repr__(self) -> str:
        """Return the newest value of each metric, and how many values there are."""
        newest = ", ".join(f"{name}={self.latest(name):.6g}" for name in self.names)
        return f"MetricHistory({newest or 'empty'}; {len(self.points)} values)"

    def __len__(self) -> int:
        return len(self.points)

    @overload
    def __getitem__(self, index: int) -> MetricPoint: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[MetricPoint, ...]: ...

    def __getitem__(self, index: int | slice) -> MetricPoint | tuple[MetricPoint, ...]:
        return self.points[index]

    def __iter__(self) -> Iterator[MetricPoint]:
        return iter(self.points)

    @property
    def names(self) -> list[str]:
        """The metrics, in the order in which they were first given."""
        return list(dict.fromkeys(point.name for point in self.points))

    def of(self, name: str) -> list[MetricPoint]:
        """Return the values of one metric, oldest first; none when the job has not given it."""
        return [point for point in self.points if point.name == name]

    def latest(self, name: str) -> float | None:
        """Return the value that counts at the end: the returned one, else the last; `None` where there is none."""
        values = self.of(name)
        return values[-1].value if values else None


def metric_history(
    backend: Backend, job: TrainJob, wanted: Collection[str] = (), single: str = "loss"
) -> MetricHistory:
    """Return the metrics of a job; see `TrainerClient.get_job_metrics`.

    Args:
        backend: Where the job is.
        job: The job as it is now.
        wanted: Metrics. When all of them are found elsewhere, the logs are not read; empty for all that there are.
        single: What a metric is called that the function returned as nothing but a number.
    """
    returned = _returned(backend, job, single)
    points = list(backend.reports(job.name))
    known = {point.name for point in points}
    points += [point for point in _status(job) if point.name not in known]
    known = {point.name for point in points}
    if not wanted or set(wanted) - known - {point.name for point in returned}:
        lines = backend.get_job_logs(job.name, LogSelection(FirstNode.STEP))
        points += [point for point in printed_metrics(lines, wanted) if point.name not in known]
    return MetricHistory((*points, *returned))


def printed_metrics(lines: Iterable[str], wanted: Collection[str] = ()) -> Iterator[MetricPoint]:
    """Yield the metrics in log lines, as in `epoch 3: loss=0.31 acc: 0.9`.

    Args:
        lines: The lines, which may begin with a time.
        wanted: Only these metrics, whose names may be any text; empty for all whose names are words with `.`, `/`, `-`
            or `|` in them.
    """
    name = "|".join(map(re.escape, sorted(wanted, key=len, reverse=True))) or _NAME
    pattern = re.compile(f"{_BEFORE}({name})(?i:{_VALUE})")  # the case of names counts, that of NaN does not
    for line in lines:
        time = _TIME.match(line)
        when = None if time is None else datetime.fromisoformat(time[0])
        for found in pattern.finditer(line, 0 if time is None else time.end()):
            yield MetricPoint(found[1], float(found[2]), "printed", None, when)


def _returned(backend: Backend, job: TrainJob, single: str) -> list[MetricPoint]:
    if job.status != constants.TRAINJOB_COMPLETE:
        return []
    try:
        outcome = backend.outcome(job.name)
    except NoJobResult:  # what could say it is gone: what was reported and printed is left
        return []
    values = {} if outcome is None or outcome.no_result else metrics_of(outcome.result, single)
    return [MetricPoint(name, value, "returned") for name, value in values.items()]


def _status(job: TrainJob) -> Iterator[MetricPoint]:
    for name, value in job.metrics.items():
        try:
            yield MetricPoint(name, float(value), "status")
        except ValueError:  # a text, which is no metric to compare
            continue
