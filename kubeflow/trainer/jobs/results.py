"""What a job's function returned, and what the job left as its output: the same rules on every backend."""

from __future__ import annotations

import warnings
from dataclasses import replace

from kubeflow.core.artifact import Artifact, ArtifactKind
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.errors import JobNotFinished, NoJobResult


def job_result(backend: Backend, name: str) -> object:
    """Return what the function of job `name` returned; see `TrainerClient.get_job_result`."""
    _check_complete(backend, name, "result")
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


def job_output(backend: Backend, name: str, kind: ArtifactKind | None, output_format: str | None) -> Artifact:
    """Return what job `name` left as its output; see `TrainerClient.get_job_output`."""
    _check_complete(backend, name, "output")
    found = backend.output(name)
    if kind is not None and kind != found.kind:
        found = replace(found, kind=kind)
    return found.with_format(output_format, "format")


def _check_complete(backend: Backend, name: str, wanted: str) -> None:
    job = backend.get_job(name)
    if job.status in ("Failed", "Stopped"):
        raise backend.failure(name)
    if job.status != "Complete":
        raise JobNotFinished(name, job.status, lacks=wanted)
