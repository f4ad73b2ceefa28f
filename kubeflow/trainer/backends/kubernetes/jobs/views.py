"""Jobs of a cluster as they are now: one of them, or all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from kubeflow.cluster import wire
from kubeflow.cluster.ahead import ahead
from kubeflow.cluster.errors import Forbidden, Invalid
from kubeflow.cluster.pods.pod import pods_path
from kubeflow.cluster.readings import Absent, Found, NotPermitted, NotServed, ReadFailed, Reading, Unseen
from kubeflow.core import selector
from kubeflow.core.errors import InvalidInput
from kubeflow.core.paging import pages
from kubeflow.trainer.backends.kubernetes.connection.connection import Connection
from kubeflow.trainer.backends.kubernetes.jobs.listing import PAGE, listed_jobs
from kubeflow.trainer.backends.kubernetes.jobs.lookup import find_job
from kubeflow.trainer.backends.kubernetes.jobs.pods import JOB_LABEL, JobPod, list_pods, read_pods
from kubeflow.trainer.backends.kubernetes.jobs.status import final_status, job_view, runtime_key
from kubeflow.trainer.runtimes.known_runtimes import KnownRuntime
from kubeflow.trainer.types.jobs import TrainJob
from kubeflow.trainer.types.runtimes import RuntimeKind

if TYPE_CHECKING:
    from kubeflow_api.trainer import v1alpha1

logger = logging.getLogger(__name__)

_RECENT = 2.0  # seconds


def get_job(connection: Connection, name: str) -> TrainJob:
    """Return one job: a request for it, and one for its pods.

    One more asks for its runtime, where that was not read in the last minute, or in the last seconds for a job of which
    nothing runs: it matters then whether its runtime still exists.

    Raises:
        JobNotFound: With names like it.
    """
    job = find_job(connection, name)
    pods = pods_of(connection, name)
    look_at_runtime(connection, job, pods, within=_RECENT)
    return shown(connection, job, pods)


def look_at_runtime(
    connection: Connection, job: v1alpha1.TrainJob, pods: Sequence[JobPod] | None, *, within: float = 0
) -> Reading[KnownRuntime] | None:
    """Return what comes of reading the runtime of a job: at most one request. `None` for a runtime of another API.

    Args:
        connection: The cluster; it remembers the runtime.
        job: The job.
        pods: Its pods; `None` when they could not be read.
        within: Seconds for which a runtime is taken to be as it was read, where nothing of the job runs. Else a minute.
    """
    kind, name = runtime_key(job)
    if kind is None:
        return None
    waits = pods is not None and not pods and final_status(job) is None
    return connection.runtimes.look(kind, name, within=within) if waits else connection.runtimes.look(kind, name)


def restarting_ttl(connection: Connection, runtime: Reading[KnownRuntime] | None) -> int | None:
    """Return after how many seconds the control plane starts a failed job of a runtime again; `None` for never.

    Trainer 2.3.0 makes the JobSet of a failed job anew when the TTL of the runtime has removed it (measured; fixed
    upstream after 2.3.0). Sends a request only where a runtime has a TTL and the minor is not known yet.
    """
    if not isinstance(runtime, Found) or runtime.value.ttl_seconds is None:
        return None
    return runtime.value.ttl_seconds if connection.minor == "2.3" else None


def list_jobs(connection: Connection, label_selector: str | None = None) -> list[TrainJob]:
    """Return the jobs whose labels match, oldest first; for requests see `listed_jobs`, and one for each `PAGE` pods.

    Where a job names a runtime that is not known yet, the runtimes of that kind are read anew, once.

    Raises:
        InvalidInput: When `label_selector` is none.
    """
    selector.matcher(label_selector)
    read_anew: dict[RuntimeKind, Absent | Unseen] = {}

    def view(job: v1alpha1.TrainJob) -> TrainJob:
        kind, runtime = runtime_key(job)
        if kind is not None and not connection.runtimes.heard_of(kind, runtime):
            if kind not in read_anew:
                read_anew[kind] = connection.runtimes.reload(kind)
            connection.runtimes.note(kind, runtime, read_anew[kind])
        name = str(job.metadata.name) if job.metadata is not None else ""
        return shown(connection, job, None if pods is None else pods.get(name, ()))

    # Jobs and pods are read at the same time. Each job is let go as soon as it has been looked at: it may carry a
    # megabyte of code.
    query = {"labelSelector": JOB_LABEL, "limit": str(PAGE)}
    pages_of_pods = ahead(pages(connection.transport, pods_path(connection.namespace), query))
    try:
        jobs = listed_jobs(connection, label_selector, view)
        found = _if_permitted(lambda: read_pods(pod for page in pages_of_pods for pod in wire.objects(page, "items")))
        pods = None if found is None else {job: list(own) for job, own in groupby(found, lambda pod: pod.job)}
        views = list(jobs)
    except Invalid as error:
        if label_selector is None:
            raise
        raise InvalidInput(f"label_selector={label_selector!r} is none: {error.server_message}") from error
    return sorted(views, key=lambda view: (view.creation_timestamp, view.name))


def shown(connection: Connection, job: v1alpha1.TrainJob, pods: Sequence[JobPod] | None) -> TrainJob:
    """Return what users see of `job`, with its runtime as it was last read."""
    key = runtime_key(job)
    match connection.runtimes.problem(*key):
        case None:
            problem = ""
        case Absent():
            problem = "does not exist any more"
        case NotPermitted() | NotServed() | ReadFailed():
            problem = "cannot be seen"
    return job_view(job, pods, connection.runtimes.remembered(*key), problem)


def known_runtime_of(connection: Connection, job: v1alpha1.TrainJob) -> KnownRuntime | None:
    """Return the runtime of a job as it was last read; one that was never read is looked for, once in a minute."""
    learn_runtime(connection, job)
    return connection.runtimes.remembered(*runtime_key(job))


def learn_runtime(connection: Connection, job: v1alpha1.TrainJob) -> bool:
    """Read the runtime of a job if it was never read, once in a minute. Returns True when it is known since now."""
    kind, name = runtime_key(job)
    if kind is None or connection.runtimes.heard_of(kind, name):
        return False
    return isinstance(connection.runtimes.look(kind, name), Found)


def pods_of(connection: Connection, job: str) -> list[JobPod] | None:
    """Return the pods of a job; `None` when these credentials may not list pods."""
    return _if_permitted(lambda: list_pods(connection.transport, connection.namespace, job))


def _if_permitted(read: Callable[[], list[JobPod]]) -> list[JobPod] | None:
    try:
        return read()
    except Forbidden as error:  # the job itself may be seen, and says a part of it
        logger.info("jobs are shown without their pods: %s", error)
        return None
