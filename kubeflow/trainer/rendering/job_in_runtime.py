"""A TrainJob beside its runtime: how many nodes, which jobs, which pods. Reads both leniently and changes neither."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, cast

from kubeflow.trainer.constants import constants
from kubeflow.trainer.jobs import torchtune
from kubeflow.trainer.options._merging import Json, at
from kubeflow.trainer.types.runtimes import RuntimeKind

if TYPE_CHECKING:
    from kubeflow_api.trainer import v1alpha1

_POLICIES = ("torch", "mpi", "jax", "xgboost", "flux")


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
        """Kind of the runtime, as the job names it."""
        return str(at(self._job, "runtimeRef").get("kind") or RuntimeKind.CLUSTER_TRAINING_RUNTIME.value)

    @property
    def runtime_group(self) -> str:
        """API group of the runtime, as the job names it."""
        return str(at(self._job, "runtimeRef").get("apiGroup") or constants.GROUP)

    @property
    def has_trainer(self) -> bool:
        """Whether the job has `spec.trainer`, be it empty."""
        return self._job.get("trainer") is not None

    @property
    def trainer(self) -> Json:
        """`spec.trainer`."""
        return at(self._job, "trainer")

    @property
    def initializers(self) -> Mapping[str, Json]:
        """`dataset` and `model`, as far as the job has them."""
        given = at(self._job, "initializer")
        return {field: at(given, field) for field in ("dataset", "model") if given.get(field) is not None}

    @property
    def runtime_patches(self) -> list[Json]:
        """`spec.runtimePatches`."""
        return cast("list[Json]", self._job.get("runtimePatches") or [])

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
        """Training nodes."""
        for source in (self.trainer, self.ml_policy):
            if isinstance(count := source.get("numNodes"), int):
                return count
        return 1

    @cached_property
    def jobs(self) -> Mapping[str, Json]:
        """The runtime's replicated jobs, by name."""
        listed = at(self._runtime, "spec", "template", "spec").get("replicatedJobs")
        return {str(job.get("name")): job for job in cast("list[Json]", listed or [])}

    @property
    def claims(self) -> Iterator[Json]:
        """Metadata of the claims that the JobSet makes, from Trainer 2.2 on: volumes of its pods by the same names."""
        listed = at(self._runtime, "spec", "template", "spec").get("volumeClaimPolicies")
        for policy in cast("list[Json]", listed or []):
            for template in cast("list[Json]", policy.get("templates") or []):
                yield at(template, "metadata")

    def pod(self, job: str) -> Json:
        """Return the pod spec of one of the runtime's jobs; empty when there is no such job."""
        return at(self.jobs.get(job, {}), "template", "spec", "template", "spec")

    def sizes(self) -> Iterator[tuple[str, int, int]]:
        """Yield each of the runtime's jobs: its name, how many Jobs it becomes, and how many pods each has."""
        for name, job in self.jobs.items():
            replicas = job.get("replicas")
            yield name, replicas if isinstance(replicas, int) and replicas > 0 else 1, self._pods(name, job)

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
        for container in cast("list[Json]", self.pod(self.trainer_job or "").get("containers") or []):
            if container.get("name") == constants.NODE:
                return at(container, "resources")
        return {}

    @property
    def is_torchtune(self) -> bool:
        """Whether the control plane completes the command to one of TorchTune."""
        return self.policy == "torch" and self.trainer.get("command") == list(torchtune.COMMAND)

    def _pods(self, name: str, job: Json) -> int:
        if self.launcher_trains:
            if name == constants.LAUNCHER:
                return 1
            if name == constants.NODE:
                return max(self.num_nodes - 1, 1)
        if name == self.trainer_job:
            return self.num_nodes
        parallelism = at(job, "template", "spec").get("parallelism")
        return parallelism if isinstance(parallelism, int) and parallelism > 0 else 1
