"""One running job: starts its nodes, watches them, ends them all when one fails, and says how far it is."""

from __future__ import annotations

import logging
import math
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from kubeflow.local import processes
from kubeflow.local.logs import LAUNCHER_LOG

logger = logging.getLogger(__name__)

_POLL = 0.02  # seconds between two looks at the nodes
GRACE = 5.0
"""Seconds that processes get between TERM and KILL."""

JobPhase = Literal["Created", "Running", "Complete", "Failed"]
NodePhase = Literal["Pending", "Running", "Succeeded", "Failed"]


@dataclass(frozen=True, slots=True)
class NodePlan:
    """What one node runs: its whole command line and environment."""

    argv: Sequence[str]
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NodeState:
    """How far a node is. `exit_code` is negative for a signal, `None` while it runs or when it never started."""

    phase: NodePhase = "Pending"
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class JobState:
    """How far a job is, at one moment.

    Attributes:
        phase: Where it is between `Created` and `Complete` or `Failed`.
        nodes: Its nodes, in order.
        reason: Why it failed, in words; empty before.
        failed_node: The node that failed first.
        decided: When its outcome was decided, in seconds since the epoch; what ends later was ended for it.
    """

    phase: JobPhase
    nodes: tuple[NodeState, ...]
    reason: str = ""
    failed_node: int | None = None
    decided: float = math.inf

    @property
    def finished(self) -> bool:
        """Whether the job has ended."""
        return self.phase in ("Complete", "Failed")


@dataclass(frozen=True, slots=True)
class JobEvent:
    """Something that happened to a job, or to one of its nodes (`node` is its index)."""

    time: datetime
    reason: str
    message: str
    node: int | None = None


