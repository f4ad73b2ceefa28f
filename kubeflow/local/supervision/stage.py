"""The running nodes of one stage: their start, their exits, their ranks."""

from __future__ import annotations

import binascii
import math
import select
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from kubeflow.local.executors.executor import NodeExecutor, NodeExit, RunningNode
from kubeflow.local.job.places import WORKSPACE, Places
from kubeflow.local.job.plan import FilesPlan, NodePlan
from kubeflow.local.job.records import RankRecord
from kubeflow.local.logs.ranks import read_ranks
from kubeflow.local.store.leases import Share
from kubeflow.packaging.remote.reports import REPORTS_FILE, STATUS_FILE


class RunningStage:
    """The nodes of one stage, which run side by side.

    Args:
        places: The files of the job.
        nodes: The plan of each node.
        executor: The executor that runs the nodes.
    """

    def __init__(self, places: Places, nodes: Sequence[NodePlan], executor: NodeExecutor) -> None:
        self._places = places
        self._plans = nodes
        self._executor = executor
        self._nodes: list[RunningNode] = []
        self._exits: dict[str, NodeExit] = {}
        self._reported: set[str] = set()
        self._started = math.inf
        self.starting = ""
        """The node that was started last."""

    @property
    def names(self) -> list[str]:
        """The names of the nodes, which are steps."""
        return [node.name for node in self._plans]

    def start(self, shares: Mapping[str, Share], *, cwd: str) -> None:
        """Start all nodes, one after the other.

        Args:
            shares: The GPUs and CPUs of each node, by its name.
            cwd: The working directory of the nodes.

        Raises:
            OSError: A node cannot be started; the nodes before it run.
        """
        self._started = time.monotonic()
        own = {
            STATUS_FILE: str(self._places.status),
            REPORTS_FILE: str(self._places.reports),
            WORKSPACE: str(self._places.workspace),
        }
        where = {"{host}": self._executor.address(self.names[0]), "{port}": str(self._executor.port())}
        for node in self._plans:
            self.starting = node.name
            if node.files is not None:
                _write(node.files)
            rendezvous = {name: _filled_in(text, where) for name, text in node.rendezvous.items()}
            self._nodes.append(
                self._executor.start(
                    node,
                    share=shares[node.name],
                    env={**node.env, **rendezvous, **own},
                    cwd=cwd,
                    mark=str(self._places.directory),
                    log=self._places.node_log(node.name),
                )
            )

    def ids(self) -> list[tuple[str, str]]:
        """Return the name of each node that was started, with the id that the executor gave it."""
        return [(node.name, node.id) for node in self._nodes]

    def wait(self, seconds: float) -> None:
        """Let time pass; less when a node ends of which the system tells that."""
        running = (node.descriptor for node in self._nodes if node.name not in self._exits)
        descriptors = [descriptor for descriptor in running if descriptor is not None]
        if not descriptors:
            time.sleep(seconds)
            return
        poll = select.poll()
        for descriptor in descriptors:
            poll.register(descriptor, select.POLLIN)
        poll.poll(seconds * 1000)

    def poll(self) -> None:
        """Ask the executor which nodes have ended since the last call."""
        for node in self._nodes:
            if node.name not in self._exits and (end := node.poll()) is not None:
                self._exits[node.name] = end

    def exits(self) -> Iterator[tuple[str, NodeExit]]:
        """Yield each node that has ended, once, with how it ended."""
        self.poll()
        for name, end in self._exits.items():
            if name not in self._reported:
                yield name, end
                self._reported.add(name)

    def ranks(self, name: str, decided: float) -> list[RankRecord]:
        """Return how the ranks of a node ended that have ended; `decided` is when the end of the job was decided."""
        return read_ranks(self._places.node(name), until=decided)

    @property
    def failed(self) -> tuple[str, NodeExit] | None:
        """The first node, in order, that has ended otherwise than with exit code 0."""
        ends = ((name, self._exits.get(name)) for name in self.names)
        return next(((name, end) for name, end in ends if end is not None and end.code), None)

    @property
    def overdue(self) -> NodePlan | None:
        """The first node, in order, that still runs and has had more time than its plan gives it."""
        passed = time.monotonic() - self._started
        late = (node for node in self._plans if node.deadline is not None and passed > node.deadline)
        return next((node for node in late if node.name not in self._exits), None)

    @property
    def succeeded(self) -> bool:
        """True when all nodes have ended with exit code 0."""
        ends = [self._exits.get(name) for name in self.names]
        return all(end is not None and end.code == 0 for end in ends)


def _write(files: FilesPlan) -> None:
    root = Path(files.directory)
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(0o700, parents=True)
    for path, content in files.contents.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(binascii.a2b_base64(content))


def _filled_in(text: str, values: Mapping[str, str]) -> str:
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text
