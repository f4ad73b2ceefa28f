"""The protocol of executors: what a supervisor needs of the thing that runs the nodes of its job.

A job names its executor in its plan, so that any process can get it again (`registry.executor`): the one that
supervises the job, and one that finds the job after its supervisor was killed. What an executor starts carries the
job's mark, which is the path of the job's directory; by that it is found and ended from any process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import JobPlan, NodePlan
from kubeflow.local.job.records import describe_exit
from kubeflow.local.store.leases import Share

Report = Callable[[str, str], None]
"""Takes the reason and the message of an event of the job."""


OUT_OF_MEMORY = "it had used the memory that it may have"
"""What is said of a node that was ended for want of memory."""


@dataclass(frozen=True, slots=True)
class NodeExit:
    """How a node ended.

    Attributes:
        code: Its exit code; negative for a signal.
        out_of_memory: True when it was ended because it had used the memory that it was allowed.
        message: What the executor has to say of the end, empty for nothing.
        known: False when nobody can tell how, or whether, it ended; `code` then says nothing but that it failed.
    """

    code: int
    out_of_memory: bool = False
    message: str = ""
    known: bool = True

    def __str__(self) -> str:
        """Return it in words that follow the node's name, like `"was killed by SIGKILL"`."""
        if not self.known:
            return f"was lost: {self.message}"
        words = [describe_exit(self.code)]
        words += [OUT_OF_MEMORY] if self.out_of_memory else []
        words += [self.message] if self.message else []
        return ": ".join(words)


class RunningNode(Protocol):
    """A node that was started."""

    @property
    def name(self) -> str:
        """The node's name, like `"node-0"`."""
        ...

    @property
    def id(self) -> str:
        """What the executor calls it: the pid of a process, the id of a container."""
        ...

    @property
    def descriptor(self) -> int | None:
        """A file descriptor that is readable once it has ended; `None` where there is none, or not any more."""
        ...

    def poll(self) -> NodeExit | None:
        """Return how it ended, `None` while it runs. Does not block; the same answer for ever once it has ended."""
        ...


class NodeExecutor(Protocol):
    """Runs the nodes of one job. One object serves one job, in one process."""

    def check(self, plan: JobPlan) -> None:
        """Refuse a job that cannot run, before anything of it is kept or started.

        Raises:
            KubeflowError: With the reason and the remedy.
        """
        ...

    def prepare(self, plan: JobPlan, places: Places, report: Report, stopped: Callable[[], bool]) -> None:
        """Make ready what the job needs before its first node starts, such as its Python environment.

        May take minutes: it runs in a thread of its own, and what it `report`s becomes events of the job. Before it
        has returned, `end` may be called from another thread.

        Args:
            plan: The job.
            places: Where its files are.
            report: Called with the reason and the message of an event.
            stopped: Asked now and then; once it says True, the job is over and there is nothing to be made ready.

        Raises:
            KubeflowError: When the job cannot run; the message becomes the reason of its failure.
        """
        ...

    def address(self, node: str) -> str:
        """Return the host name or address under which the job's nodes reach the node called `node`."""
        ...

    def port(self) -> int:
        """Return the port of the rendezvous on the first node; nobody else is given it before `close`."""
        ...

    def start(
        self, node: NodePlan, *, share: Share, env: Mapping[str, str], cwd: str, mark: str, log: Path
    ) -> RunningNode:
        """Start a node.

        Args:
            node: What it runs. Its own `env` and `rendezvous` are in `env` already.
            share: The GPUs and CPUs that it may use.
            env: Its whole environment.
            cwd: Its working directory.
            mark: The job's mark.
            log: The file that both its outputs are appended to.

        Raises:
            OSError: When it cannot be started; `strerror` says why.
        """
        ...

    def running(self, mark: str) -> bool:
        """Return True when something that carries `mark` runs, whoever has started it."""
        ...

    def end(self, mark: str, grace: float) -> None:
        """End all that carries `mark`; when this returns, nothing of it runs. Idempotent; any process may call it.

        Args:
            mark: The job's mark.
            grace: Seconds between the request to end and the order.

        Raises:
            KubeflowError: When nobody can tell whether something runs; the job is not settled then.
        """
        ...

    def clean(self, mark: str) -> None:
        """Remove what the executor keeps of an ended job outside of its directory, such as networks. Idempotent."""
        ...

    def forget(self, mark: str) -> None:
        """Remove also what `clean` keeps because the plan says so: the job is about to be deleted. Idempotent."""
        ...

    def close(self) -> None:
        """Give up what this object holds for the job, such as its port. Closing twice does nothing."""
        ...
