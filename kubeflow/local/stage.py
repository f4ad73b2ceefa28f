"""The nodes of a job that run side by side, seen from their supervisor."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence

from kubeflow.local import processes
from kubeflow.local.devices import VISIBLE
from kubeflow.local.leases import Share
from kubeflow.local.places import WORKSPACE, Places
from kubeflow.local.plan import NodePlan
from kubeflow.local.progress import STATUS_FILE
from kubeflow.local.ranks import read_ranks
from kubeflow.local.records import RankRecord


class RunningStage:
    """The processes of one stage.

    Args:
        places: Where the job's parts are.
        nodes: What each node runs.
    """

    def __init__(self, places: Places, nodes: Sequence[NodePlan]) -> None:
        self._places = places
        self._nodes = nodes
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._reported: set[str] = set()
        self.starting = ""
        """The node that was started last."""

    @property
    def names(self) -> list[str]:
        """Its steps."""
        return [node.name for node in self._nodes]

    def start(self, shares: Mapping[str, Share], *, cwd: str, port: int) -> None:
        """Start all nodes, one after the other.

        Args:
            shares: The GPUs and CPUs of each.
            cwd: Their working directory.
            port: The job's rendezvous port.

        Raises:
            OSError: When one cannot be started; those before it run.
        """
        for node in self._nodes:
            self.starting = node.name
            share = shares[node.name]
            rendezvous = {name: text.replace("{port}", str(port)) for name, text in node.rendezvous.items()}
            gpus = {} if share.gpus is None else {VISIBLE: ",".join(share.gpus)}
            own = {STATUS_FILE: str(self._places.status), WORKSPACE: str(self._places.workspace)}
            self._processes[node.name] = processes.start(
                node.argv,
                mark=str(self._places.directory),
                env={**node.env, **rendezvous, **gpus, **own},
                cwd=cwd,
                log=self._places.node_log(node.name),
                cpus=share.cpus,
                memory=node.memory,
            )

    def pids(self) -> list[tuple[str, int]]:
        """Return the pid of each node that was started."""
        return [(name, process.pid) for name, process in self._processes.items()]

    def poll(self) -> None:
        """Notice the nodes that have ended."""
        for process in self._processes.values():
            process.poll()

    def exits(self) -> Iterator[tuple[str, int]]:
        """Yield each node with its exit code, once, when it has ended."""
        for name, process in self._processes.items():
            code = process.poll()
            if code is not None and name not in self._reported:
                yield name, code
                self._reported.add(name)

    def ranks(self, name: str, decided: float) -> list[RankRecord]:
        """Return how the ranks of a node ended, those that have; `decided` is when the job's end was."""
        return read_ranks(self._places.node(name), until=decided)

    @property
    def failed(self) -> tuple[str, int] | None:
        """The first node, in order, that has ended otherwise than with exit code 0, and its exit code."""
        codes = ((name, process.returncode) for name, process in self._processes.items())
        return next(((name, code) for name, code in codes if code), None)

    @property
    def succeeded(self) -> bool:
        """Whether all nodes have ended with exit code 0."""
        return all(process.returncode == 0 for process in self._processes.values())
