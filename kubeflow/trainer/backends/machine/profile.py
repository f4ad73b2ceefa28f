"""What differs between the backends of this machine: all that is known and checked before a job's plan exists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from kubeflow.local.job.container_plan import EnginePlan
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import DEFAULT_EXECUTOR, EnvironmentPlan, NodePlan
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.jobs.jobspec import JobSpec
from kubeflow.trainer.types.runtimes import Runtime

TORCHRUN_LOG = "torchrun.log"
"""In a node's directory: the output of torchrun itself. It repeats at length what the ranks' own logs say better."""

Stages = tuple[tuple[NodePlan, ...], ...]
"""Nodes that run side by side, stage after stage."""


@dataclass(frozen=True, slots=True)
class MachineJob:
    """A checked `JobSpec`, as it would run on this machine.

    Attributes:
        spec: What of the job is realised here.
        stages: Returns the nodes of all stages, once it is known where the job's files are.
        num_nodes: Training nodes.
        device: Device of a node, `"gpu"` or `"cpu"`.
        device_count: Devices of a node.
        devices: The GPUs that the nodes can lease, as `CUDA_VISIBLE_DEVICES` names them.
        executor: What runs the nodes, by its name in `kubeflow.local.executors.registry`.
        engine: What runs their containers; `None` for processes.
        grace: Seconds that nodes get to end by themselves; `None` is what the client gives all its jobs.
        environment: The Python environment that is built for the job; `None` when none is needed.
        notes: What the spec asks for and is left undone, each as an event's reason and message.
    """

    spec: JobSpec
    stages: Callable[[Places], Stages]
    num_nodes: int
    device: str
    device_count: int
    devices: Sequence[str] = ()
    executor: str = DEFAULT_EXECUTOR
    engine: EnginePlan | None = None
    grace: float | None = None
    environment: EnvironmentPlan | None = None
    notes: Sequence[tuple[str, str]] = ()


class Profile(Protocol):
    """One way to run jobs on this machine, such as processes or containers."""

    @property
    def description(self) -> str:
        """What nodes are here, for messages, like `"processes of this machine"`."""
        ...

    @property
    def same_python(self) -> bool:
        """True when nodes run under the Python of this process."""
        ...

    def runtimes(self) -> list[Runtime]:
        """Return the runtimes that jobs can name here, those that cannot run included."""
        ...

    def runtime(self, name: str) -> Runtime:
        """Return one runtime.

        Raises:
            RuntimeNotFound: With the names that exist.
        """
        ...

    def packages(self, runtime: Runtime, backend: Backend) -> str:
        """Return Python, its packages and the devices of a node of `runtime`, as text.

        Args:
            runtime: The runtime.
            backend: Runs a job that finds out, where that takes one.
        """
        ...

    def realise(self, spec: JobSpec) -> MachineJob:
        """Check a job and return what runs for it. Nothing is started or written.

        Raises:
            InvalidInput: When it cannot run here.
            Unsupported: When only another backend can run it.
        """
        ...
