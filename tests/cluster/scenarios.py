"""What is to happen to the pods of a job in the test cluster, as data: how long things take, what goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Script:
    """One life of a container, without a process.

    Attributes:
        lines: What it writes.
        exit_code: How it ends; 137 with `reason="OOMKilled"` for one that the kernel killed.
        reason: What the kubelet calls that; default: `Completed` or `Error`.
        message: What it leaves in its termination message.
        pause: Seconds between two lines.
        together: Lines that get the same time, as a coarse clock gives it to them.
        stays: Seconds that it goes on after its last line; `None` for until it is killed.
        until: It goes on after that until this returns True; asked in a thread of its own.
    """

    lines: Sequence[str] = ()
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    pause: float = 0
    together: int = 1
    stays: float | None = 0
    until: Callable[[], bool] = lambda: True


@dataclass(frozen=True, slots=True)
class Pod:
    """Which pod is asked about.

    Attributes:
        job: Name of the replicated job.
        index: Of the pod in its Job.
        attempt: How often it was started before.
        replica: Which Job of the replicated job it is of.
    """

    job: str
    index: int
    attempt: int
    replica: int = 0


@dataclass(frozen=True, slots=True)
class Disruption:
    """A running pod is ended by the cluster.

    Attributes:
        after: Seconds after its container started.
        deleted: True when the pod is deleted, as one that is preempted; else it stays as `Failed`, as one whose node is
            shut down.
    """

    after: float
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens to one TrainJob.

    Attributes:
        run: The life of each container; `None` runs the command of the TrainJob's nodes as processes. Containers that
            are not `node` are never run: they succeed at once where `run` says nothing. Workers of MPI wait to be ended.
        schedule: Seconds until pods get a node; `None` for never, with the reason in `unschedulable`.
        unschedulable: What the scheduler says about a pod that gets no node.
        pull: Seconds until the image is there.
        pull_error: What the registry says; the image never comes then.
        refused: What the API server says to Trainer when that creates the JobSet; nothing is created then.
        environment: What the image sets.
        disrupted: What the cluster does to a running pod; asked when its container starts for the first time.
        sidecar: The life of a container `proxy` that an injector adds to each pod; `None` for no sidecar. The pod goes on
            until both containers have ended.
    """

    run: Callable[[Pod], Script | None] | None = None
    schedule: float | None = 0
    unschedulable: str = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
    pull: float = 0
    pull_error: str = ""
    refused: str = ""
    environment: dict[str, str] = field(default_factory=dict[str, str])
    sidecar: Script | None = None
    disrupted: Callable[[Pod], Disruption | None] = lambda _: None


REAL = Scenario()
"""Run the nodes' commands."""


def scripted(*scripts: Script) -> Scenario:
    """Return a scenario in which every pod lives by the script of its attempt, the last one again and again."""
    return Scenario(run=lambda pod: scripts[min(pod.attempt, len(scripts) - 1)])
