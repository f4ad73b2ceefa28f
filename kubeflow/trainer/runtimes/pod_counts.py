"""How many pods become of each replicated job of a runtime. Pure.

Facts of Trainer 2.0 to 2.3 and JobSet, measured on 2.3.0:

- A Job gets as many completions as its `parallelism`, whatever `completions` says in the runtime.
- A job with an ancestor label gets one replica. Other jobs keep their `replicas`.
- Jobs with the ancestor label `trainer` get `spec.trainer.numNodes` of the TrainJob as parallelism, else
  `mlPolicy.numNodes`, else 1. Without an `mlPolicy`, their own parallelism takes the place of the last two.
- With `mlPolicy.mpi`, `spec.trainer.numNodes` goes to the job `node` instead: less one where the launcher is a node,
  and at least one. The launcher, which has the ancestor label, always gets `mlPolicy.numNodes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubeflow.cluster import wire
from kubeflow.trainer.constants import constants

_TRAINER = "trainer"
_INITIALIZERS = (constants.DATASET_INITIALIZER, constants.MODEL_INITIALIZER)


@dataclass(frozen=True, slots=True)
class ReplicatedPods:
    """The pods of one replicated job.

    Attributes:
        name: Of the replicated job, like `"node"`.
        replicas: Jobs that are made of it.
        pods: Pods of each of these Jobs.
        trains: True when Trainer gives the command of the TrainJob to it: it has the ancestor label `trainer`.
        initializes: True when it fetches a dataset or a model: by its ancestor label, else by its name.
    """

    name: str
    replicas: int = 1
    pods: int = 1
    trains: bool = False
    initializes: bool = False


@dataclass(frozen=True, slots=True)
class PodCounts:
    """What a runtime says of the numbers of its pods.

    Attributes:
        jobs: Its replicated jobs, in its order, with the pods of a TrainJob that says nothing.
        mpi: True when the runtime has `mlPolicy.mpi`.
        launcher_is_node: True when the launcher of MPI trains too.
    """

    jobs: tuple[ReplicatedPods, ...] = ()
    mpi: bool = False
    launcher_is_node: bool = False

    @classmethod
    def of(cls, runtime: Mapping[str, object]) -> PodCounts:
        """Return what a runtime says, in wire names. What does not fit its schema counts as absent."""
        policy = wire.at(runtime, "spec", "mlPolicy")
        mpi = wire.at(policy, "mpi")
        default = None if policy is None else _count(policy, "numNodes", otherwise=1)
        jobs = wire.objects(runtime, "spec", "template", "spec", "replicatedJobs")
        return cls(
            tuple(_replicated_pods(job, default) for job in jobs if wire.text(job, "name")),
            mpi=mpi is not None,
            launcher_is_node=wire.at(mpi, "runLauncherAsNode") is True,
        )

    def pods(self, num_nodes: int | None) -> tuple[ReplicatedPods, ...]:
        """Return the pods of each replicated job, in the order of the runtime.

        Args:
            num_nodes: `spec.trainer.numNodes` of the TrainJob.
        """
        if num_nodes is None:
            return self.jobs
        return tuple(self._sized(job, num_nodes) for job in self.jobs)

    def nodes(self, num_nodes: int | None) -> int:
        """Return how many training nodes a job has: all pods but initializers, and a launcher that only launches.

        Args:
            num_nodes: `spec.trainer.numNodes` of the TrainJob.
        """
        return sum(job.replicas * job.pods for job in self.pods(num_nodes) if self.has_nodes(job))

    def has_nodes(self, job: ReplicatedPods) -> bool:
        """True when the pods of `job` are training nodes."""
        return not job.initializes and not (self.mpi and not self.launcher_is_node and job.name == constants.LAUNCHER)

    def _sized(self, job: ReplicatedPods, num_nodes: int) -> ReplicatedPods:
        if self.mpi:
            of_node = max(num_nodes - 1, 1) if self.launcher_is_node else num_nodes
            pods = of_node if job.name == constants.NODE else job.pods
        else:
            pods = num_nodes if job.trains else job.pods
        return ReplicatedPods(job.name, job.replicas, pods, job.trains, job.initializes)


def initializes(job: str, ancestor: str = "") -> bool:
    """True when a replicated job fetches a dataset or a model.

    Args:
        job: Its name.
        ancestor: Its ancestor label; empty for none.
    """
    return (ancestor or job) in _INITIALIZERS


def _replicated_pods(job: Mapping[str, object], num_nodes: int | None) -> ReplicatedPods:
    name = wire.text(job, "name")
    ancestor = wire.strings(job, "template", "metadata", "labels").get(constants.TRAINJOB_ANCESTOR_LABEL, "")
    trains = ancestor == _TRAINER
    pods = _count(job, "template", "spec", "parallelism", otherwise=1)
    return ReplicatedPods(
        name,
        1 if ancestor in (_TRAINER, *_INITIALIZERS) else _count(job, "replicas", otherwise=1),
        num_nodes if trains and num_nodes is not None else pods,
        trains,
        initializes(name, ancestor),
    )


def _count(value: object, *path: str, otherwise: int) -> int:
    number = wire.only(int, wire.at(value, *path))
    return otherwise if number is None or number < 0 else number
