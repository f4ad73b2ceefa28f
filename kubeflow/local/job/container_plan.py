"""The plan of a container: the image of a node, what the node sees of this machine, and the engine that runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kubeflow.core.display import repr_of_fields

EngineKind = Literal["docker", "podman"]
PullWhen = Literal["IfNotPresent", "Always", "Never"]

RENDEZVOUS_PORT = 29500
"""The port of the rendezvous on the first node of a job in containers, as on a cluster."""


@dataclass(frozen=True, slots=True)
class MountPlan:
    """A folder, a file or a volume that a container sees.

    Attributes:
        source: An absolute path of this machine, or the name of a volume of the engine.
        target: The absolute path in the container.
        read_only: Whether the container may not write to it.
    """

    source: str
    target: str
    read_only: bool = False

    __repr__ = repr_of_fields

    @property
    def is_volume(self) -> bool:
        """True when `source` is the name of a volume."""
        return not self.source.startswith("/")


@dataclass(frozen=True, slots=True)
class ContainerPlan:
    """What a node's container is made of. CPUs, memory and GPUs are those of its `NodePlan`.

    The job's directory is mounted at its own path, readable and writable. The node's `env` reaches it by a file there
    that only the caller can read, never by the engine: an `inspect` shows none of it. Its `PATH`, and whatever `env`
    does not set, is the image's.

    Attributes:
        image: Its name, as the engine takes it.
        pull: When the image is pulled. `Always` asks the registry each time.
        mounts: What it sees besides the job's directory.
        shared_memory: Bytes of `/dev/shm`; `None` leaves it to the engine, which gives 64 MB.
        cpus: CPU time that it may use, in CPUs: 0.5 is half of one. `None` is the number of its `NodePlan`, and no
            limit where that has none. (`NodePlan.cpus` is what the job claims of this machine, in whole CPUs.)
        user: `uid:gid`, or a name that the image knows; `None` is the caller, so that what is written to mounts is the
            caller's.
        workdir: Its working directory; `None` is the image's.
        keep_entrypoint: Whether the command line begins with the image's entrypoint. `NodePlan.argv` then has the
            arguments; where it is empty, the image's own follow.
        before: What stands before the whole command line, the image's entrypoint included; for `ranks.watched`.
        programs: What the image must have for the command line to work, by name or path, like `("python3",)`. One that
            is missing is named in the reason of the failure.
    """

    image: str
    pull: PullWhen = "IfNotPresent"
    mounts: tuple[MountPlan, ...] = ()
    shared_memory: int | None = None
    cpus: float | None = None
    user: str | None = None
    workdir: str | None = None
    keep_entrypoint: bool = False
    before: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class EnginePlan:
    """The container engine of a job, so that any process finds it again.

    Attributes:
        kind: What it is.
        host: Its URL, like `"unix:///run/user/1000/podman/podman.sock"`.
        certificates: A folder with `ca.pem`, `cert.pem` and `key.pem` for an engine that is reached by TLS.
        here: True when its containers are processes of this machine that this one can see, not of a virtual machine.
        rootless: Whether it runs as its user, so that root in a container is that user.
        keep: Whether finished containers and their network stay until the job is deleted.
    """

    kind: EngineKind
    host: str
    certificates: str | None = None
    here: bool = True
    rootless: bool = False
    keep: bool = False

    __repr__ = repr_of_fields


def read_container(data: Mapping[str, Any]) -> ContainerPlan:
    """Return the plan that `dataclasses.asdict` made `data` of."""
    fields = dict(data)
    mounts = tuple(MountPlan(**mount) for mount in fields.pop("mounts", ()))
    before, programs = (tuple(fields.pop(name, ())) for name in ("before", "programs"))
    return ContainerPlan(mounts=mounts, before=before, programs=programs, **fields)
