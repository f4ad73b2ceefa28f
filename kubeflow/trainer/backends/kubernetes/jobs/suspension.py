"""Whether the pods of a job follow its `spec.suspend`: a control plane may take the change and fail to pass it on.

Trainer 2.3.0 with JobSet 0.12.0 cannot change the JobSet of some runtimes (measured): the TrainJob then has the
condition Suspended, and its pods run on.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime

from kubeflow_api.k8s.meta.v1 import Condition
from kubeflow_api.trainer import v1alpha1

from kubeflow.cluster import wire
from kubeflow.cluster.pods.events import Happening, read_event
from kubeflow.cluster.readings import Found, reading
from kubeflow.trainer.backends.kubernetes.connection.connection import Connection
from kubeflow.trainer.backends.kubernetes.jobs.lookup import created, find_job
from kubeflow.trainer.backends.kubernetes.jobs.pods import current, list_pods
from kubeflow.trainer.backends.kubernetes.jobs.status import final_status
from kubeflow.trainer.constants import constants

logger = logging.getLogger(__name__)

APPLY_REFUSED = "TrainJobResourcesCreationFailed"
"""Reason of the TrainJob controller's event when the API server refuses what it applies."""
# Pauses between two looks, in seconds. A control plane that is well needs less than a second.
_PAUSES = (0.2, 0.3, 0.5, 1.0, 1.0, 2.0, 2.0, 3.0)
_SURE = 1.5  # seconds after which a refusal is not made good by the next try of the controller


def refusal_of_suspension(connection: Connection, name: str, since: datetime) -> str | None:
    """Return why the pods of a job that has just been suspended run on, in the words of the API server.

    Costs a request when no pod runs, and up to 25 in 10 seconds when the pods run on.

    Args:
        connection: The cluster.
        name: The job.
        since: When it was made: earlier pods are of an earlier job of that name.

    Returns:
        `None` when the pods end, and when it is not known why they do not: a line in the log says so.
    """
    began = time.monotonic()
    running: list[str] = []
    for pause in (*_PAUSES, None):
        seen = _running_pods(connection, name, since)
        running = _active_jobs(find_job(connection, name)) if seen is None else seen
        if not running:
            return None
        if pause is None or time.monotonic() - began > _SURE:
            job = find_job(connection, name)
            if final_status(job) is not None:
                return None
            if (refused := _refused(connection, job, "True", at_any_time=pause is None)) is not None:
                return refused.message
        if pause is not None:
            time.sleep(pause)
    logger.warning(
        "TrainJob %s is to be suspended, and after %d s these go on: %s. client.explain(%r) says what is known of it.",
        *(name, time.monotonic() - began, ", ".join(running), name),
    )
    return None


def refusal_of_resumption(connection: Connection, name: str, since: datetime) -> str | None:
    """Return why a job that has just been resumed does not start, in the words of the API server.

    Costs up to 25 requests in 10 seconds.

    Args:
        connection: The cluster.
        name: The job.
        since: When it was made: earlier pods are of an earlier job of that name.

    Returns:
        `None` when it starts, and when it is not known why it does not.
    """
    for pause in (*_PAUSES, None):
        running = _running_pods(connection, name, since)
        if running:
            return None
        job = find_job(connection, name)
        if final_status(job) is not None or (running is None and _active_jobs(job)):
            return None
        if (refused := _refused(connection, job, "False", at_any_time=pause is None)) is not None:
            return refused.message
        if pause is not None:
            time.sleep(pause)
    return None


def _running_pods(connection: Connection, name: str, since: datetime) -> list[str] | None:
    """Return the steps whose pods have not ended and are not being deleted; `None` when pods may not be seen."""
    pods = reading(lambda: list_pods(connection.transport, connection.namespace, name))
    if not isinstance(pods, Found):
        return None
    return [pod.step for pod in current(pods.value, since=since) if not (pod.ended or pod.deleting)]


def _active_jobs(job: v1alpha1.TrainJob) -> list[str]:
    """Return the replicated jobs that are active, as the TrainJob counts them; Trainer 2.0 counts none."""
    status = wire.only(v1alpha1.TrainJobStatus, job.status)
    counts = wire.each(v1alpha1.JobStatus, status and status.jobs_status)
    return [str(count.name) for count in counts if (wire.only(int, count.active) or 0) > 0]


def _refused(connection: Connection, job: v1alpha1.TrainJob, suspended: str, *, at_any_time: bool) -> Happening | None:
    """Return the last event that an apply was refused, if it came after the condition Suspended became `suspended`.

    Args:
        connection: The cluster.
        job: The job.
        suspended: `"True"` or `"False"`.
        at_any_time: True also takes earlier ones: the recorder of events may not write each one of the same kind.
    """
    status = wire.only(v1alpha1.TrainJobStatus, job.status)
    conditions = wire.each(Condition, status and status.conditions)
    changed = [each for each in conditions if each.type == constants.TRAINJOB_SUSPENDED and each.status == suspended]
    if not changed:
        return None  # the controller has not acted yet
    uid, name = str(job.metadata and job.metadata.uid), str(job.metadata and job.metadata.name)
    path, query = wire.core_path(connection.namespace, "events"), {"fieldSelector": f"involvedObject.name={name}"}
    events = reading(lambda: [read_event(item) for item in wire.listed(connection.transport, path, query)])
    if not isinstance(events, Found):
        return None
    since = created(job) if at_any_time else wire.only(datetime, changed[0].last_transition_time) or created(job)
    refused = [
        event
        for event in events.value
        if event.reason == APPLY_REFUSED and event.uid in ("", uid) and event.last >= since
    ]
    return max(refused, key=lambda event: event.last, default=None)
