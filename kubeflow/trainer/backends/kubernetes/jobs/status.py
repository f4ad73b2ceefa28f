"""A TrainJob of a cluster as its user sees it: status, steps, progress. It asks nothing and never fails.

The conditions of a TrainJob (Trainer 2.0 to 2.3) are Suspended, Complete and Failed; there is none for a job that is
created or running, and 2.0 does not even count jobs in the status. So these two follow from the pods.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from kubeflow_api.k8s.meta.v1 import Condition, ObjectMeta
from kubeflow_api.trainer import v1alpha1

from kubeflow.cluster.wire import each, only
from kubeflow.trainer.backends.kubernetes.jobs.job_steps import JobSteps, job_steps
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod, current
from kubeflow.trainer.constants import constants
from kubeflow.trainer.runtimes.known_runtimes import KnownRuntime
from kubeflow.trainer.types.jobs import JobStatus, TrainJob
from kubeflow.trainer.types.runtimes import Runtime, RuntimeKind, RuntimeTrainer
from kubeflow.trainer.types.trainers import TrainerType

_EPOCH = datetime.fromtimestamp(0, UTC)


def job_view(
    job: v1alpha1.TrainJob, pods: Iterable[JobPod] | None, known: KnownRuntime | None, runtime_problem: str = ""
) -> TrainJob:
    """Return what users see of `job`.

    Args:
        job: As the server sent it.
        pods: Its pods, also those of earlier attempts; `None` when they could not be read.
        known: The runtime that it names, if it is known.
        runtime_problem: Why that runtime is not known, to stand after its name, like `"does not exist any more"`.
    """
    metadata = only(ObjectMeta, job.metadata)
    created = only(datetime, metadata and metadata.creation_timestamp)
    shown = current(pods or (), since=created)
    status = job_status(job, None if pods is None else shown)
    notes: list[str] = []
    podless = ""
    spec = only(v1alpha1.TrainJobSpec, job.spec)
    if pods is not None and not shown and managed_elsewhere(only(str, spec and spec.managed_by)):
        podless = "on another cluster, by MultiKueue"
        notes.append("MultiKueue runs it on another cluster: its pods and their logs are there")
    if runtime_problem:
        podless = podless or f"its runtime {runtime_problem}"
        notes.append(
            f"its runtime {runtime_key(job)[1]!r} {runtime_problem}: its nodes and steps are those that the job and "
            "its pods name"
        )
    if final_status(job) is not None:
        podless = ""
    trained = _trainer_status(job)
    parts = job_steps(job, None if pods is None else shown, known, status, podless)
    return TrainJob(
        name=only(str, metadata and metadata.name) or constants.UNKNOWN,
        runtime=known.runtime if known else unknown_runtime(job),
        steps=parts.steps,
        num_nodes=parts.num_nodes,
        creation_timestamp=created or _EPOCH,
        status=status,
        progress=only(int, trained and trained.progress_percentage),
        estimated_remaining_seconds=only(int, trained and trained.estimated_remaining_seconds),
        metrics=_metrics(trained),
        notes=tuple(notes),
    )


def steps_expected(job: v1alpha1.TrainJob, known: KnownRuntime | None) -> JobSteps:
    """Return the steps that a job has or will have, without a look at its pods; see `job_steps`."""
    return job_steps(job, None, known, final_status(job) or "Unknown")


def managed_elsewhere(manager: str | None) -> bool:
    """True when MultiKueue is to run a job with this `managedBy`. Trainer before 2.3 runs it here all the same."""
    return manager == constants.MULTIKUEUE


def job_status(job: v1alpha1.TrainJob, pods: Sequence[JobPod] | None) -> JobStatus:
    """Return the status of a job.

    The last condition is not the state: a resumed job ends its list with Suspended, whose status is then False. Nor is
    a job suspended as long as a pod of it has not ended, whatever its spec and its conditions say.

    Args:
        job: As the server sent it.
        pods: Its pods, the newest of each step; `None` when they could not be read.
    """
    if (ended := final_status(job)) is not None:
        return ended
    spec, status = only(v1alpha1.TrainJobSpec, job.spec), only(v1alpha1.TrainJobStatus, job.status)
    suspended = only(bool, spec and spec.suspend)
    counts = each(v1alpha1.JobStatus, status and status.jobs_status)
    active = any(_positive(count.active) for count in counts)
    if suspended or (suspended is None and _holds(job, constants.TRAINJOB_SUSPENDED)):
        if any(pod.phase == "Running" for pod in pods or ()) or (pods is None and active):
            return "Running"
        return "Created" if any(not (pod.ended or pod.deleting) for pod in pods or ()) else "Suspended"
    if any(pod.phase in ("Running", "Succeeded", "Failed") for pod in pods or ()):
        return "Running"
    # With pods in sight, an active job is one whose pods are made, not one that runs.
    if any(_positive(count.ready) for count in counts) or (not pods and active):
        return "Running"
    # Trainer 2.0 counts nothing. Without its pods, nobody knows whether the job runs.
    return "Unknown" if pods is None and not counts else "Created"


def final_status(job: v1alpha1.TrainJob) -> JobStatus | None:
    """Return `"Complete"` or `"Failed"` when the control plane says so, and `None` while the job goes on."""
    if _holds(job, constants.TRAINJOB_FAILED):
        return "Failed"
    if _holds(job, constants.TRAINJOB_COMPLETE):
        return "Complete"
    return None


def runtime_key(job: v1alpha1.TrainJob) -> tuple[RuntimeKind | None, str]:
    """Return kind and name of the runtime that a job names; the kind is `None` for one of another API."""
    spec = only(v1alpha1.TrainJobSpec, job.spec)
    reference = only(v1alpha1.RuntimeRef, spec and spec.runtime_ref)
    kind = only(str, reference and reference.kind) or RuntimeKind.CLUSTER_TRAINING_RUNTIME.value
    name = only(str, reference and reference.name) or constants.UNKNOWN
    return next((each_kind for each_kind in RuntimeKind if each_kind.value == kind), None), name


def unknown_runtime(job: v1alpha1.TrainJob) -> Runtime:
    """Return what a job itself says of its runtime: kind and name."""
    kind, name = runtime_key(job)
    spec = only(v1alpha1.TrainJobSpec, job.spec)
    trainer = only(v1alpha1.Trainer, spec and spec.trainer)
    return Runtime(
        name=name,
        trainer=RuntimeTrainer(
            trainer_type=TrainerType.CUSTOM_TRAINER,
            framework=constants.UNKNOWN,
            image=only(str, trainer and trainer.image) or constants.UNKNOWN,
        ),
        kind=kind or RuntimeKind.CLUSTER_TRAINING_RUNTIME,
    )


def _holds(job: v1alpha1.TrainJob, kind: str) -> bool:
    status = only(v1alpha1.TrainJobStatus, job.status)
    conditions = each(Condition, status and status.conditions)
    return any(condition.type == kind and condition.status == "True" for condition in conditions)


def _positive(count: object) -> bool:
    return (only(int, count) or 0) > 0


def _trainer_status(job: v1alpha1.TrainJob) -> v1alpha1.TrainerStatus | None:
    status = only(v1alpha1.TrainJobStatus, job.status)
    return only(v1alpha1.TrainerStatus, status and status.trainer_status)


def _metrics(status: v1alpha1.TrainerStatus | None) -> dict[str, float | str]:
    metrics = each(v1alpha1.Metric, status and status.metrics)
    return {str(metric.name): _number(str(metric.value)) for metric in metrics}


def _number(text: str) -> float | str:
    try:
        value = float(text)
    except ValueError:
        return text
    return math.nan if math.isnan(value) else value  # the one NaN that equals itself in a map, so that views compare
