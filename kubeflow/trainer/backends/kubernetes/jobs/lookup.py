"""Finds TrainJobs by name, and says which names there are when one is missing, or that their namespace is."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from itertools import islice
from urllib.parse import quote

from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.trainer.v1alpha1 import TrainJob

from kubeflow.cluster.errors import ClusterError, Forbidden, NotFound
from kubeflow.cluster.wire import only
from kubeflow.core.errors import InvalidInput
from kubeflow.core.resource import Request
from kubeflow.trainer.backends.kubernetes.connection.connection import Connection
from kubeflow.trainer.constants import constants
from kubeflow.trainer.errors import JobNotFound

# Names that a message can come from: one page.
_LOOKED_AT = 500


def jobs_path(namespace: str) -> str:
    """Return the path of the TrainJobs of `namespace`."""
    return f"/apis/{constants.API_VERSION}/namespaces/{quote(namespace, safe='')}/{constants.TRAINJOB_PLURAL}"


def find_job(connection: Connection, name: str) -> TrainJob:
    """Return the TrainJob called `name`: one request, and one more when there is none.

    Raises:
        JobNotFound: With the names that there are.
        InvalidInput: When `name` is no text.
    """
    check_job_name(name)
    try:
        return connection.jobs.get(name)
    except (NotFound, InvalidInput) as error:  # or a name that no object can have
        raise not_found(connection, name) from error


def check_job_name(name: str) -> None:
    """Refuse a name that is no text.

    Raises:
        InvalidInput: It is none.
    """
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput(f"name must be the name of a job, as text, not {name!r}.")


def not_found(connection: Connection, name: str) -> JobNotFound:
    """Return the error for a job that does not exist; it names others, newest last, if they can be listed.

    Where there are none, it says whether that is because there is no such namespace: one request more.
    """
    where = f"in namespace {connection.namespace!r}"
    try:
        jobs = sorted(islice(connection.jobs.list(), _LOOKED_AT), key=created)
        if not jobs:
            check_namespace_exists(connection)
    except NotFound:
        return JobNotFound(name, (), where=f"{where}, because there is no such namespace")
    except ClusterError as error:  # what matters is said without the list
        return JobNotFound(name, (), where=where, unseen=str(error))
    return JobNotFound(name, [str(job.metadata.name) for job in jobs if job.metadata is not None], where=where)


def check_namespace_exists(connection: Connection) -> None:
    """Refuse a namespace that does not exist: a server takes it for an empty one. At most one request for a client.

    Raises:
        NotFound: There is no such namespace, and these credentials may know it.
    """
    if connection.namespace_seen:
        return
    with contextlib.suppress(Forbidden):  # whoever may only look into the namespace is told nothing of it
        connection.transport.send(Request("GET", f"/api/v1/namespaces/{quote(connection.namespace, safe='')}"))
    connection.namespace_seen = True


def created(job: TrainJob) -> datetime:
    """Return when a job was made; long ago for one that does not say."""
    metadata = only(ObjectMeta, job.metadata)
    return only(datetime, metadata and metadata.creation_timestamp) or datetime.min.replace(tzinfo=UTC)
