"""Changes to jobs that exist: suspend, resume, scale, delete. By patch, which is what the shipped edit role allows."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Mapping

from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.trainer import v1alpha1

from kubeflow.cluster.errors import ApiError, Conflict, NotFound, ServerFault
from kubeflow.cluster.readings import Absent
from kubeflow.cluster.wire import only
from kubeflow.core.errors import InvalidInput
from kubeflow.core.job_waiting import wait_until_gone
from kubeflow.core.transport import Interruption
from kubeflow.trainer.backends.kubernetes.connection.connection import Connection
from kubeflow.trainer.backends.kubernetes.jobs.kueue_workloads import queue_of, set_active
from kubeflow.trainer.backends.kubernetes.jobs.lookup import check_job_name, created, find_job, not_found
from kubeflow.trainer.backends.kubernetes.jobs.pods import list_pods
from kubeflow.trainer.backends.kubernetes.jobs.status import final_status, runtime_key
from kubeflow.trainer.backends.kubernetes.jobs.suspension import refusal_of_resumption, refusal_of_suspension
from kubeflow.trainer.errors import JobWaitTimeout, RuntimeGone, Unsupported

logger = logging.getLogger(__name__)

_WAY_OUT = (
    "For later jobs an administrator writes retentionPolicy: {{whenDeleted: Delete}} into the volumeClaimPolicies of "
    "the runtime {runtime!r}, if it has any."
)

# Minors in which spec.trainer can be changed at all.
_SCALABLE = ("2.0", "2.1")


def suspend(connection: Connection, name: str) -> None:
    """End the processes of a job and keep it; see `Backend.suspend_job`.

    Three reads and at most one write. Where pods go on, up to 25 requests in ten seconds. Where the control plane
    cannot pass the suspension on, it is taken back: the job goes on as before.
    """
    job = _set_suspended(connection, name, suspended=True)
    words = refusal_of_suspension(connection, name, created(job))
    if words is None:
        return
    if not _is_suspended(job):
        _patch(connection, name, {"spec": {"suspend": False}})
    runtime = runtime_key(job)[1]
    raise Unsupported(
        f"TrainJob {name!r} cannot be suspended, and goes on: the control plane cannot change what it has made "
        f"({words.rstrip('.')}). To have its machines, delete it (client.delete_job({name!r})) and train again, from a "
        f"checkpoint if its function writes any. {_WAY_OUT.format(runtime=runtime)}"
    )


def stop(connection: Connection, name: str) -> None:
    """End the processes of a job that has not ended, and keep it; see `Backend.stop_job`. Costs as `suspend`.

    In a queue of Kueue its workload is switched off, with three requests more: else Kueue would start the job again.
    """
    job = find_job(connection, name)
    if final_status(job) is not None:
        return
    in_the_way = set_active(connection, job, active=False)
    try:
        suspend(connection, name)
    except InvalidInput:
        if final_status(find_job(connection, name)) is None:
            raise  # otherwise it has ended meanwhile, by itself
    except Unsupported:  # it goes on
        set_active(connection, job, active=True)
        raise
    if in_the_way is not None:
        logger.warning(
            "TrainJob %s is stopped, and Kueue, whose queue %s it is in, may start it again (%s): to be sure, "
            "client.delete_job(%r).",
            *(name, queue_of(job), in_the_way.rstrip("."), name),
        )


def resume(connection: Connection, name: str) -> None:
    """Start a suspended job anew; see `Backend.resume_job`.

    Two reads and at most one write. In a runtime of which Trainer 2.3 cannot resume jobs, the start is waited for.
    """
    job = _set_suspended(connection, name, suspended=False)
    queue = queue_of(job)
    if queue is not None:
        set_active(connection, job, active=True)  # it may have been stopped
        logger.warning("TrainJob %s is of Kueue's queue %s, which decides when it runs.", name, queue)
        return
    runtime = connection.runtimes.remembered(*runtime_key(job))
    if runtime is None or not runtime.immutable_claims or not _is_suspended(job) or connection.minor != "2.3":
        return
    words = refusal_of_resumption(connection, name, created(job))
    if words is not None:
        _patch(connection, name, {"spec": {"suspend": True}})
        raise Unsupported(
            f"TrainJob {name!r} cannot be resumed, and stays suspended: the control plane cannot change what it has "
            f"made ({words.rstrip('.')}). Delete it (client.delete_job({name!r})) and train again without suspending "
            f"it. {_WAY_OUT.format(runtime=runtime.runtime.name)}"
        )


def scale(connection: Connection, name: str, num_nodes: int) -> None:
    """Change the number of training nodes of a suspended job on Trainer 2.0 and 2.1; see `Backend.scale_job`."""
    again = f"delete it and train again with num_nodes={num_nodes}; from a checkpoint, if its function writes any"
    if connection.minor not in _SCALABLE:
        raise Unsupported(
            f"Kubeflow Trainer {connection.minor} does not let the number of nodes of a job change. To run TrainJob "
            f"{name!r} on {num_nodes} node(s), {again}."
        )
    job = _unfinished(connection, name)
    if not _is_suspended(job):
        raise Unsupported(
            f"Kubeflow Trainer {connection.minor} looks at the number of nodes only while a job is suspended, and "
            f"TrainJob {name!r} is not: call client.suspend_job({name!r}) first, then scale it, then resume it."
        )
    _patch(connection, name, {"spec": {"trainer": {"numNodes": num_nodes}}})


def delete(connection: Connection, name: str, wait: float | None) -> None:
    """Delete a job, with one request; see `Backend.delete_job`. What it owns goes after it, in the background."""
    if wait is not None and not wait > 0:
        raise InvalidInput(f"timeout is in seconds and must be greater than 0, not {wait!r}.")
    check_job_name(name)
    started = time.monotonic()
    try:
        connection.jobs_once.delete(name)
    except (NotFound, InvalidInput) as error:  # or a name that no object can have
        raise not_found(connection, name) from error
    except (Interruption, ServerFault) as error:
        logger.debug("it is not known whether TrainJob %s is deleted: %s", name, error)
        _delete_again(connection, name)
    if wait is not None:
        _until_gone(connection, name, started, wait)


def _delete_again(connection: Connection, name: str) -> None:
    """Delete a job unless it is gone or being deleted. By its uid, so that this may be sent any number of times."""
    # Gone meanwhile, or another has taken its name (Conflict).
    with contextlib.suppress(NotFound, Conflict):
        job = connection.jobs.get(name)
        if not _deleting(job):
            connection.jobs.delete(name, uid=only(str, job.metadata and job.metadata.uid))


def _until_gone(connection: Connection, name: str, started: float, wait: float) -> None:
    def too_late(left: str) -> JobWaitTimeout:
        remedy = (
            f"Still there: {left}. Look at what holds it back, such as a finalizer or a pod that does not end: kubectl "
            f"get trainjobs,jobsets,pods -n {connection.namespace}"
        )
        return JobWaitTimeout(name, "being deleted", ("gone",), wait, remedy=remedy)

    wait_until_gone(lambda: _left(connection, name), too_late, started=started, wait=wait)


def _left(connection: Connection, name: str) -> str | None:
    """Return what is left of a deleted job, in words; `None` when nothing is."""
    try:
        job = connection.jobs.get(name)
    except NotFound:
        pods = [pod.name for pod in list_pods(connection.transport, connection.namespace, name)]
        return f"pods {', '.join(pods)}" if pods else None
    # A job that is not being deleted has taken the name since, and its pods are not ours to wait for.
    return f"TrainJob {name}" if _deleting(job) else None


def _deleting(job: v1alpha1.TrainJob) -> bool:
    metadata = only(ObjectMeta, job.metadata)
    return metadata is not None and metadata.deletion_timestamp is not None


def _set_suspended(connection: Connection, name: str, *, suspended: bool) -> v1alpha1.TrainJob:
    """Return the job as it was before."""
    job = _unfinished(connection, name)
    if _is_suspended(job) is not suspended:
        changed = "suspended" if suspended else "resumed"
        _check_runtime_exists(connection, job, name, changed)
        try:
            _patch(connection, name, {"spec": {"suspend": suspended}})
        except ApiError as error:
            # The words of Trainer's webhook where the runtime is gone, and these credentials may not look for it.
            if "runtimeRef" in error.server_message and "not found" in error.server_message:
                raise RuntimeGone(name, runtime_key(job)[1], changed, ()) from error
            raise
    return job


def _is_suspended(job: v1alpha1.TrainJob) -> bool:
    spec = only(v1alpha1.TrainJobSpec, job.spec)
    return only(bool, spec and spec.suspend) is True


def _check_runtime_exists(connection: Connection, job: v1alpha1.TrainJob, name: str, changed: str) -> None:
    """Refuse to change a job whose runtime is gone: the admission webhooks of Trainer 2.0 to 2.3 refuse it."""
    kind, runtime = runtime_key(job)
    if kind is None or not isinstance(connection.runtimes.look(kind, runtime, within=0), Absent):
        return
    raise RuntimeGone(name, runtime, changed, [known.runtime.name for known in connection.runtimes.load()])


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
