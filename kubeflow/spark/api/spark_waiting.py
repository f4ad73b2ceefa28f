"""Waiting for a Spark job: the same on every backend."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from kubeflow.core.artifact import Artifact, ArtifactKind
from kubeflow.core.durations import age_text
from kubeflow.core.errors import InvalidInput
from kubeflow.core.job_waiting import check_times, explained, wait_for_job
from kubeflow.core.live import LineText, live_beside, live_display, short_name
from kubeflow.core.status_marks import mark
from kubeflow.spark.backends.spark_backend import SparkBackend
from kubeflow.spark.errors import KIND, NoSparkJobResult, SparkJobNotFinished, SparkJobWaitTimeout
from kubeflow.spark.types.spark_jobs import SPARK_ENDED, SparkJob, SparkJobStatus, spark_statuses
from kubeflow.trainer.jobs.waiting import say_it_goes_on
from kubeflow.trainer.types.loglines import LogLines

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
    progress: bool | None,
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
        with live_display(progress, spark_job_text) as live:
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
                live=live,
            )
    except KeyboardInterrupt:
        say_it_goes_on("waiting", name, KIND)
        raise


def followed_spark_lines(backend: SparkBackend, name: str, lines: LogLines, progress: bool | None) -> LogLines:
    """Return the log lines of a job with its progress below them, where that is shown."""
    beside = live_beside(backend, name, backend.get_job, spark_job_text, progress)
    return lines.when_interrupted(lambda: say_it_goes_on("reading", name, KIND)).with_progress(beside)


def spark_job_text() -> LineText[SparkJob]:
    """Return what puts a job in one line: status, executors that run, attempt, why, age."""

    def parts(job: SparkJob, width: int) -> list[str]:
        ended = job.status in SPARK_ENDED
        return [
            f"{mark(_said(job))} {short_name(job.name, width)} {_said(job)}",
            "" if ended else running(job),
            f"attempt {job.attempts}" if job.attempts > 1 else "",
            job.message,
            "" if ended or job.creation_timestamp is None else f"{age_text(job.creation_timestamp)} so far",
        ]

    def running(job: SparkJob) -> str:
        up = sum(each == "RUNNING" for each in (job.executors or {}).values())
        return f"{up}/{job.num_executors} executors" if job.executors and job.num_executors else ""

    return LineText(parts, lambda job: (job.status, job.attempts, running(job), job.message))


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
