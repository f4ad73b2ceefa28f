"""The runtime patch in full, class by class, as `spec.runtimePatches` of a TrainJob nests it.

For what the short options do not say. Nested values are mappings, with attribute or wire names, or models of
`kubeflow_api`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, ClassVar, TypeAlias, cast

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.tracebacks import thin_all
from kubeflow.trainer.jobs.jobspec import JobSpec, Option
from kubeflow.trainer.options._fragments import MANAGER, with_patch
from kubeflow.trainer.options._merging import Json
from kubeflow.trainer.types.checks import check_instance, check_text

if TYPE_CHECKING:
    from kubeflow_api.k8s.core.v1 import (
        Affinity,
        EnvVar,
        LocalObjectReference,
        PodSchedulingGate,
        SecurityContext,
        Toleration,
        Volume,
        VolumeMount,
    )
    from kubeflow_api.k8s.core.v1 import PodSecurityContext as PodSecurity
    from kubeflow_api.k8s.meta.v1 import EmbeddedObjectMeta

    Metadata: TypeAlias = EmbeddedObjectMeta | Mapping[str, object]


@dataclass(frozen=True)
class ContainerPatch:
    """Change to one container that the runtime has.

    Attributes:
        name: The container.
        env: Variables to add. Not for `node`, `dataset-initializer` and `model-initializer`, whose variables belong to
            the trainer and the initializers.
        volume_mounts: Where it sees which volume; each volume once.
        security_context: User, capabilities, privileges.
    """

    name: str
    env: Sequence[EnvVar | Mapping[str, object]] | None = None
    volume_mounts: Sequence[VolumeMount | Mapping[str, object]] | None = None
    security_context: SecurityContext | Mapping[str, object] | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_text("ContainerPatch name", self.name)


@dataclass(frozen=True)
class PodSpecPatch:
    """Change to the pods of a job.

    Attributes:
        service_account_name: The service account that they act as.
        volumes: Volumes to add, by name.
        init_containers: Changes to init containers that the runtime has.
        containers: Changes to containers that the runtime has.
        image_pull_secrets: Secrets for private registries.
        security_context: User, groups, kernel settings of all containers.
        node_selector: Labels that a machine must have.
        affinity: Machines and pods to be near to, or to keep away from.
        tolerations: Taints to tolerate, in place of the runtime's list.
        scheduling_gates: What must be cleared before the pods are scheduled.
    """

    service_account_name: str | None = None
    volumes: Sequence[Volume | Mapping[str, object]] | None = None
    init_containers: Sequence[ContainerPatch] | None = None
    containers: Sequence[ContainerPatch] | None = None
    image_pull_secrets: Sequence[LocalObjectReference | Mapping[str, object]] | None = None
    security_context: PodSecurity | Mapping[str, object] | None = None
    node_selector: Mapping[str, str] | None = None
    affinity: Affinity | Mapping[str, object] | None = None
    tolerations: Sequence[Toleration | Mapping[str, object]] | None = None
    scheduling_gates: Sequence[PodSchedulingGate | Mapping[str, object]] | None = None

    __repr__ = repr_of_fields


@dataclass(frozen=True)
class PodTemplatePatch:
    """Change to the pods of a job and to their labels.

    Attributes:
        metadata: Labels and annotations of the pods.
        spec: What the pods are.
    """

    metadata: Metadata | None = None
    spec: PodSpecPatch | None = None

    __repr__ = repr_of_fields


@dataclass(frozen=True)
class JobSpecPatch:
    """Change to what a job of the JobSet runs.

    Attributes:
        template: Its pods.
    """

    template: PodTemplatePatch | None = None

    __repr__ = repr_of_fields


@dataclass(frozen=True)
class JobTemplatePatch:
    """Change to a job of the JobSet.

    Attributes:
        metadata: Labels and annotations of the Kubernetes Job.
        spec: What it runs.
    """

    metadata: Metadata | None = None
    spec: JobSpecPatch | None = None

    __repr__ = repr_of_fields


@dataclass(frozen=True)
class ReplicatedJobPatch:
    """Change to one of the runtime's jobs.

    Attributes:
        name: The job, like `node` or `launcher`.
        template: The change.
    """

    name: str
    template: JobTemplatePatch | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_text("ReplicatedJobPatch name", self.name)


@dataclass(frozen=True)
class JobSetSpecPatch:
    """Changes to the jobs of the JobSet.

    Attributes:
        replicated_jobs: One entry for each job to change.
    """

    replicated_jobs: Sequence[ReplicatedJobPatch] | None = None

    __repr__ = repr_of_fields


@dataclass(frozen=True)
class JobSetTemplatePatch:
    """Change to the JobSet that the TrainJob becomes.

    Attributes:
        metadata: Labels and annotations of the JobSet.
        spec: Its jobs.
    """

    metadata: Metadata | None = None
    spec: JobSetSpecPatch | None = None

    __repr__ = repr_of_fields


@dataclass(frozen=True)
class TrainingRuntimeSpecPatch:
    """Change to the runtime, for this job alone.

    Attributes:
        template: The JobSet.
    """

    template: JobSetTemplatePatch | None = None

    __repr__ = repr_of_fields


@dataclass(frozen=True)
class RuntimePatch(Option):
    """Change the runtime for this job alone; merged with what other options say.

    Attributes:
        training_runtime_spec: The change.
        manager: Whose entry of `spec.runtimePatches` it is; ours.
    """

    cluster_only: ClassVar[bool] = True

    training_runtime_spec: TrainingRuntimeSpecPatch | None = None
    manager: str = field(default=MANAGER, init=False, repr=False)

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        if self.training_runtime_spec is not None:
            check_instance("training_runtime_spec", self.training_runtime_spec, (TrainingRuntimeSpecPatch,))

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with this patch."""
        if self.training_runtime_spec is None:
            return spec
        return with_patch(spec, "Runtime patch", cast(Json, _plain(self.training_runtime_spec)))


_PARTS = (
    ContainerPatch,
    PodSpecPatch,
    PodTemplatePatch,
    JobSpecPatch,
    JobTemplatePatch,
    ReplicatedJobPatch,
    JobSetSpecPatch,
    JobSetTemplatePatch,
    TrainingRuntimeSpecPatch,
)


def _plain(value: object) -> object:
    """Return a part of a patch as plain data, without what was left out."""
    from kubeflow.core.model import Model

    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, _PARTS):
        given = {each.name: getattr(value, each.name) for each in fields(value)}
        return {name: _plain(part) for name, part in given.items() if part is not None}
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in cast("Mapping[object, object]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in cast("Sequence[object]", value)]
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    raise InvalidInput(f"A runtime patch holds plain data or models of kubeflow_api, not {value!r}.")


thin_all(globals())
