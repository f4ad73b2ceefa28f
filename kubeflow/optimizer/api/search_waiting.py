"""Waiting for a search: deadline, callbacks and failures, the same with every engine."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable

from kubeflow.core.errors import InvalidInput
from kubeflow.core.job_waiting import ShowsJobs
from kubeflow.optimizer.engines.engine import Engine
from kubeflow.optimizer.errors import OptimizationFailed, OptimizationWaitTimeout
from kubeflow.optimizer.types.optimization_types import (
    OPTIMIZATION_STATUSES,
    OptimizationJob,
    OptimizationStatus,
)
from kubeflow.trainer.types.jobs import check_statuses

logger = logging.getLogger(__name__)

# How far a search is: one that is Complete has been Running.
_PROGRESS = {"Created": 0, "Suspended": 0, "Running": 1, "Complete": 2}
_PASSED = {"Created": 0, "Running": 1, "Suspended": 2, "Complete": 2}


def wait_for_search(
    engine: Engine,
    name: str,
    status: OptimizationStatus | Collection[OptimizationStatus],
    *,
    timeout: float,
    polling_interval: float,
    callbacks: Iterable[Callable[[OptimizationJob], None]] = (),
    live: ShowsJobs[OptimizationJob] | None = None,
) -> OptimizationJob:
    """Return the search once it has reached one of `status`; see `OptimizerClient.wait_for_job_status`.

    Args:
        engine: What runs it.
        name: Its name.
        status: The statuses.
        timeout: Seconds to wait at most.
        polling_interval: Seconds between two calls of the callbacks.
        callbacks: Called with the search at each interval, and at the end.
        live: Shows the search at each change; cleared while callbacks are called.
    """
    statuses = _checked(status, timeout, polling_interval)
    if not isinstance(callbacks, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput(f"callbacks takes a list of functions, not {callbacks!r}: write callbacks=[...].")
    deadline, called = time.monotonic() + timeout, tuple(callbacks)
    try:
        with engine.watching(name):
            job, due = engine.get_job(name), 0.0
            while True:
                now = time.monotonic()
                over = _reached(job, statuses)
                ended = over or job.status in ("Failed", "Stopped")
                if ended or now >= due:
                    due = now + polling_interval
                    if live is not None and called:
                        live.clear()
                    for callback in called:
                        callback(job)
                if live is not None:
                    live.show(job)
                if over:
                    return job
                if ended:
                    raise OptimizationFailed(name, job.reason or f"it is {job.status}")
                now = time.monotonic()  # callbacks take time too
                if now >= deadline:
                    raise OptimizationWaitTimeout(name, job.status, statuses, timeout)
                job = engine.next_change(name, job, max(0.0, min(deadline, due) - now))
    except KeyboardInterrupt:
        logger.warning(
            "stopped waiting; search %s goes on. Come back with client.wait_for_job_status(%r), or end it with "
            "client.stop_job(%r).",
            *(name, name, name),
        )
        raise


def _reached(job: OptimizationJob, statuses: Collection[str]) -> bool:
    if job.status in statuses:
        return True
    progress = _PROGRESS.get(job.status, -1)
    return any(wanted in _PASSED and progress >= _PASSED[wanted] for wanted in statuses)


def _checked(
    status: OptimizationStatus | Collection[OptimizationStatus], timeout: float, polling_interval: float
) -> frozenset[OptimizationStatus]:
    known: list[OptimizationStatus] = [each for each in OPTIMIZATION_STATUSES if each != "Unknown"]
    statuses = check_statuses(status, known)
    if not statuses:
        raise InvalidInput(f"status is empty: name at least one of {', '.join(known)}.")
    for field, value in (("timeout", timeout), ("polling_interval", polling_interval)):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidInput(f"{field} is in seconds and must be greater than 0, not {value!r}.")
    return statuses
