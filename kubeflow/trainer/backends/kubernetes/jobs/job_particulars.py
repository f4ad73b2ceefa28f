"""What the report of a job of a cluster shows: the lives of its pods' main containers, and the TrainJob itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import cast

from kubeflow_api.k8s.core.v1 import EnvVar
from kubeflow_api.k8s.meta.v1 import Condition
from kubeflow_api.trainer import v1alpha1

from kubeflow.cluster.pods.exits import how_it_ended
from kubeflow.cluster.pods.pod import Exit
from kubeflow.cluster.readings import Found, reading
from kubeflow.cluster.wire import each, only
from kubeflow.core.plain import plain
from kubeflow.trainer.backends.kubernetes.connection.connection import Connection
from kubeflow.trainer.backends.kubernetes.jobs.lookup import find_job
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod, list_pods
from kubeflow.trainer.constants import constants
from kubeflow.trainer.types.particulars import JobParticulars, StepLife, command_in_short

_FINAL = (constants.TRAINJOB_COMPLETE, constants.TRAINJOB_FAILED)


def particulars(connection: Connection, name: str) -> JobParticulars:
    """Return what the report of a job shows: two requests.

    Raises:
        JobNotFound: With names like it.
        ClusterError: The job cannot be read.
    """
    job = find_job(connection, name)
    found = reading(lambda: list_pods(connection.transport, connection.namespace, name))
    pods = found.value if isinstance(found, Found) else []
    gaps: list[str] = []
    if not isinstance(found, Found):
        gaps.append("Its pods cannot be seen, so that it is not known when they ran.")
    elif not pods:
        gaps.append("None of its pods is there (any more), so that it is not known when they ran.")
    document = job.to_dict()
    metadata = document.get("metadata")
    if isinstance(metadata, dict):
        cast("dict[str, object]", metadata).pop("managedFields", None)
    spec = only(v1alpha1.TrainJobSpec, job.spec)
    trainer = only(v1alpha1.Trainer, spec and spec.trainer)
    return JobParticulars(
        lives=sorted(_lives(pods), key=lambda life: life.start),
        unseen=_unseen(pods),
        ended=_ended(job),
        environment=_environment(connection, trainer, pods),
        variables=_variables(trainer),
        document=plain(document),
        gaps=gaps,
    )


def _lives(pods: Iterable[JobPod]) -> Iterator[StepLife]:
    for pod in pods:
        container = pod.container
        for ended in container.exits:
            if (start := ended.started or pod.created) is not None:
                yield StepLife(pod.step, start, ended.finished or start, _status(ended), how_it_ended(ended))
        if container.state == "Running" and (start := container.started or pod.created) is not None:
            yield StepLife(pod.step, start)
        elif not container.exits and pod.ended and pod.created is not None:  # it ended before its container ran
            end = pod.disrupted or pod.ended_at or pod.created
            words = " ".join(filter(None, [pod.reason or pod.disruption, pod.message or pod.disruption_message]))
            yield StepLife(pod.step, pod.created, end, pod.phase, words)


def _unseen(pods: Iterable[JobPod]) -> dict[str, int]:
    """Return how often containers were started again, beyond what their pods still tell: a kubelet keeps one end."""
    counts = ((pod.step, pod.container.restarts - (pod.container.previous is not None)) for pod in pods)
    found: dict[str, int] = {}
    for step, count in counts:
        if count > 0:
            found[step] = found.get(step, 0) + count
    return found


def _status(ended: Exit) -> str:
    return "Succeeded" if ended.exit_code == 0 else "Failed"


def _ended(job: v1alpha1.TrainJob) -> datetime | None:
    status = only(v1alpha1.TrainJobStatus, job.status)
    for condition in each(Condition, status and status.conditions):
        if condition.type in _FINAL and condition.status == "True":
            return only(datetime, condition.last_transition_time)
    return None


def _environment(connection: Connection, trainer: v1alpha1.Trainer | None, pods: Iterable[JobPod]) -> dict[str, str]:
    command = [*each(str, trainer and trainer.command), *each(str, trainer and trainer.args)]
    machines = sorted({pod.node for pod in pods if pod.node})
    found = {
        "Cluster": f"{connection.cluster}, namespace {connection.namespace}",
        "Kubeflow Trainer": connection.minor,
        "Image of the job": only(str, trainer and trainer.image) or "",
        "Command": command_in_short(command),
        "Machines": ", ".join(machines[:20]) + (f" and {len(machines) - 20} more" if len(machines) > 20 else ""),
    }
    return {name: value for name, value in found.items() if value}


def _variables(trainer: v1alpha1.Trainer | None) -> dict[str, str]:
    shown: dict[str, str] = {}
    for variable in each(EnvVar, trainer and trainer.env):
        entry = cast("dict[str, object]", plain(variable))  # a secret's value is hidden
        source = ", ".join(cast("dict[str, object]", entry.get("valueFrom") or {}))
        shown[str(entry.get("name"))] = str(entry["value"]) if "value" in entry else f"(from {source or 'nothing'})"
    return shown
