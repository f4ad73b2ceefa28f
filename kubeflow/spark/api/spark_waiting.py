"""Waiting for a Spark job: the same on every backend."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from kubeflow.core.artifact import Artifact, ArtifactKind
from kubeflow.core.errors import InvalidInput
from kubeflow.core.job_waiting import check_times, explained, wait_for_job
from kubeflow.spark.backends.spark_backend import SparkBackend
from kubeflow.spark.errors import KIND, NoSparkJobResult, SparkJobNotFinished, SparkJobWaitTimeout
from kubeflow.spark.types.spark_jobs import SparkJob, SparkJobStatus, spark_statuses
from kubeflow.trainer.jobs.waiting import say_it_goes_on

_STATUS = SparkJobStatus
# From where on waiting for a status is over, whether or not anyone looked while the job was there.
_IMPLIED = {
    _STATUS.RUNNING: {_STATUS.CREATED},
    _STATUS.RETRYING: {_STATUS.CREATED, _STATUS.RUNNING},
    _STATUS.COMPLETED: {_STATUS.CREATED, _STATUS.RUNNING, _STATUS.RETRYING, _STATUS.SUSPENDED},
}


def wait_for_spark_job(
    backend: SparkBackend,
    name: str,
    status: object,
    *,
    timeout: float,
    polling_interval: float,
    callbacks: Sequence[Callable[[SparkJob], None]],
) -> SparkJob:
    """Return the job once it has reached one of `status`; see `SparkClient.wait_for_job_status`."""
    awaited = spark_statuses(status)
    if not awaited:
        raise InvalidInput("status is empty: name at least one, like SparkJobStatus.COMPLETED.")
    check_times(timeout, polling_interval)

    def too_late(job: SparkJob) -> Exception:
        named = [each.value for each in awaited]
        return SparkJobWaitTimeout(
            name, _said(job), named, timeout, explanation=explained(lambda: backend.explain(name))
        )

    try:
        return wait_for_job(
            backend,
            name,
            backend.get_job,
            reached=lambda job: _reached(job, awaited),
            failed=lambda job: job.status is _STATUS.FAILED,
            too_late=too_late,
            timeout=timeout,
            polling_interval=polling_interval,
            callbacks=callbacks,
        )
    except KeyboardInterrupt:
        say_it_goes_on("waiting", name, KIND)
        raise


def spark_job_output(backend: SparkBackend, name: str, kind: ArtifactKind | None, form: str | None) -> Artifact:
    """Return what job `name` left behind; see `SparkClient.get_job_output`."""
    job = backend.get_job(name)
    if job.status is _STATUS.FAILED:
        raise backend.failure(name)
    if job.status is not _STATUS.COMPLETED:
        raise SparkJobNotFinished(name, _said(job), lacks="output")
    output = backend.output(name)
    if kind is not None:
        output = replace(output, kind=kind)
    return output.with_format(form, "format")


def spark_job_result(backend: SparkBackend, name: str) -> object:
    """Return what the function of job `name` returned; see `SparkClient.get_job_result`."""
    job = backend.get_job(name)
    if job.status is _STATUS.FAILED:
        raise backend.failure(name)
    if job.status is not _STATUS.COMPLETED:
        raise SparkJobNotFinished(name, _said(job))
    outcome = backend.outcome(name)
    if outcome is None:
        raise NoSparkJobResult(name, "its driver ended without a word of it, as os._exit() and programs of a jar do")
    if outcome.no_result:
        raise NoSparkJobResult(name, outcome.no_result)
    if outcome.note:
        warnings.warn(
            f"The result of Spark job {name!r} is not quite what its function returned: {outcome.note}.", stacklevel=3
        )
    return outcome.result


def _said(job: SparkJob) -> str:
    return _STATUS.UNKNOWN.value if job.status is None else job.status.value


def _reached(job: SparkJob, awaited: Collection[SparkJobStatus]) -> bool:
    if job.status is None:
        return False
    return job.status in awaited or not _IMPLIED.get(job.status, set()).isdisjoint(awaited)
