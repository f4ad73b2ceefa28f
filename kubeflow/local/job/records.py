"""What the store knows of a job: its phase, its nodes and ranks, and what happened to it. Plain data."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from kubeflow.core.display import repr_of_fields
from kubeflow.local.job.process_identity import ProcessIdentity

FinalPhase = Literal["Complete", "Failed", "Stopped"]
JobPhase = Literal["Created", "Running", "Suspended"] | FinalPhase
NodePhase = Literal["Pending", "Running", "Succeeded", "Failed"]
Wanted = Literal["run", "suspend", "stop", "delete"]

FINAL: tuple[FinalPhase, ...] = ("Complete", "Failed", "Stopped")

_SIGNAL = 128  # a shell reports a signal as 128 + its number


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a job ends: in which phase, why in words if it is not complete, and the step that failed first, if any."""

    phase: FinalPhase
    reason: str = ""
    failed_step: str | None = None

    __repr__ = repr_of_fields


STOPPED = Verdict("Stopped", "its user stopped it")
"""The verdict on a job that was running well until its user had enough of it."""


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """One node or initializer.

    Attributes:
        name: Its step, like `"node-0"`.
        stage: The stage that it belongs to, from 0.
        phase: Where it is.
        exit_code: Negative for a signal; `None` while it runs or when it never started.
        id: What the executor calls it, as the pid of a process; `None` when it never started.
    """

    name: str
    stage: int = 0
    phase: NodePhase = "Pending"
    exit_code: int | None = None
    id: str | None = None

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class RankRecord:
    """How one rank ended.

    Attributes:
        rank: Global rank.
        node: Its step, like `"node-0"`.
        exit_code: As a shell reports it: 128 + n for signal n.
        ended: When, in seconds since the epoch.
        late: It ended after the outcome of the job was decided, so it was ended for that.
    """

    rank: int
    node: str
    exit_code: int
    ended: float
    late: bool = False

    __repr__ = repr_of_fields

    @property
    def code(self) -> int:
        """Its exit code as Python has it: negative for a signal."""
        return _SIGNAL - self.exit_code if self.exit_code > _SIGNAL else self.exit_code


@dataclass(frozen=True, slots=True)
class JobEvent:
    """Something that happened to a job, or to the step named `step`."""

    time: datetime
    reason: str
    message: str
    step: str | None = None

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job at one moment.

    Attributes:
        id: Its number in the store; larger is younger.
        name: Its name.
        mark: What its processes are found by, which is also where its plan, bundle and logs are.
        phase: Where it is.
        wanted: What its user wants of it: its supervisor follows.
        verdict: How it ends; known before `phase` says so, which is when none of its processes is left.
        reason: Why it failed, in words; or what it waits for.
        failed_step: The step that failed first.
        created: When it was made.
        settled: None of its processes can be left.
        supervisor: The process that runs it; `None` before one has been started, and while it is suspended.
        submitter: The process that last asked for it to be started.
        nodes: Its steps, in order.
        labels: As its plan says.
        details: As its plan says.
        status: What its processes last reported of their progress: a JSON object, or nothing.
    """

    id: int
    name: str
    mark: str
    phase: JobPhase
    wanted: Wanted
    verdict: FinalPhase | None
    reason: str
    failed_step: str | None
    created: datetime
    settled: bool
    supervisor: ProcessIdentity | None
    submitter: ProcessIdentity
    nodes: tuple[NodeRecord, ...]
    labels: Mapping[str, str]
    details: str
    status: str | None

    __repr__ = repr_of_fields

    @property
    def finished(self) -> bool:
        """Whether it has ended."""
        return self.phase in FINAL

    @property
    def directory(self) -> Path:
        """Where its plan, bundle and logs are."""
        return Path(self.mark)

    def node(self, name: str) -> NodeRecord | None:
        """Return the step called `name`."""
        return next((node for node in self.nodes if node.name == name), None)


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
