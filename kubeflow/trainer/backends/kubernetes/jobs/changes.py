"""Changes to jobs that exist: suspend, resume, scale, delete. By patch, which is what the shipped edit role allows."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Mapping

from kubeflow_api.trainer import v1alpha1

from kubeflow.cluster.errors import Conflict, NotFound
from kubeflow.cluster.lenient import only, text_map
from kubeflow.core.errors import InvalidInput
from kubeflow.trainer.backends.kubernetes.connection.connection import Connection
from kubeflow.trainer.backends.kubernetes.jobs.lookup import find_job, not_found
from kubeflow.trainer.backends.kubernetes.jobs.pods import list_pods
from kubeflow.trainer.backends.kubernetes.jobs.status import final_status
from kubeflow.trainer.errors import JobWaitTimeout, Unsupported

logger = logging.getLogger(__name__)

_QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
# Minors in which spec.trainer can be changed at all.
_SCALABLE = ("2.0", "2.1")
# Seconds between two looks at something that is being deleted: the first, and the longest.
_LOOK, _LONGEST_LOOK = 0.1, 2.0


def suspend(connection: Connection, name: str) -> None:
    """End the processes of a job and keep it: one read and at most one write; see `Backend.suspend_job`."""
    _set_suspended(connection, name, suspended=True)


def resume(connection: Connection, name: str) -> None:
    """Start a suspended job anew: one read and at most one write; see `Backend.resume_job`."""
    job = _set_suspended(connection, name, suspended=False)
    queue = text_map(job.metadata and job.metadata.labels).get(_QUEUE_LABEL)
    if queue is not None:
        logger.warning("TrainJob %s is of Kueue's queue %s, which decides when it runs.", name, queue)


def scale(connection: Connection, name: str, num_nodes: int) -> None:
    """Change the number of training nodes of a suspended job on Trainer 2.0 and 2.1; see `Backend.scale_job`."""
    again = f"delete it and train again with num_nodes={num_nodes}; from a checkpoint, if its function writes any"
    if connection.minor not in _SCALABLE:
        raise Unsupported(
            f"Kubeflow Trainer {connection.minor} does not let the number of nodes of a job change. To run TrainJob "
            f"{name!r} on {num_nodes} node(s), {again}."
        )
    job = _unfinished(connection, name)
    spec = only(v1alpha1.TrainJobSpec, job.spec)
    if only(bool, spec and spec.suspend) is not True:
        raise Unsupported(
            f"Kubeflow Trainer {connection.minor} looks at the number of nodes only while a job is suspended, and "
            f"TrainJob {name!r} is not: call client.suspend_job({name!r}) first, then scale it, then resume it."
        )
    _patch(connection, name, {"spec": {"trainer": {"numNodes": num_nodes}}})


def delete(connection: Connection, name: str, wait: float | None) -> None:
    """Delete a job, with two requests; see `Backend.delete_job`. What it owns goes after it, in the background."""
    if wait is not None and not wait > 0:
        raise InvalidInput(f"timeout is in seconds and must be greater than 0, not {wait!r}.")
    started = time.monotonic()
    uid = _uid(find_job(connection, name))
    # Gone meanwhile, perhaps by this very request, whose answer got lost; or another has taken its name (Conflict).
    with contextlib.suppress(NotFound, Conflict):
        connection.jobs.delete(name, uid=uid)
    if wait is not None:
        _until_gone(connection, name, uid, started, wait)


def _until_gone(connection: Connection, name: str, uid: str | None, started: float, wait: float) -> None:
    pause = _LOOK
    while True:
        left = _left(connection, name, uid)
        if left is None:
            return
        remaining = started + wait - time.monotonic()
        if remaining <= 0:
            raise JobWaitTimeout(
                name,
                "being deleted",
                ("gone",),
                wait,
                remedy=f"Still there: {left}. Look at what holds it back, such as a finalizer or a pod that does not "
                f"end: kubectl get trainjobs,jobsets,pods -n {connection.namespace}",
            )
        time.sleep(min(pause, remaining))
        pause = min(2 * pause, _LONGEST_LOOK)


def _left(connection: Connection, name: str, uid: str | None) -> str | None:
    """Return what is left of a deleted job, in words; `None` when nothing is."""
    try:
        job = connection.jobs.get(name)
    except NotFound:
        pods = [pod.name for pod in list_pods(connection.transport, connection.namespace, name)]
        return f"pods {', '.join(pods)}" if pods else None
    # Another job may have the name by now, and its pods are not ours to wait for.
    return f"TrainJob {name}" if _uid(job) == uid else None


def _set_suspended(connection: Connection, name: str, *, suspended: bool) -> v1alpha1.TrainJob:
    job = _unfinished(connection, name)
    spec = only(v1alpha1.TrainJobSpec, job.spec)
    if bool(only(bool, spec and spec.suspend)) is not suspended:
        _patch(connection, name, {"spec": {"suspend": suspended}})
    return job


def _unfinished(connection: Connection, name: str) -> v1alpha1.TrainJob:
    job = find_job(connection, name)
    if (ended := final_status(job)) is not None:
        raise InvalidInput(f"TrainJob {name!r} has ended as {ended}: train again to run it once more.")
    return job


def _patch(connection: Connection, name: str, patch: Mapping[str, object]) -> None:
    try:
        connection.jobs.patch(name, patch)
    except NotFound as error:
        raise not_found(connection, name) from error


def _uid(job: v1alpha1.TrainJob) -> str | None:
    return only(str, job.metadata and job.metadata.uid)
