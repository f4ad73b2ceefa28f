"""Creates TrainJobs, with Secrets that go when the job goes, and that are not left behind by a job that is refused."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence

from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.trainer.v1alpha1 import TrainJob

from kubeflow.cluster import wire
from kubeflow.cluster.call_budget import CallBudget
from kubeflow.cluster.errors import AlreadyExists, ClusterError, NotFound
from kubeflow.cluster.readings import Found, reading
from kubeflow.core.resource import MERGE_PATCH, REQUEST_ID, Request, Transport
from kubeflow.trainer.backends.kubernetes.connection.connection import Connection
from kubeflow.trainer.errors import JobExists
from kubeflow.trainer.rendering.credentials import JobSecret

logger = logging.getLogger(__name__)


def submit(connection: Connection, job: TrainJob, secrets: Sequence[JobSecret] = ()) -> TrainJob:
    """Create `job` and return it as the server stored it: one request, and two more for each secret.

    Args:
        connection: The cluster, and the namespace where the job goes.
        job: The job, with a name; it is not changed.
        secrets: Created first, so that nothing is started where they may not be; they go with the job.

    Raises:
        JobExists: The name is taken.
        RuleViolation: A rule of the kind does not hold.
        ClusterError: The server refuses the job, in its own words, or does not answer.
    """
    mark = uuid.uuid4().hex
    aftermath = CallBudget(connection.transport)
    try:
        for secret in secrets:
            _create_secret(connection, secret, _name(job), mark)
        created = _create(connection, job)
    except BaseException:
        for secret in secrets:
            _discard_secret(aftermath, connection.namespace, secret.name, mark)
        raise
    for secret in secrets:
        _hand_over(aftermath, connection.namespace, secret.name, created)
    return created


def _create(connection: Connection, job: TrainJob) -> TrainJob:
    try:
        return connection.jobs.create(job, namespace=connection.namespace)
    except AlreadyExists as error:
        raise JobExists(_name(job)) from error


def _create_secret(connection: Connection, secret: JobSecret, job: str, mark: str) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": secret.name, "labels": {REQUEST_ID: mark}},
        "type": "Opaque",
        "stringData": dict(secret.data),
    }
    path = wire.core_path(connection.namespace, "secrets")
    try:
        connection.transport.send(Request("POST", path, {"fieldValidation": "Strict"}, body, repeatable=True))
    except AlreadyExists:
        # Who may make Secrets need not be allowed to read them: what cannot be read is not known to be ours.
        if reading(lambda: _is_own(connection.transport, connection.namespace, secret.name, mark)) == Found(True):
            return  # sent twice, because the first answer got lost
        if isinstance(reading(lambda: connection.jobs.get(job)), Found):
            raise JobExists(job) from None  # it is the Secret of that one
        raise


def _discard_secret(transport: Transport, namespace: str, name: str, mark: str) -> None:
    try:
        if _is_own(transport, namespace, name, mark):
            transport.send(Request("DELETE", wire.core_path(namespace, "secrets", name), repeatable=True))
    except NotFound:
        return
    except ClusterError as error:
        logger.warning("Secret %s of a job that was not made may be left in namespace %s: %s", name, namespace, error)


def _is_own(transport: Transport, namespace: str, name: str, mark: str) -> bool:
    secret = transport.send(Request("GET", wire.core_path(namespace, "secrets", name)))
    return wire.strings(secret, "metadata", "labels").get(REQUEST_ID) == mark


def _hand_over(transport: Transport, namespace: str, name: str, job: TrainJob) -> None:
    """Make the job the owner of its Secret, so that the cluster deletes the one with the other."""
    metadata = job.metadata or ObjectMeta()
    owner = {"apiVersion": job.api_version, "kind": job.kind, "name": metadata.name, "uid": metadata.uid}
    patch = {"metadata": {"ownerReferences": [owner]}}
    path = wire.core_path(namespace, "secrets", name)
    try:
        transport.send(Request("PATCH", path, {}, patch, MERGE_PATCH, repeatable=True))
    except ClusterError as error:  # the job runs; only its end will leave something behind
        logger.warning("Secret %s stays when TrainJob %s is deleted; delete it by hand: %s", name, metadata.name, error)


def _name(job: TrainJob) -> str:
    return str(job.metadata.name) if job.metadata is not None else ""
