"""What a job's function returned: the same rules on every backend."""

from __future__ import annotations

import warnings

from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.errors import JobNotFinished, NoJobResult


def job_result(backend: Backend, name: str) -> object:
    """Return what the function of job `name` returned; see `TrainerClient.get_job_result`."""
    job = backend.get_job(name)
    if job.status in ("Failed", "Stopped"):
        raise backend.failure(name)
    if job.status != "Complete":
        raise JobNotFinished(name, job.status)
    outcome = backend.outcome(name)
    if outcome is None:
        raise NoJobResult(name, "its rank 0 ended without a word of it, as os._exit() does")
    if outcome.no_result:
        raise NoJobResult(name, outcome.no_result)
    if outcome.note:
        warnings.warn(
            f"The result of job {name!r} is not quite what its function returned: {outcome.note}.", stacklevel=3
        )
    return outcome.result
