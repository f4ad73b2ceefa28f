"""The executor of processes: each node is a process of this machine, in a session of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from kubeflow.local.devices import VISIBLE
from kubeflow.local.executors import limits, processes
from kubeflow.local.executors.executor import NodeExit, Report
from kubeflow.local.executors.ports import LOOPBACK, ReservedPort
from kubeflow.local.job.places import Places, environments
from kubeflow.local.job.plan import EnvironmentPlan, JobPlan, NodePlan
from kubeflow.local.store.leases import Share

if TYPE_CHECKING:
    import psutil


class ProcessExecutor:
    """Nodes as processes. In the process that starts nodes, it also ends descendants that lost their mark."""

    def __init__(self) -> None:
        self._held = contextlib.ExitStack()
        self._port: ReservedPort | None = None
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._supervises = False
        self._installing = threading.Event()  # the installer's processes are waited for by another thread

    def check(self, plan: JobPlan) -> None:
        """There is nothing that processes could lack."""

    def prepare(self, plan: JobPlan, places: Places, report: Report, stopped: Callable[[], bool]) -> None:
        """Become the parent of orphans, and build the job's Python environment if it asks for one."""
        self._supervises = True
        limits.adopt_orphans()
        if plan.environment is None:
            return
        self._installing.set()
        try:
            self._build(plan.environment, places, report, stopped)
        finally:
            self._installing.clear()

    def _build(self, environment: EnvironmentPlan, places: Places, report: Report, stopped: Callable[[], bool]) -> None:
        from kubeflow.local.environments.cache import build, hold

        cache = environments(places.state)
        report("EnvironmentBuilding", f"the installer's output is in {places.environment_log}")
        self._held.enter_context(hold(environment, cache))
        build(environment, cache=cache, log=places.environment_log, stop=stopped)
        report("EnvironmentReady", "the environment of the job is there")

    def address(self, node: str) -> str:
        """Return the loopback address, which all nodes share."""
        return LOOPBACK

    def port(self) -> int:
        """Return a free port of the loopback address."""
        if self._port is None:
            self._port = self._held.enter_context(ReservedPort())
        return self._port.number

    def start(
        self, node: NodePlan, *, share: Share, env: Mapping[str, str], cwd: str, mark: str, log: Path
    ) -> ProcessNode:
        """Start a process; on Linux it gets SIGTERM when this process ends."""
        gpus = {} if share.gpus is None else {VISIBLE: ",".join(share.gpus)}
        process = processes.start(
            node.argv, mark=mark, env={**env, **gpus}, cwd=cwd, log=log, cpus=share.cpus, memory=node.memory
        )
        self._children[process.pid] = process
        return ProcessNode(node.name, process, self._reap)

    def running(self, mark: str) -> bool:
        """Return True when a process carries `mark`."""
        import_module("psutil")  # `end` needs it, maybe when there is no descriptor or no memory left to load it

        if any(child.poll() is None for child in self._children.values()):
            return True
        return bool(processes.members(mark))

    def end(self, mark: str, grace: float) -> None:
        """Send SIGTERM, and SIGKILL to what is left after `grace` seconds."""
        processes.end(lambda: self._living(mark), grace)

    def clean(self, mark: str) -> None:
        """Processes leave nothing outside of the job's directory."""

    def forget(self, mark: str) -> None:
        """Nothing of them is kept."""

    def close(self) -> None:
        """Give up the port, and the environment, which may be pruned from now on."""
        self._held.close()
        self._port = None

    def _living(self, mark: str) -> Sequence[psutil.Process]:
        if not self._supervises:
            return processes.members(mark)
        if not self._installing.is_set():
            self._reap()
            if self._childless():
                return ()
        marked = processes.members(mark)
        pids = {process.pid for process in marked}
        return [*marked, *(process for process in processes.descendants() if process.pid not in pids)]

    @staticmethod
    def _childless() -> bool:
        """True when nothing is below this process: whatever it has started, and lost its parent, would be its child."""
        if sys.platform != "linux":
            return False
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return True
        return False

    def _reap(self) -> None:
        """Collect the exit codes of orphans that came to this process; those of nodes stay for `ProcessNode.poll`."""
        if sys.platform != "linux":
            return
        nodes = {pid for pid, process in self._children.items() if process.returncode is None}
        with contextlib.suppress(ChildProcessError):
            while child := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if child.si_pid in nodes:
                    self._children[child.si_pid].poll()
                    nodes.discard(child.si_pid)
                else:
                    os.waitpid(child.si_pid, os.WNOHANG)


class ProcessNode:
    """A node that is a process.

    Args:
        name: The node's name.
        process: The process.
        reap: Collects what orphans left; called whenever the process is polled.
    """

    def __init__(self, name: str, process: subprocess.Popen[bytes], reap: Callable[[], None]) -> None:
        self.name = name
        self._process = process
        self._reap = reap
        self._descriptor: int | None = None
        if sys.platform == "linux":
            with contextlib.suppress(OSError):  # before Linux 5.3, and where a sandbox forbids it
                self._descriptor = os.pidfd_open(process.pid)

    @property
    def id(self) -> str:
        """The pid."""
        return str(self._process.pid)

    @property
    def descriptor(self) -> int | None:
        """The pidfd, until the exit code is known."""
        return self._descriptor

    def poll(self) -> NodeExit | None:
        """Return the exit code once the process has ended."""
        self._reap()
        code = self._process.poll()
        if code is None:
            return None
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        return NodeExit(code)
