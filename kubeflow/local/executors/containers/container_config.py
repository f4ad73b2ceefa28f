"""From a node's plan to the request that makes its container, in the engine's own JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from kubeflow.core.stdlib import re
from kubeflow.local.executors.containers.container_engine import NODE_LABEL
from kubeflow.local.executors.processes import MARK
from kubeflow.local.job.container_plan import ContainerPlan, EnginePlan, MountPlan
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import NodePlan

_UNFIT = re.compile(r"[^a-zA-Z0-9_.-]+")
_CPU = 1_000_000_000  # the engine counts in billionths of a CPU
# Seconds that who removes a container by hand has to wait: its shell acts on SIGTERM when the node has ended.
_STOP = 1
_PERIOD = 100_000  # microseconds of which a container gets its part


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
        gpus: The GPUs that it gets, `None` for none; for podman see `podman_config`.
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
    if gpus and engine.kind == "docker":
        host["DeviceRequests"] = [{"Driver": "", "DeviceIDs": list(gpus), "Capabilities": [["gpu"]]}]
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
        "StopTimeout": _STOP,
        **({} if part.workdir is None else {"WorkingDir": part.workdir}),
        "HostConfig": host,
        "NetworkingConfig": {"EndpointsConfig": {network_name(places): {"Aliases": [node.name]}}},
    }


def _mount(mount: MountPlan) -> dict[str, object]:
    kind = "volume" if mount.is_volume else "bind"
    return {"Type": kind, "Source": mount.source, "Target": mount.target, "ReadOnly": mount.read_only}


def podman_config(name: str, config: Mapping[str, Any], gpus: Sequence[str]) -> dict[str, object]:
    """Return the body of podman's own request for a container with GPUs.

    Podman leaves out the device requests of docker's without a word, as 4.9 does
    (https://github.com/containers/podman/issues/28436), and takes names of the Container Device Interface in this one.
    https://docs.podman.io/en/latest/_static/api.html#tag/containers/operation/ContainerCreateLibpod

    Args:
        name: The container's name.
        config: What `container_config` has made.
        gpus: The GPUs.
    """
    host: Mapping[str, Any] = config["HostConfig"]
    mounts = [mount for mount in host["Mounts"] if mount["Type"] == "bind"]
    volumes = [mount for mount in host["Mounts"] if mount["Type"] == "volume"]
    limits: dict[str, object] = {}
    if "Memory" in host:
        limits["memory"] = {"limit": host["Memory"], "swap": host["MemorySwap"]}
    if "NanoCpus" in host:
        limits["cpu"] = {"period": _PERIOD, "quota": host["NanoCpus"] * _PERIOD // _CPU}
    return {
        "name": name,
        "image": config["Image"],
        "entrypoint": config["Entrypoint"],
        "command": config["Cmd"],
        "env": dict(text.split("=", 1) for text in config["Env"]),
        "user": config["User"],
        "labels": config["Labels"],
        "hostname": config["Hostname"],
        "stop_timeout": config["StopTimeout"],
        **({"work_dir": config["WorkingDir"]} if "WorkingDir" in config else {}),
        "init": host["Init"],
        "mounts": [
            {
                "type": "bind",
                "source": mount["Source"],
                "destination": mount["Target"],
                "options": ["rbind", "ro" if mount["ReadOnly"] else "rw"],
            }
            for mount in mounts
        ],
        "volumes": [
            {"Name": mount["Source"], "Dest": mount["Target"], "Options": ["ro" if mount["ReadOnly"] else "rw"]}
            for mount in volumes
        ],
        "netns": {"nsmode": "bridge"},
        "Networks": {
            network: {"aliases": endpoint["Aliases"]}
            for network, endpoint in config["NetworkingConfig"]["EndpointsConfig"].items()
        },
        **({"userns": {"nsmode": host["UsernsMode"]}} if "UsernsMode" in host else {}),
        **({"shm_size": host["ShmSize"]} if "ShmSize" in host else {}),
        "selinux_opts": ["disable"],
        "resource_limits": limits,
        "devices": [{"path": f"nvidia.com/gpu={gpu}"} for gpu in gpus],
    }
