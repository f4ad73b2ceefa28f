"""What Kueue has made of a job in one of its queues, a Workload: switched off with a job that is stopped for good.

A job of a queue is suspended and resumed by Kueue: one that somebody else has suspended, it starts again. A Workload
with `spec.active: false` is never admitted, and evicted where it was (kubernetes-sigs/kueue, pull request 1252).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from urllib.parse import quote

from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.trainer import v1alpha1

from kubeflow.cluster import wire
from kubeflow.cluster.readings import Found, NotPermitted, reading, served_versions
from kubeflow.core.errors import KubeflowError
from kubeflow.core.resource import MERGE_PATCH
from kubeflow.core.transport import Request
from kubeflow.trainer.backends.kubernetes.connection.connection import Connection
from kubeflow.trainer.constants import constants

_GROUP = "kueue.x-k8s.io"
_VERSION = "v1beta1"  # where these credentials may not ask which versions are served
_JOB_UID = "kueue.x-k8s.io/job-uid"


def queue_of(job: v1alpha1.TrainJob) -> str | None:
    """Return the queue of Kueue that a job names, `None` for none."""
    return wire.strings(job.metadata and job.metadata.labels).get(constants.KUEUE_QUEUE_LABEL)


def set_active(connection: Connection, job: v1alpha1.TrainJob, *, active: bool) -> str | None:
    """Let Kueue start a job or not. Nothing is sent for a job without a queue, else two reads and a write.

    Args:
        connection: The cluster.
        job: The job.
        active: False takes it from the machines, and keeps it from them.

    Returns:
        Why that could not be done, in words; `None` when it is done, when the job has no queue, and when the cluster
        has no Kueue.
    """
    if queue_of(job) is None:
        return None
    match served_versions(connection.transport, _GROUP):
        case Found(versions):
            pass
        case NotPermitted():
            versions = [_VERSION]
        case _:
            return None
    metadata = wire.only(ObjectMeta, job.metadata)
    query = {"labelSelector": f"{_JOB_UID}={metadata and metadata.uid}"}
    for version in versions:
        path = f"/apis/{_GROUP}/{version}/namespaces/{quote(connection.namespace, safe='')}/workloads"
        found = reading(partial(_listed, connection, path, query))
        if not isinstance(found, Found):
            continue
        names = [wire.text(workload, "metadata", "name") for workload in found.value]
        if not names:
            return "Kueue has made no workload of it yet"
        try:
            for name in names:
                _patch(connection, f"{path}/{quote(name, safe='')}", active=active)
        except KubeflowError as error:
            return str(error)
        return None
    return f"these credentials may not see workloads.{_GROUP}"


def _listed(connection: Connection, path: str, query: Mapping[str, str]) -> list[wire.Json]:
    return list(wire.listed(connection.transport, path, query))


def _patch(connection: Connection, path: str, *, active: bool) -> None:
    body = {"spec": {"active": active}}
    connection.transport.send(Request("PATCH", path, body=body, content_type=MERGE_PATCH, repeatable=True))
