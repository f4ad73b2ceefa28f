"""A Spark job of this machine, shown as users see jobs."""

from __future__ import annotations

from collections.abc import Iterable

from kubeflow.local.job.records import JobEvent, JobPhase, JobRecord
from kubeflow.spark.backends.localspark.local_details import read_local_details
from kubeflow.spark.types.spark_jobs import SparkJob, SparkJobStatus
from kubeflow.trainer.backends.machine.job_view import shown_events
from kubeflow.trainer.types.jobs import Event

DRIVER = "driver"
"""The step of a job, which is all that it has."""
JOB_KIND = "SparkApplication"

_STATUS: dict[JobPhase, SparkJobStatus] = {
    "Created": SparkJobStatus.CREATED,
    "Running": SparkJobStatus.RUNNING,
    "Suspended": SparkJobStatus.SUSPENDED,
    "Complete": SparkJobStatus.COMPLETED,
    "Failed": SparkJobStatus.FAILED,
    "Stopped": SparkJobStatus.FAILED,
}


def local_spark_job(record: JobRecord) -> SparkJob:
    """Return the job as it was when it was read from the store."""
    details = read_local_details(record.details)
    return SparkJob(
        name=record.name,
        namespace="",
        status=_STATUS[record.phase],
        creation_timestamp=record.created,
        num_executors=details.executors,
        driver_pod_name=process_of(record),
        message=record.reason,
        attempts=0 if record.phase in ("Created", "Suspended") else 1,
        executors={},
    )


def process_of(record: JobRecord) -> str | None:
    """Return the process of the driver, as `"pid 4242"`; `None` before it has started."""
    node = record.node(DRIVER)
    return None if node is None or not node.id else f"pid {node.id}"


def local_events(record: JobRecord, events: Iterable[JobEvent]) -> list[Event]:
    """Return events as users see them."""

    def involved(step: str | None) -> tuple[str, str]:
        return (JOB_KIND, record.name) if step is None else ("Process", f"{record.name}-{step}")

    return shown_events(events, involved)
