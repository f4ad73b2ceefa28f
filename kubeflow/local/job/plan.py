"""The plan of a job of this machine: plain data, complete, so that another process can run the job."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import json
from kubeflow.local.job.container_plan import ContainerPlan, EnginePlan, read_container

PLAN_FILE = "plan.json"
"""In a job's directory: its plan. It holds the whole environment, secrets included, so only its user can read it."""

DEFAULT_EXECUTOR = "process"
"""The executor of jobs that name none."""

GRACE = 5.0
"""Seconds that processes get between TERM and KILL."""


@dataclass(frozen=True, slots=True)
class EnvironmentPlan:
    """The Python of a job where it is not the interpreter that submits it.

    Attributes:
        requirements: Lines of a requirements file, as `kubeflow.packaging` makes them of what is given.
        index_urls: Package indexes, the main one first; empty leaves it to the installer's own configuration.
        python: Another interpreter: its path, or a version like `"3.12"`. `None` is the one that submits; its
            packages are seen, and only what they lack is installed.
        variables: Environment variables of the job that installers read.
        contents: Digests of the files and folders that requirements name.
        fresh: Not empty for requirements of which nobody knows what they are now: no other plan has this text.
    """

    requirements: tuple[str, ...] = ()
    index_urls: tuple[str, ...] = ()
    python: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    contents: tuple[str, ...] = ()
    fresh: str = ""

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class FilesPlan:
    """Files that a node finds when it starts, each time as they are here.

    Attributes:
        directory: Where they are, absolute; what is there before is removed.
        contents: Each in base64, by its path in the directory, with forward slashes.
    """

    directory: str
    contents: Mapping[str, str]

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class NodePlan:
    """One node (or initializer) of a job: a command line with its environment, and what it may use.

    Attributes:
        name: The step's name, like `"node-0"` or `"dataset-initializer"`.
        argv: Its whole command line.
        env: Its whole environment, but for the variables in `rendezvous`.
        rendezvous: Variables whose values depend on where the nodes are, which is known when they start: `{host}` is
            the address of the first node of the stage, `{port}` the job's rendezvous port there.
        ranks: Global ranks of its processes, each of which logs to a file of its own and leaves word of its end there
            (`ranks.watched`); empty for one plain process.
        restarts: How often it starts its ranks anew when one of them has failed.
        gpus: GPUs that it leases for itself; `CUDA_VISIBLE_DEVICES` names them. A container sees no others.
        cpus: CPUs that it may use, `None` for all.
        memory: Bytes that each of its processes may use, `None` for all there is. In a container: all of them together.
        container: What it runs in, for an executor of containers.
        deadline: Seconds after which the job fails while this node runs, `None` for no limit.
        files: Files that are written before it starts; `None` for none.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    rendezvous: Mapping[str, str] = field(default_factory=dict[str, str])
    ranks: tuple[int, ...] = ()
    restarts: int = 0
    gpus: int = 0
    cpus: int | None = None
    memory: int | None = None
    container: ContainerPlan | None = None
    deadline: float | None = None
    files: FilesPlan | None = None

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class JobPlan:
    """A job.

    Attributes:
        name: Its name, unique among the jobs of a state directory.
        stages: Nodes that run side by side, stage after stage; one starts when all of the one before have succeeded.
        cwd: The working directory of all nodes.
        environment: Built before the first stage starts; `None` runs in the interpreter that submits.
        executor: What runs its nodes, by its name in `executors.registry`.
        devices: The GPUs that its nodes can lease, as `CUDA_VISIBLE_DEVICES` names them.
        deadline: Seconds after which it fails while it is active, `None` for no limit.
        grace: Seconds that its processes get between TERM and KILL.
        suspend: Make it without starting it.
        labels: For those who list jobs.
        details: What the layer above wants back with the job: plain JSON data.
        notes: Events that it begins with, each a reason and a message.
        keep_days: Finished jobs older than this are cleaned up when it ends.
        keep_jobs: The oldest finished jobs beyond this many are cleaned up when it ends.
        max_jobs: It starts when fewer than this many jobs run; 0 starts it at once.
        parent: The directory of the job that submitted it; `None` where that was no job of this machine.
        engine: What runs its containers; `None` for processes.
    """

    name: str
    stages: tuple[tuple[NodePlan, ...], ...]
    cwd: str
    environment: EnvironmentPlan | None = None
    executor: str = DEFAULT_EXECUTOR
    devices: tuple[str, ...] = ()
    deadline: float | None = None
    grace: float = GRACE
    suspend: bool = False
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    details: Mapping[str, object] = field(default_factory=dict[str, object])
    notes: tuple[tuple[str, str], ...] = ()
    keep_days: float = 30
    keep_jobs: int = 1000
    max_jobs: int = 0
    parent: str | None = None
    engine: EnginePlan | None = None

    __repr__ = repr_of_fields

    @property
    def nodes(self) -> tuple[NodePlan, ...]:
        """The nodes of all stages, in order."""
        return tuple(node for stage in self.stages for node in stage)


def write_plan(plan: JobPlan, directory: Path) -> None:
    """Write `plan` into a job's directory, for its user's eyes only.

    Raises:
        OSError: When it cannot be written.
    """
    descriptor = os.open(directory / PLAN_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, private from the start
        json.dump(_plain(plan), file, separators=(",", ":"))


def read_plan(directory: Path) -> JobPlan:
    """Return the plan of the job in `directory`; what an earlier version did not write has its default.

    Raises:
        InvalidInput: There is no plan, it is damaged, or a later version has written more into it.
    """
    path = directory / PLAN_FILE
    try:
        return _job(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(
            f"The plan of the job in {str(directory)!r} cannot be read ({error}). It is damaged, or a later version of "
            "kubeflow made it: use that version, or delete the job."
        ) from error


def _plain(plan: JobPlan) -> dict[str, Any]:
    """Return the plan as JSON data. What a job does without is left out, so that a version without that reads it."""
    data = asdict(plan)
    nodes = [(node, name) for stage in data["stages"] for node in stage for name in ("container", "deadline", "files")]
    for part, name in [(data, "engine"), *nodes]:
        if part[name] is None:
            del part[name]
    return data


def _job(data: dict[str, Any]) -> JobPlan:
    environment = data.pop("environment", None)
    engine = data.pop("engine", None)
    return JobPlan(
        stages=tuple(tuple(_node(node) for node in stage) for stage in data.pop("stages")),
        environment=None if environment is None else _environment(environment),
        devices=tuple(data.pop("devices", ())),
        notes=tuple((reason, message) for reason, message in data.pop("notes", ())),
        engine=None if engine is None else EnginePlan(**engine),
        **data,
    )


def _node(data: dict[str, Any]) -> NodePlan:
    container, files = data.pop("container", None), data.pop("files", None)
    return NodePlan(
        argv=tuple(data.pop("argv")),
        ranks=tuple(data.pop("ranks", ())),
        container=None if container is None else read_container(container),
        files=None if files is None else FilesPlan(**files),
        **data,
    )


def _environment(data: dict[str, Any]) -> EnvironmentPlan:
    texts = (tuple(data.pop(name, ())) for name in ("requirements", "index_urls", "contents"))
    requirements, index_urls, contents = texts
    return EnvironmentPlan(requirements, index_urls, contents=contents, **data)