class LocalJob:
    """A job of this process.

    It lives no longer than this process: a thread watches it. All methods may be called from any thread.

    Args:
        name: The job's name.
        directory: Its own directory; logs go to `node_dir(i)`.
        nodes: What each node runs.
        cwd: The working directory of all nodes.
        deadline: Seconds after which it fails, `None` for no limit.
        grace: Seconds between TERM and KILL when it is ended.
        on_end: Called once, by the watching thread, when no process is left.
    """

    def __init__(
        self,
        name: str,
        directory: Path,
        nodes: Sequence[NodePlan],
        *,
        cwd: Path,
        deadline: float | None = None,
        grace: float = GRACE,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.directory = directory
        self.created = datetime.now(UTC)
        self._plans = tuple(nodes)
        self._cwd = cwd
        self._deadline = deadline
        self._grace = grace
        self._on_end = on_end
        self._mark = str(directory)
        self._nodes: list[subprocess.Popen[bytes]] = []
        self._events: list[JobEvent] = []
        self._starting = threading.Lock()
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._state = JobState("Created", tuple(NodeState() for _ in self._plans))
        self._thread = threading.Thread(target=self._watch, name=f"kubeflow-job-{name}", daemon=True)
        self._record("Created", f"{len(self._plans)} node(s), logs in {directory}")

    @property
    def state(self) -> JobState:
        """How far it is now."""
        return self._state

    @property
    def stopping(self) -> bool:
        """Whether somebody has asked the job to end."""
        return self._stop.is_set()

    @property
    def events(self) -> tuple[JobEvent, ...]:
        """What happened so far, oldest first."""
        return tuple(self._events)

    @property
    def node_dirs(self) -> list[tuple[int, Path]]:
        """Index and log directory of each node."""
        return [(index, self.node_dir(index)) for index in range(len(self._plans))]

    def node_dir(self, index: int) -> Path:
        """Return the directory of a node's logs."""
        return self.directory / f"node-{index}"

    def start(self) -> None:
        """Start all nodes. When this raises, no process is left and the job must not be used.

        Raises:
            OSError: When one cannot be started.
        """
        with self._starting:
            self._start()

    def _start(self) -> None:
        try:
            for index, plan in enumerate(self._plans):
                self.node_dir(index).mkdir()
                node = processes.start(
                    plan.argv,
                    mark=self._mark,
                    env=plan.env,
                    cwd=self._cwd,
                    log=self.node_dir(index) / LAUNCHER_LOG,
                )
                self._nodes.append(node)
                self._set_node(index, NodeState("Running"))
                self._record("Started", f"process {node.pid}", index)
        except BaseException:
            processes.end(self._mark, self._nodes, self._grace)
            raise
        self._set(replace(self._state, phase="Running"))
        self._thread.start()

    def next_state(self, seen: JobState, timeout: float) -> JobState:
        """Return the state as soon as it is another one than `seen`, or after `timeout` seconds as it is then."""
        with self._changed:
            self._changed.wait_for(lambda: self._state is not seen, timeout)
            return self._state

    def record(self, reason: str, message: str) -> None:
        """Add an event about the job."""
        self._record(reason, message)

    def ask_to_stop(self) -> None:
        """Make the job end soon, without waiting for it."""
        self._stop.set()

    def stop(self) -> None:
        """End the job if it runs; when this returns, none of its processes is left."""
        self.ask_to_stop()
        with self._starting:  # a job that is just being started gets its watcher first
            alive = self._thread.is_alive()
        if alive:
            self._thread.join()

    def remove(self) -> None:
        """End the job and delete its directory."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
        if self.directory.exists():
            logger.warning("could not delete %s; delete it by hand", self.directory)

    def _watch(self) -> None:
        try:
            final = replace(self._until_final(), decided=time.time())
            processes.end(self._mark, self._nodes, self._grace)
            self._collect()
            final = replace(final, nodes=self._state.nodes)
        except Exception as error:  # a watcher that dies silently would leave waiters waiting for ever
            logger.exception("watching job %s failed", self.name)
            final = replace(self._state, phase="Failed", reason=f"watching it failed: {error!r}")
        self._on_end()
        self._record(final.phase, final.reason or "all nodes succeeded")
        self._set(final)

    def _until_final(self) -> JobState:
        """Watch until the job is over; some of its processes may still be there then."""
        end = None if self._deadline is None else time.monotonic() + self._deadline
        while True:
            self._collect()
            nodes = self._state.nodes
            failed = next((i for i, node in enumerate(nodes) if node.phase == "Failed"), None)
            if failed is not None:
                reason = f"node-{failed} {describe_exit(nodes[failed].exit_code)}"
                return replace(self._state, phase="Failed", reason=reason, failed_node=failed)
            if all(node.phase == "Succeeded" for node in nodes):
                return replace(self._state, phase="Complete")
            if end is not None and time.monotonic() >= end:
                reason = f"it was active for longer than {self._deadline:g} s"
                return replace(self._state, phase="Failed", reason=reason)
            if self._stop.wait(_POLL):
                return replace(self._state, phase="Failed", reason="it was ended by its user")

    def _collect(self) -> None:
        for index, process in enumerate(self._nodes):
            code = process.poll()
            if code is not None and self._state.nodes[index].exit_code is None:
                self._set_node(index, NodeState("Failed" if code else "Succeeded", code))
                self._record("Exited", describe_exit(code), index)

    def _record(self, reason: str, message: str, node: int | None = None) -> None:
        self._events.append(JobEvent(datetime.now(UTC), reason, message, node))

    def _set_node(self, index: int, node: NodeState) -> None:
        nodes = self._state.nodes
        self._set(replace(self._state, nodes=(*nodes[:index], node, *nodes[index + 1 :])))

    def _set(self, state: JobState) -> None:
        with self._changed:
            self._state = state
            self._changed.notify_all()


def describe_exit(code: int | None) -> str:
    """Return what an exit code says, like `"was killed by SIGKILL"`; negative codes are signals."""
    if code is None:
        return "did not start"
    if code < 0:
        try:
            return f"was killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"was killed by signal {-code}"
    return f"exited with code {code}"
