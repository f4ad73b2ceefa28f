"""A TrainJob beside its runtime: how many nodes, which jobs, which pods. Reads both leniently and changes neither."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, cast

from kubeflow.trainer.constants import constants
from kubeflow.trainer.jobs import torchtune
from kubeflow.trainer.options._merging import Json, at
from kubeflow.trainer.runtimes.pod_counts import PodCounts, ReplicatedPods
from kubeflow.trainer.types.runtimes import RuntimeKind
from kubeflow.trainer.types.storage_uris import SCHEMES, Source

if TYPE_CHECKING:
    from kubeflow_api.trainer import v1alpha1

_POLICIES = ("torch", "mpi", "jax", "xgboost", "flux")


def entries(node: Json, key: str) -> list[Json]:
    """Return a list of objects below `node`; empty when it has none."""
    return cast("list[Json]", node.get(key) or [])


def containers(pod: Json) -> list[Json]:
    """Return the containers of a pod spec, init containers last."""
    return [*entries(pod, "containers"), *entries(pod, "initContainers")]


class JobInRuntime:
    """What a TrainJob becomes in its runtime.

    Args:
        job: The TrainJob, in the form of any minor.
        runtime: The runtime that it names; `None` is one about which nothing is known.
    """

    def __init__(
        self, job: v1alpha1.TrainJob, runtime: v1alpha1.ClusterTrainingRuntime | v1alpha1.TrainingRuntime | None
    ) -> None:
        self.job = job
        self._job = at(job.to_dict(), "spec")
        self._runtime = runtime.to_dict() if runtime is not None else {}

    @property
    def name(self) -> str | None:
        """Name of the TrainJob."""
        return self.job.metadata.name if self.job.metadata is not None else None

    @property
    def runtime_name(self) -> str:
        """Name of the runtime."""
        return str(at(self._job, "runtimeRef").get("name"))

    @property
    def runtime_kind(self) -> str:
        """Kind of the runtime, as the job names it; an empty one is empty."""
        return str(at(self._job, "runtimeRef").get("kind", RuntimeKind.CLUSTER_TRAINING_RUNTIME.value))

    @property
    def runtime_group(self) -> str:
        """API group of the runtime, as the job names it; an empty one is empty."""
        return str(at(self._job, "runtimeRef").get("apiGroup", constants.GROUP))

    @property
    def has_trainer(self) -> bool:
        """Whether the job has `spec.trainer`, be it empty."""
        return self._job.get("trainer") is not None

    @property
    def trainer(self) -> Json:
        """`spec.trainer`."""
        return at(self._job, "trainer")

    @property
    def initializers(self) -> Mapping[Source, Json]:
        """`dataset` and `model`, as far as the job has them."""
        given = at(self._job, "initializer")
        return {source: at(given, source) for source in SCHEMES if given.get(source) is not None}

    @property
    def runtime_patches(self) -> list[Json]:
        """`spec.runtimePatches`."""
        return entries(self._job, "runtimePatches")

    @property
    def job_set_annotations(self) -> Mapping[str, str]:
        """What the job annotates its JobSet with, on all minors."""
        found: dict[str, str] = {}
        for source in (
            self._job,
            *(at(patch, "trainingRuntimeSpec", "template", "metadata") for patch in self.runtime_patches),
        ):
            found |= cast("Mapping[str, str]", at(source, "annotations"))
        return found

    @property
    def ml_policy(self) -> Json:
        """`spec.mlPolicy` of the runtime."""
        return at(self._runtime, "spec", "mlPolicy")

    @property
    def pod_group_policy(self) -> Json:
        """`spec.podGroupPolicy` of the runtime."""
        return at(self._runtime, "spec", "podGroupPolicy")

    @property
    def policy(self) -> str | None:
        """The framework that the runtime sets up; `None` for a plain one."""
        return next((name for name in _POLICIES if self.ml_policy.get(name) is not None), None)

    @property
    def launcher_trains(self) -> bool:
        """Whether the MPI launcher is one of the nodes."""
        return bool(at(self.ml_policy, "mpi").get("runLauncherAsNode"))

    @property
    def num_nodes(self) -> int:
        """The number of nodes that the job asks for, else the runtime; an MPI runtime may make more of it."""
        count = self.ml_policy.get("numNodes") if self.own_num_nodes is None else self.own_num_nodes
        return count if isinstance(count, int) else 1

    @property
    def own_num_nodes(self) -> int | None:
        """The number of nodes that the job itself asks for; `None` when it does not say."""
        count = self.trainer.get("numNodes")
        return count if isinstance(count, int) else None

    @cached_property
    def jobs(self) -> Mapping[str, Json]:
        """The runtime's replicated jobs, by name."""
        return {str(job.get("name")): job for job in entries(self.job_set, "replicatedJobs")}

    @property
    def claims(self) -> Iterator[Json]:
        """Metadata of the claims that the JobSet makes, from Trainer 2.2 on: volumes of its pods by the same names."""
        for policy in entries(self.job_set, "volumeClaimPolicies"):
            for template in entries(policy, "templates"):
                yield at(template, "metadata")

    @property
    def job_set(self) -> Json:
        """Spec of the runtime's JobSet."""
        return at(self._runtime, "spec", "template", "spec")

    @property
    def starts_suspended(self) -> bool:
        """True when the job waits at first: by its own wish, or in a queue of Kueue."""
        return bool(self._job.get("suspend")) or bool(
            self.job.metadata and (self.job.metadata.labels or {}).get(constants.KUEUE_QUEUE_LABEL)
        )

    def pod(self, job: str) -> Json:
        """Return the pod spec of one of the runtime's jobs; empty when there is no such job."""
        return at(self.jobs.get(job, {}), "template", "spec", "template", "spec")

    @cached_property
    def pod_counts(self) -> PodCounts:
        """The numbers of pods of the runtime's jobs."""
        return PodCounts.of(self._runtime)

    def replicated_pods(self) -> tuple[ReplicatedPods, ...]:
        """Return how many Jobs and pods become of each of the runtime's jobs, in its order."""
        return self.pod_counts.pods(self.own_num_nodes)

    @property
    def trainer_job(self) -> str | None:
        """The job whose container the trainer's command, arguments and image go to."""
        for name, job in self.jobs.items():
            labels = at(job, "template", "metadata", "labels")
            if labels.get(constants.TRAINJOB_ANCESTOR_LABEL) == "trainer":
                return name
        return None

    @property
    def runtime_resources(self) -> Json:
        """Resources of the trainer's container in the runtime."""
        for container in entries(self.pod(self.trainer_job or ""), "containers"):
            if container.get("name") == constants.NODE:
                return at(container, "resources")
        return {}

    @property
    def is_torchtune(self) -> bool:
        """Whether the control plane completes the command to one of TorchTune."""
        return self.policy == "torch" and self.trainer.get("command") == list(torchtune.COMMAND)
