"""The steps of a TrainJob: which there are by its runtime and its JobSet, and how each one is by its pod."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kubeflow_api.trainer import v1alpha1

from kubeflow.cluster.wire import each, only
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod, job_order
from kubeflow.trainer.constants import constants
from kubeflow.trainer.jobs.steps import step_name
from kubeflow.trainer.runtimes.known_runtimes import KnownRuntime, Part
from kubeflow.trainer.runtimes.node_devices import device_in, device_of
from kubeflow.trainer.runtimes.pod_counts import ReplicatedPods, initializes
from kubeflow.trainer.types.jobs import JobStatus, Step

_PHASES = ("Pending", "Running", "Succeeded", "Failed")
# No Job has more pods than this; a number beyond it is a mistake that must not take the memory of this process.
_MOST = 100_000


@dataclass(frozen=True, slots=True)
class JobSteps:
    """The steps of a job.

    Attributes:
        steps: In order: initializers, then the launcher, nodes, and all others as in the runtime.
        num_nodes: How many of them are training nodes.
        first_node: The first training node by name: of the replicated job that gets the command of the TrainJob, where
            the runtime says which one that is. `None` where no step trains.
        guessed: True when neither the runtime nor the status nor a pod says what the job consists of: it is taken to
            have nodes.
    """

    steps: tuple[Step, ...]
    num_nodes: int
    first_node: str | None
    guessed: bool = False


def job_steps(
    job: v1alpha1.TrainJob,
    pods: Sequence[JobPod] | None,
    known: KnownRuntime | None,
    status: JobStatus,
    podless: str = "",
) -> JobSteps:
    """Return the steps of a job: those that its runtime and its number of nodes ask for, and those of its pods.

    A step of the runtime is left out where the JobSet differs from the runtime: its replicated job is not in the status
    of the TrainJob, or that status says that all pods of the replicated job are there, and no pod is this step.

    Args:
        job: As the server sent it.
        pods: Its pods, the newest of each step; `None` when they could not be read.
        known: The runtime that it names, if it is known.
        status: The status of the job.
        podless: Why nothing is known of a step that has no pod here; empty when such a step has not started.
    """
    layout = _Layout(job, pods or (), known)
    by_step = {pod.step: pod for pod in pods or ()}
    # A step without a pod: after the end pods may be deleted, and then only success is certain for all of them.
    absent = "Succeeded" if status == "Complete" else None
    if pods is not None and status in ("Created", "Running") and not podless:
        absent = "Pending"
    present = _present(layout.places(), pods or (), layout.settled(status))
    ordered = sorted(present, key=layout.order)
    nodes = [place for place in ordered if layout.is_node(place.job)]
    first = next((place.step for place in nodes if layout.trains(place.job)), nodes[0].step if nodes else None)
    return JobSteps(
        tuple(_step(place, by_step.get(place.step), absent, podless, layout.device(place.job)) for place in ordered),
        len(nodes),
        first,
        layout.guessed,
    )


@dataclass(frozen=True, slots=True)
class _StepPlace:
    """The place of a pod in a JobSet, whether or not the pod is there."""

    job: str
    replica: int
    index: int
    step: str


class _Layout:
    """The replicated jobs of a TrainJob, as far as they are known.

    Args:
        job: As the server sent it.
        pods: Its pods, the newest of each step.
        known: Its runtime.

    Attributes:
        guessed: True when nothing says what the job consists of, so that it is taken to have nodes.
    """

    def __init__(self, job: v1alpha1.TrainJob, pods: Sequence[JobPod], known: KnownRuntime | None) -> None:
        spec = only(v1alpha1.TrainJobSpec, job.spec)
        status = only(v1alpha1.TrainJobStatus, job.status)
        trainer = only(v1alpha1.Trainer, spec and spec.trainer)
        counts = each(v1alpha1.JobStatus, status and status.jobs_status)
        self._counts = {count.name: count for count in counts if only(str, count.name)}
        self._known = known
        self._parts: Mapping[str, Part] = {part.name: part for part in known.parts} if known is not None else {}
        self._own_device = device_of(trainer and trainer.resources_per_node)
        num_nodes = only(int, trainer and trainer.num_nodes)
        jobs = known.pod_counts.pods(num_nodes) if known is not None else ()
        self.guessed = not (jobs or self._counts or pods)
        self._jobs = {each_job.name: each_job for each_job in jobs or self._without_runtime(pods, num_nodes)}
        if self._counts:
            unlike = {name: ReplicatedPods(name) for name in self._counts if name not in self._jobs}
            self._jobs = {name: found for name, found in self._jobs.items() if name in self._counts} | unlike
        self._launched = constants.LAUNCHER in self._jobs
        self._sized_by_job = self._sized(num_nodes)

    def _sized(self, num_nodes: int | None) -> frozenset[str]:
        """Return the replicated jobs whose number of pods the TrainJob itself says."""
        if num_nodes is None:
            return frozenset()
        if self._known is None or self._known.pod_counts.mpi:
            return frozenset({constants.NODE})
        return frozenset(name for name, job in self._jobs.items() if job.trains)

    def _without_runtime(self, pods: Sequence[JobPod], num_nodes: int | None) -> Iterator[ReplicatedPods]:
        """Yield what there is without a runtime: as its status and its pods say, else nodes alone."""
        names = list(self._counts) or list(dict.fromkeys(pod.replicated_job for pod in pods)) or [constants.NODE]
        nodes = num_nodes or 1
        if constants.LAUNCHER in names:  # all MPI runtimes that Trainer ships count it as one of the nodes
            nodes = max(nodes - 1, 1)
        for name in names:
            yield ReplicatedPods(name, pods=nodes if name == constants.NODE else 1, initializes=initializes(name))

    def places(self) -> Iterator[_StepPlace]:
        """Yield the places of all pods that there will be."""
        left = _MOST
        for job in self._jobs.values():
            for replica in range(min(job.replicas, left)):
                for index in range(min(job.pods, left)):
                    step = step_name(
                        job.name, index, replica=replica, replicas=job.replicas, beside_launcher=self._launched
                    )
                    left -= 1
                    yield _StepPlace(job.name, replica, index, step)

    def settled(self, status: JobStatus) -> frozenset[str]:
        """Return the replicated jobs that have all their pods, and whose number of pods only the runtime says."""
        if status == "Complete":
            names = set(self._jobs)
        elif status == "Failed":
            names = set[str]()
        else:
            names = {
                name
                for name, count in self._counts.items()
                if _number(count.ready) + _number(count.succeeded) >= max(self._jobs[name].replicas, 1)
            }
        return frozenset(names - self._sized_by_job)

    def order(self, place: _StepPlace) -> tuple[tuple[int, str], int, int, int]:
        """Sort key of places."""
        name = place.job
        names = list(self._jobs)
        rank, _ = job_order(name)
        if rank > 1 and self._initializes(name):
            rank = 1
        return (rank, ""), names.index(name) if name in names else len(names), place.replica, place.index

    def is_node(self, job: str) -> bool:
        """True when the pods of a replicated job train."""
        if self._known is not None and job in self._jobs:
            return self._known.pod_counts.has_nodes(self._jobs[job])
        return not self._initializes(job)

    def trains(self, job: str) -> bool:
        """True when a replicated job gets the command of the TrainJob."""
        return job in self._jobs and self._jobs[job].trains

    def device(self, job: str) -> tuple[str, str]:
        """Return device and amount of the pods of a replicated job, by the job and the runtime."""
        gets_own = self.trains(job) or job in (constants.NODE, constants.LAUNCHER)
        if gets_own and self._own_device[0] != constants.UNKNOWN:
            return self._own_device
        # The launcher of MPI says nothing of devices: the nodes do.
        part = self._parts.get(constants.NODE if job == constants.LAUNCHER else job) or self._parts.get(job)
        return (part.device, part.device_count) if part is not None else (constants.UNKNOWN, constants.UNKNOWN)

    def _initializes(self, job: str) -> bool:
        return self._jobs[job].initializes if job in self._jobs else initializes(job)


def _present(places: Iterable[_StepPlace], pods: Sequence[JobPod], settled: frozenset[str]) -> list[_StepPlace]:
    """Return the places that pods have or will have."""
    taken = {pod.step: _StepPlace(pod.replicated_job, pod.job_index, pod.completion_index, pod.step) for pod in pods}
    last: dict[str, tuple[int, int]] = {}
    for place in taken.values():
        last[place.job] = max(last.get(place.job, (0, 0)), (place.replica, place.index))
    expected = {
        place.step: place
        for place in places
        if place.job not in settled or place.job not in last or (place.replica, place.index) <= last[place.job]
    }
    return list({**expected, **taken}.values())


def _step(place: _StepPlace, pod: JobPod | None, absent: str | None, podless: str, by_runtime: tuple[str, str]) -> Step:
    device, count = by_runtime
    if pod is None:
        return Step(place.step, absent, "", device, count, "" if absent else podless)
    own, own_count = device_in(pod.resources)
    if own != constants.UNKNOWN:
        device, count = own, own_count
    return Step(place.step, pod.main_phase if pod.main_phase in _PHASES else None, pod.name, device, count)


def _number(count: object) -> int:
    return only(int, count) or 0
