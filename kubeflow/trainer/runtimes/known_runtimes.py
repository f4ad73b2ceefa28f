"""From a runtime, as a cluster or a manifest has it, to what jobs can know of it; the rest is `"Unknown"`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from kubeflow_api.jobset.v1alpha2 import JobSetSpec, ReplicatedJob, VolumeClaimPolicy
from kubeflow_api.k8s.batch.v1 import JobSpec, JobTemplateSpec
from kubeflow_api.k8s.core.v1 import Container, EnvVar, PodSpec, PodTemplateSpec
from kubeflow_api.k8s.meta.v1 import EmbeddedObjectMeta, ObjectMeta
from kubeflow_api.trainer.v1alpha1 import (
    ClusterTrainingRuntime,
    JobSetTemplateSpec,
    MLPolicy,
    TrainingRuntime,
    TrainingRuntimeSpec,
)

from kubeflow.cluster.wire import each, only, strings
from kubeflow.trainer.constants import constants
from kubeflow.trainer.runtimes.node_devices import device_of
from kubeflow.trainer.runtimes.pod_counts import PodCounts
from kubeflow.trainer.types.runtimes import Runtime, RuntimeKind, RuntimeTrainer
from kubeflow.trainer.types.trainers import TrainerType

RuntimeModel: TypeAlias = ClusterTrainingRuntime | TrainingRuntime

_TRAINER = "trainer"
# Members of mlPolicy that name a framework. `mpi` names a way to launch, which several frameworks use.
_POLICIES = ("torch", "jax", "xgboost", "flux")


# A runtime that sets nothing up: its nodes just start.
_PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Part:
    """One replicated job of a runtime: pods of one kind.

    Attributes:
        name: Like `"node"` or `"dataset-initializer"`.
        device: Device of each of its pods, like `"gpu"`.
        device_count: Devices of each of its pods, as text.
    """

    name: str
    device: str = constants.UNKNOWN
    device_count: str = constants.UNKNOWN


@dataclass(frozen=True, slots=True)
class KnownRuntime:
    """A runtime as it is installed.

    Attributes:
        runtime: What its users see.
        model: The object itself.
        parts: Its replicated jobs, in its order; empty when it does not say.
        pod_counts: How many pods become of them.
        ttl_seconds: `ttlSecondsAfterFinished` of its JobSet; `None` when it has none.
        immutable_claims: True when a volume claim policy of its JobSet leaves out `retentionPolicy`. Trainer 2.3.0 can
            then neither suspend nor resume a job (measured): JobSet fills the field in, and it is immutable.
    """

    runtime: Runtime
    model: RuntimeModel
    parts: tuple[Part, ...] = ()
    pod_counts: PodCounts = field(default_factory=PodCounts)
    ttl_seconds: int | None = None
    immutable_claims: bool = False


def known_runtime(model: RuntimeModel) -> KnownRuntime:
    """Return everything that is known of a runtime of a cluster."""
    spec = only(TrainingRuntimeSpec, model.spec)
    job_set = _job_set(spec)
    jobs = _replicated_jobs(spec)
    policies = each(VolumeClaimPolicy, job_set and job_set.volume_claim_policies)
    return KnownRuntime(
        runtime=from_model(model),
        model=model,
        parts=tuple(Part(job.name, *device_of(_resources(job))) for job in jobs),
        pod_counts=PodCounts.of(model.to_dict()),
        ttl_seconds=only(int, job_set and job_set.ttl_seconds_after_finished),
        immutable_claims=any(policy.retention_policy is None for policy in policies),
    )


def from_model(model: RuntimeModel) -> Runtime:
    """Return the runtime that `model` is, as users see it."""
    metadata = only(ObjectMeta, model.metadata)
    spec = only(TrainingRuntimeSpec, model.spec)
    policy = only(MLPolicy, spec and spec.ml_policy)
    name = only(str, metadata and metadata.name) or constants.UNKNOWN
    jobs = _replicated_jobs(spec)
    trainer = _trainer_container(jobs)
    command = (*each(str, trainer and trainer.command), *each(str, trainer and trainer.args))
    image = only(str, trainer and trainer.image) or constants.UNKNOWN
    label = strings(metadata and metadata.labels).get(constants.RUNTIME_FRAMEWORK_LABEL)
    framework = label or (_framework(policy, command, f"{name} {image}") if trainer else constants.UNKNOWN)
    device, count = device_of(_node_resources(jobs, trainer))
    return Runtime(
        name=name,
        trainer=RuntimeTrainer(
            trainer_type=TrainerType.BUILTIN_TRAINER if framework == "torchtune" else TrainerType.CUSTOM_TRAINER,
            framework=framework,
            image=image,
            num_nodes=PodCounts.of(model.to_dict()).nodes(None) or 1,
            device=device,
            device_count=count,
            command=command,
        ),
        kind=_kind(model),
        pretrained_model=_pretrained_model(jobs),
    )


def _kind(model: RuntimeModel) -> RuntimeKind:
    if isinstance(model, TrainingRuntime):
        return RuntimeKind.TRAINING_RUNTIME
    return RuntimeKind.CLUSTER_TRAINING_RUNTIME


def _framework(policy: MLPolicy | None, command: tuple[str, ...], names: str) -> str:
    # Runtimes of Trainer 2.0 have no label that says it.
    if command[:2] == ("tune", "run"):
        return "torchtune"
    if policy is not None and policy.mpi is not None:
        return next((framework for framework in ("deepspeed", "mlx") if framework in names), "mpi")
    return next((name for name in _POLICIES if policy is not None and getattr(policy, name) is not None), _PLAIN)


def _job_set(spec: TrainingRuntimeSpec | None) -> JobSetSpec | None:
    template = only(JobSetTemplateSpec, spec and spec.template)
    return only(JobSetSpec, template and template.spec)


def _replicated_jobs(spec: TrainingRuntimeSpec | None) -> list[ReplicatedJob]:
    job_set = _job_set(spec)
    return [job for job in each(ReplicatedJob, job_set and job_set.replicated_jobs) if only(str, job.name)]


def _trainer_container(jobs: list[ReplicatedJob]) -> Container | None:
    trainers = [job for job in jobs if _ancestor(job) == _TRAINER]
    nodes = [job for job in jobs if job.name == constants.NODE]
    for job in (*trainers, *nodes):
        return _container(job, constants.NODE)
    return None


def _node_resources(jobs: list[ReplicatedJob], trainer: Container | None) -> object:
    # Of an MPI runtime the launcher is the trainer, while the devices are those of the nodes.
    for job in jobs:
        if job.name == constants.NODE:
            return _resources(job)
    return trainer and trainer.resources


def _pretrained_model(jobs: list[ReplicatedJob]) -> str | None:
    for job in jobs:
        if constants.MODEL_INITIALIZER in (_ancestor(job), job.name):
            container = _container(job, constants.MODEL_INITIALIZER)
            for variable in each(EnvVar, container and container.env):
                if variable.name == "STORAGE_URI":
                    return only(str, variable.value) or None
    return None


def _ancestor(job: ReplicatedJob) -> str | None:
    template = only(JobTemplateSpec, job.template)
    metadata = template and template.metadata
    labels = metadata.labels if isinstance(metadata, (EmbeddedObjectMeta, ObjectMeta)) else None
    return strings(labels).get(constants.TRAINJOB_ANCESTOR_LABEL)


def _resources(job: ReplicatedJob) -> object:
    container = _container(job, constants.NODE)
    return container and container.resources


def _container(job: ReplicatedJob, name: str) -> Container | None:
    template = only(JobTemplateSpec, job.template)
    spec = only(JobSpec, template and template.spec)
    pod = only(PodTemplateSpec, spec and spec.template)
    containers = each(Container, (pod_spec := only(PodSpec, pod and pod.spec)) and pod_spec.containers)
    return next((each_ for each_ in containers if each_.name == name), containers[0] if containers else None)
