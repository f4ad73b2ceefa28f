"""Finds TrainJobs by name, and says which names there are when one is missing."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.trainer.v1alpha1 import TrainJob

from kubeflow.cluster.errors import ClusterError, NotFound
from kubeflow.core.errors import InvalidInput
from kubeflow.trainer.backends.kubernetes.connection import Connection
from kubeflow.trainer.backends.kubernetes.lenient import only
from kubeflow.trainer.errors import JobNotFound

# Names that a message can come from: one page.
_LOOKED_AT = 500


def find_job(connection: Connection, name: str) -> TrainJob:
    """Return the TrainJob called `name`: one request, and one more when there is none.

    Raises:
        JobNotFound: With the names that there are.
        InvalidInput: When `name` is no text.
    """
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput(f"name must be the name of a job, as text, not {name!r}.")
    try:
        return connection.jobs.get(name)
    except (NotFound, InvalidInput) as error:  # or a name that no object can have
        raise not_found(connection, name) from error


def not_found(connection: Connection, name: str) -> JobNotFound:
    """Return the error for a job that does not exist; it names others, newest last, if they can be listed."""
    try:
        jobs = sorted(islice(connection.jobs.list(), _LOOKED_AT), key=created)
    except ClusterError:  # what matters is said without the list
        return JobNotFound(name, ())
    return JobNotFound(name, [str(job.metadata.name) for job in jobs if job.metadata is not None])


def created(job: TrainJob) -> datetime:
    """Return when a job was made; long ago for one that does not say."""
    metadata = only(ObjectMeta, job.metadata)
    return only(datetime, metadata and metadata.creation_timestamp) or datetime.min.replace(tzinfo=UTC)
