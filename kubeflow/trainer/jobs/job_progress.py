"""How far a job is, in one line: status, percent, time left, nodes that run, newest metrics."""

from __future__ import annotations

from datetime import UTC, datetime

from kubeflow.core.display import values_line
from kubeflow.core.durations import age_text, duration_text
from kubeflow.core.live import LineText, short_name
from kubeflow.core.status_marks import mark
from kubeflow.trainer.constants import constants
from kubeflow.trainer.jobs.steps import INITIALIZERS
from kubeflow.trainer.types.jobs import TrainJob

_ENDED = ("Complete", "Failed", "Stopped")
_METRICS = 3  # newest metrics that have room


def job_text() -> LineText[TrainJob]:
    """Return what puts a job in one line. A tenth of the way, a node more and another status are news."""
    return LineText(job_parts, lambda job: (job.status, _nodes(job), (job.progress or 0) // 10))


def job_parts(job: TrainJob, width: int, now: datetime | None = None) -> list[str]:
    """Return what a line says of a job, the most telling first.

    Args:
        job: The job.
        width: Columns of the line.
        now: When it is said. Default: this moment.
    """
    moment = datetime.now(UTC) if now is None else now
    ended = job.status in _ENDED
    left = None if ended else time_left(job, moment)
    metrics = dict(list(job.metrics.items())[:_METRICS])
    return [
        f"{mark(job.status)} {short_name(job.name, width)} {job.status}",
        "" if job.progress is None else f"{job.progress} %",
        "" if left is None else f"about {duration_text(left)} left",
        "" if ended else _nodes(job),
        values_line(metrics),
        *job.notes[:1],
        "" if ended else f"{age_text(job.creation_timestamp, moment)} so far",
    ]


def time_left(job: TrainJob, now: datetime) -> float | None:
    """Return the seconds that a job will still take: as it says itself, else by its percent; `None` where it says none.

    Args:
        job: The job; by its percent, it counts from the time when it was made.
        now: The time.
    """
    if job.status != constants.TRAINJOB_RUNNING:
        return None
    if job.estimated_remaining_seconds is not None:
        return float(job.estimated_remaining_seconds)
    if not job.progress:
        return None
    taken = max(0.0, (now - job.creation_timestamp).total_seconds())
    return taken * (100 - min(job.progress, 100)) / job.progress


def _nodes(job: TrainJob) -> str:
    running = [step.name for step in job.steps if step.status == "Running"]
    fetching = [name for name in running if name in INITIALIZERS]
    if fetching:
        return f"{fetching[0]} runs"
    return f"{len(running)}/{job.num_nodes} nodes" if job.status == constants.TRAINJOB_RUNNING else ""
