"""Jobs of a cluster as they are now: one of them, or all."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from kubeflow.cluster.errors import Forbidden, Invalid
from kubeflow.core import selector
from kubeflow.core.errors import InvalidInput
from kubeflow.trainer.backends.kubernetes.connection.connection import Connection
from kubeflow.trainer.backends.kubernetes.jobs.lookup import find_job
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod, list_pods
from kubeflow.trainer.backends.kubernetes.jobs.status import job_view, runtime_key
from kubeflow.trainer.types.jobs import TrainJob
from kubeflow.trainer.types.runtimes import RuntimeKind

if TYPE_CHECKING:
    from kubeflow_api.trainer import v1alpha1

logger = logging.getLogger(__name__)


def get_job(connection: Connection, name: str) -> TrainJob:
    """Return one job: a request for it, and one for its pods.

    Raises:
        JobNotFound: With names like it.
    """
    job = find_job(connection, name)
    return shown(connection, job, pods_of(connection, name))


def list_jobs(connection: Connection, label_selector: str | None = None) -> list[TrainJob]:
    """Return the jobs whose labels match, oldest first: a request for each 500 of them, and for each 500 pods.

    Where a job names a runtime that is not known yet, the runtimes of that kind are read anew, once.

    Raises:
        InvalidInput: When `label_selector` is none.
    """
    selector.matcher(label_selector)
    # Pods first, and each job is let go as soon as it has been looked at: it may carry a megabyte of code.
    found = pods_of(connection)
    pods = None if found is None else {job: list(own) for job, own in groupby(found, lambda pod: pod.job)}
    views: list[TrainJob] = []
    read_anew: set[RuntimeKind] = set()
    try:
        for job in connection.jobs.list(label_selector=label_selector):
            kind, runtime = runtime_key(job)
            if kind is not None and kind not in read_anew and not connection.runtimes.heard_of(kind, runtime):
                read_anew.add(kind)
                connection.runtimes.reload(kind)
            name = str(job.metadata.name) if job.metadata is not None else ""
            views.append(shown(connection, job, None if pods is None else pods.get(name, ())))
    except Invalid as error:
        if label_selector is None:
            raise
        raise InvalidInput(f"label_selector={label_selector!r} is none: {error.server_message}") from error
    return sorted(views, key=lambda view: (view.creation_timestamp, view.name))


def shown(connection: Connection, job: v1alpha1.TrainJob, pods: Sequence[JobPod] | None) -> TrainJob:
    """Return what users see of `job`, with its runtime as it was last read."""
    return job_view(job, pods, connection.runtimes.remembered(*runtime_key(job)))


def pods_of(connection: Connection, job: str | None = None) -> list[JobPod] | None:
    """Return the pods of one job or of all; `None` when these credentials may not list pods."""
    try:
        return list_pods(connection.transport, connection.namespace, job)
    except Forbidden as error:  # the job itself may be seen, and says a part of it
        logger.info("jobs are shown without their pods: %s", error)
        return None
