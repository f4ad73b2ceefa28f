"""From a node's plan to the request that makes its container, in the engine's own JSON."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from kubeflow.local.executors.containers.container_engine import NODE_LABEL
from kubeflow.local.executors.processes import MARK
from kubeflow.local.job.container_plan import ContainerPlan, EnginePlan, MountPlan
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import NodePlan

_UNFIT = re.compile(r"[^a-zA-Z0-9_.-]+")
_CPU = 1_000_000_000  # the engine counts in billionths of a CPU


def network_name(places: Places) -> str:
    """Return the name of a job's network. The directory's name is unique in its state directory, and random."""
    return f"kubeflow-{_UNFIT.sub('-', places.directory.name)}"


def container_name(places: Places, node: str) -> str:
    """Return the name of a node's container."""
    return f"{network_name(places)}-{node}"


def container_config(
    node: NodePlan,
    part: ContainerPlan,
    engine: EnginePlan,
    *,
    command: Sequence[str],
    places: Places,
    gpus: Sequence[str] | None,
    labels: Mapping[str, str],
    init: bool,
) -> dict[str, object]:
    """Return the body of the request that makes a node's container.

    https://docs.docker.com/reference/api/engine/version/v1.47/#tag/Container/operation/ContainerCreate

    Args:
        node: The node.
        part: What its container is made of.
        engine: The engine.
        command: Its whole command line.
        places: Where the job's files are.
        gpus: The GPUs that it gets, `None` for none.
        labels: Its labels, but for the node's.
        init: Whether the engine adds a process that collects what other processes leave.
    """
    cpus = part.cpus if part.cpus is not None else node.cpus
    own = MountPlan(str(places.directory), str(places.directory))
    host: dict[str, object] = {
        "Mounts": [_mount(mount) for mount in (own, *part.mounts)],
        "NetworkMode": network_name(places),
        "Init": init,
        # The caller's folders are not given the labels of SELinux that other containers want: none are asked for.
        "SecurityOpt": ["label=disable"],
    }
    if cpus is not None:
        host["NanoCpus"] = round(cpus * _CPU)
    if node.memory is not None:
        # As much with swap as without.
        host |= {"Memory": node.memory, "MemorySwap": node.memory}
    if part.shared_memory is not None:
        host["ShmSize"] = part.shared_memory
    if gpus:
        host |= _devices(gpus, engine)
    user = part.user
    if user is None:
        user = "0:0" if engine.rootless and engine.kind == "docker" else f"{os.getuid()}:{os.getgid()}"
        if engine.rootless and engine.kind == "podman":
            host["UsernsMode"] = "keep-id"
    return {
        "Image": part.image,
        "Entrypoint": list(command[:1]),
        "Cmd": list(command[1:]),
        "Env": [f"{MARK}={places.directory}"],
        "User": user,
        "Labels": {**labels, NODE_LABEL: node.name},
        "Hostname": node.name,
        **({} if part.workdir is None else {"WorkingDir": part.workdir}),
        "HostConfig": host,
        "NetworkingConfig": {"EndpointsConfig": {network_name(places): {"Aliases": [node.name]}}},
    }


def _mount(mount: MountPlan) -> dict[str, object]:
    kind = "volume" if mount.is_volume else "bind"
    return {"Type": kind, "Source": mount.source, "Target": mount.target, "ReadOnly": mount.read_only}


def _devices(gpus: Sequence[str], engine: EnginePlan) -> dict[str, object]:
    """Ask for GPUs: of docker's NVIDIA runtime, and of podman by names of the Container Device Interface."""
    if engine.kind == "docker":
        return {"DeviceRequests": [{"Driver": "", "DeviceIDs": list(gpus), "Capabilities": [["gpu"]]}]}
    return {"Devices": [{"PathOnHost": f"nvidia.com/gpu={gpu}"} for gpu in gpus]}
