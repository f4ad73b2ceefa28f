"""The steps of a TrainJob: which there are by its runtime and its number of nodes, and how each one is by its pod."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kubeflow_api.trainer import v1alpha1

from kubeflow.cluster.lenient import only
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod
from kubeflow.trainer.backends.kubernetes.runtimes.known_runtimes import KnownRuntime, Part
from kubeflow.trainer.backends.kubernetes.runtimes.node_devices import device_in, device_of
from kubeflow.trainer.constants import constants
from kubeflow.trainer.jobs.steps import node_step
from kubeflow.trainer.types.jobs import JobStatus, Step

_INITIALIZERS = (constants.DATASET_INITIALIZER, constants.MODEL_INITIALIZER)
_PHASES = ("Pending", "Running", "Succeeded", "Failed")
# No Job has more pods than this; a number beyond it is a mistake that must not take the memory of this process.
_MOST = 100_000


def step_names(job: v1alpha1.TrainJob, known: KnownRuntime | None) -> list[str]:
    """Return the steps that a job will have, in order: initializers, then nodes. No pod is read for it.

    Args:
        job: As the server sent it.
        known: The runtime that it names, if it is known.
    """
    return [step.name for step in _expected(job, known)]


def num_nodes(job: v1alpha1.TrainJob, known: KnownRuntime | None) -> int:
    """Return the training nodes of a job: its own word, else its runtime's, else 1."""
    spec = only(v1alpha1.TrainJobSpec, job.spec)
    trainer = only(v1alpha1.Trainer, spec and spec.trainer)
    return only(int, trainer and trainer.num_nodes) or (known.runtime.trainer.num_nodes if known else 1)


@dataclass(frozen=True, slots=True)
class _Expected:
    """A step that there will be, whether or not there is a pod yet."""

    name: str
    device: str
    device_count: str


def job_steps(
    job: v1alpha1.TrainJob, pods: Sequence[JobPod] | None, known: KnownRuntime | None, status: JobStatus
) -> tuple[Step, ...]:
    """Return the steps of a job, in order: those that its runtime and its number of nodes ask for, and those of pods.

    Args:
        job: As the server sent it.
        pods: Its pods, the newest of each step; `None` when they could not be read.
        known: The runtime that it names, if it is known.
        status: The status of the job.
    """
    by_step = {pod.step: pod for pod in pods or ()}
    expected = {step.name: step for step in _expected(job, known)}
    more = [_Expected(pod.step, *device_in(pod.resources)) for pod in pods or () if pod.step not in expected]
    # A step without a pod: after the end pods may be deleted, and then only success is certain for all of them.
    absent = "Succeeded" if status == "Complete" else None
    if pods is not None and status in ("Created", "Running"):
        absent = "Pending"
    steps = [_step(step, by_step.get(step.name), absent) for step in (*expected.values(), *more)]
    return tuple(sorted(steps, key=_order))


def _step(step: _Expected, pod: JobPod | None, absent: str | None) -> Step:
    if pod is None:
        return Step(step.name, absent, "", step.device, step.device_count)
    device, count = device_in(pod.resources)
    if device == constants.UNKNOWN:
        device, count = step.device, step.device_count
    return Step(step.name, pod.phase if pod.phase in _PHASES else None, pod.name, device, count)


def _expected(job: v1alpha1.TrainJob, known: KnownRuntime | None) -> Iterator[_Expected]:
    spec = only(v1alpha1.TrainJobSpec, job.spec)
    trainer = only(v1alpha1.Trainer, spec and spec.trainer)
    own = device_of(trainer and trainer.resources_per_node)
    nodes = num_nodes(job, known)
    parts = {part.name: part for part in known.parts} if known else {}
    for name in _INITIALIZERS:
        if name in parts:
            yield _Expected(name, parts[name].device, parts[name].device_count)
    node = parts.get(constants.NODE, Part(constants.NODE))
    device, count = own if own[0] != constants.UNKNOWN else (node.device, node.device_count)
    if constants.LAUNCHER in parts:
        # Where the launcher trains too it is one of the nodes, and there is always one beside it.
        nodes = 1 + (max(nodes - 1, 1) if known and known.launcher_is_node else nodes)
    for index in range(min(nodes, _MOST)):
        yield _Expected(node_step(index), device, count)


def _order(step: Step) -> tuple[int, int, str]:
    if step.name in _INITIALIZERS:
        return 0, _INITIALIZERS.index(step.name), ""
    stem, _, index = step.name.rpartition("-")
    if stem == constants.NODE and index.isdigit():
        return 1, int(index), ""
    return 2, 0, step.name
