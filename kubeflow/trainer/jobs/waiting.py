"""Waiting for a job: the same deadline, callbacks and failures on every backend."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

from kubeflow.core.errors import InvalidInput
from kubeflow.core.job_waiting import check_times, explained, wait_for_job
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.errors import JobWaitTimeout
from kubeflow.trainer.types.jobs import AWAITABLE, AwaitableStatus, JobStatus, TrainJob, check_statuses
from kubeflow.trainer.types.loglines import LogLines

if TYPE_CHECKING:
    from kubeflow.core.live import LineText

logger = logging.getLogger(__name__)

# How far a job is when it has a status: one that is Complete has been Running, whether or not anyone looked.
_PROGRESS: dict[JobStatus, int] = {"Created": 0, "Suspended": 0, "Running": 1, "Complete": 2}
# From where on waiting for a status is over. A job that runs may yet be suspended, one that is complete will not.
_PASSED: dict[AwaitableStatus, int] = {"Created": 0, "Running": 1, "Suspended": 2, "Complete": 2}
_ENDED: tuple[JobStatus, ...] = ("Failed", "Stopped")


def wait_for_status(
    backend: Backend,
    name: str,
    status: AwaitableStatus | Collection[AwaitableStatus],
    *,
    timeout: float,
    polling_interval: float,
    callbacks: Iterable[Callable[[TrainJob], None]] = (),
    progress: bool | None = False,
) -> TrainJob:
    """Return the job once it has reached one of `status`; see `TrainerClient.wait_for_job_status`."""
    from kubeflow.core.live import live_display

    statuses = _checked(status, timeout, polling_interval)
    try:
        with live_display(progress, _job_text) as live:
            return wait_for_job(
                backend,
                name,
                backend.get_job,
                reached=lambda job: _reached(job, statuses),
                failed=lambda job: job.status in _ENDED,
                too_late=lambda job: JobWaitTimeout(
                    name, job.status, statuses, timeout, explanation=explained(lambda: backend.diagnose(name))
                ),
                timeout=timeout,
                polling_interval=polling_interval,
                callbacks=callbacks,
                live=live,
            )
    except KeyboardInterrupt:
        say_it_goes_on("waiting", name)
        raise


def followed_lines(backend: Backend, name: str, lines: LogLines, progress: bool | None) -> LogLines:
    """Return the log lines of a job with its progress below them, where that is shown."""
    from kubeflow.core.live import live_beside

    beside = live_beside(backend, name, backend.get_job, _job_text, progress)
    return lines.when_interrupted(lambda: say_it_goes_on("reading", name)).with_progress(beside)


def say_it_goes_on(stopped: str, name: str, kind: str = "TrainJob") -> None:
    """Log that a job goes on although its user has stopped waiting, or reading, with Ctrl-C; and how to come back."""
    logger.warning(
        "stopped %s; %s %s goes on. Come back with client.wait_for_job_status(%r), read along with "
        "client.get_job_logs(%r, follow=True), or end it with client.delete_job(%r).",
        *(stopped, kind, name, name, name, name),
    )


def _job_text() -> LineText[TrainJob]:
    from kubeflow.trainer.jobs.job_progress import job_text

    return job_text()


def _reached(job: TrainJob, status: Collection[AwaitableStatus]) -> bool:
    if job.status in status:
        return True
    progress = _PROGRESS.get(job.status, -1)
    return any(wanted in _PASSED and progress >= _PASSED[wanted] for wanted in status)


def _checked(
    status: AwaitableStatus | Collection[AwaitableStatus], timeout: float, polling_interval: float
) -> frozenset[AwaitableStatus]:
    statuses = check_statuses(status, AWAITABLE)
    if not statuses:
        raise InvalidInput(f"status is empty: name at least one of {', '.join(AWAITABLE)}.")
    check_times(timeout, polling_interval)
    return statuses
