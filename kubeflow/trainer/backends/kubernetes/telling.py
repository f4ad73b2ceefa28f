"""What a job and those around it have to say: its logs, its events, how it ended, and why it is where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubeflow.cluster.lenient import only
from kubeflow.trainer.backends.kubernetes.connection.connection import Connection
from kubeflow.trainer.backends.kubernetes.diagnosis import explanation
from kubeflow.trainer.backends.kubernetes.diagnosis.job_events import Family, job_events
from kubeflow.trainer.backends.kubernetes.jobs.lookup import created, find_job
from kubeflow.trainer.backends.kubernetes.jobs.status import runtime_key
from kubeflow.trainer.backends.kubernetes.jobs.views import get_job, pods_of, shown
from kubeflow.trainer.backends.kubernetes.logs.job_logs import read
from kubeflow.trainer.diagnosis.diagnosis import Diagnosis
from kubeflow.trainer.errors import JobFailed
from kubeflow.trainer.types.jobs import Event
from kubeflow.trainer.types.loglines import LogLines

if TYPE_CHECKING:
    from kubeflow_api.trainer import v1alpha1

    from kubeflow.packaging import RankOutcome


def job_logs(connection: Connection, name: str, step: str | None, follow: bool, after: str | None) -> LogLines:
    """Check the arguments at once, with two requests, then yield lines as they come; see `Backend.get_job_logs`."""
    job = get_job(connection, name)
    return read(
        connection.transport,
        connection.namespace,
        name,
        step=step,
        steps=[known.name for known in job.steps],
        since=job.creation_timestamp,
        follow=follow,
        after=after,
    )


def events(connection: Connection, name: str) -> list[Event]:
    """Return what happened to a job and to all that belongs to it, oldest first; see `Backend.get_job_events`."""
    job = find_job(connection, name)
    runtime = connection.runtimes.remembered(*runtime_key(job))
    family = Family(
        name,
        uid=only(str, job.metadata and job.metadata.uid) or "",
        created=created(job),
        pods=pods_of(connection, name) or (),
        replicated_jobs=[part.name for part in runtime.parts] if runtime is not None else (),
    )
    return job_events(connection.transport, connection.namespace, family)


def failure(connection: Connection, name: str) -> JobFailed:
    """Return why a job failed; see `Backend.failure`."""
    job = find_job(connection, name)
    return explanation.failure(connection.transport, connection.namespace, job.to_dict())


def outcome(connection: Connection, name: str) -> RankOutcome | None:
    """Return how rank 0 ended, by its own word; see `Backend.outcome`."""
    job = find_job(connection, name)
    return explanation.outcome(connection.transport, connection.namespace, job.to_dict())


def diagnose(connection: Connection, name: str, job: v1alpha1.TrainJob | None = None) -> Diagnosis:
    """Return why a job is where it is; see `Backend.diagnose`.

    Args:
        connection: The cluster.
        name: The job.
        job: The same as it is now, if that is known already, which saves a request.
    """
    job = job or find_job(connection, name)
    pods = pods_of(connection, name)
    view = shown(connection, job, pods)
    return explanation.diagnose(connection.transport, connection.namespace, job.to_dict(), view, pods)
