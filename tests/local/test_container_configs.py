"""The request that makes a container, where no engine of the tests shows it: engines that run as their user."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from kubeflow.local.executors.containers.container_config import container_config, podman_config
from kubeflow.local.job.container_plan import ContainerPlan, EngineKind, EnginePlan
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import NodePlan

ME = f"{os.getuid()}:{os.getgid()}"


def config(kind: EngineKind, *, rootless: bool, user: str | None = None) -> dict[str, Any]:
    return container_config(
        NodePlan("node-0", ("true",)),
        ContainerPlan("image:1", user=user),
        EnginePlan(kind, "unix:///run/engine.sock", rootless=rootless),
        command=["/bin/sh", "-c", "true"],
        places=Places(Path("/state/jobs/job-1")),
        gpus=None,
        labels={},
        init=True,
    )


@pytest.mark.parametrize(
    ("kind", "rootless", "user", "expected"),
    [
        ("docker", False, None, (ME, None)),
        ("podman", False, None, (ME, None)),
        # Root in a container of docker's is then the caller; podman keeps the caller's own number.
        ("docker", True, None, ("0:0", None)),
        ("podman", True, None, (ME, "keep-id")),
        ("podman", True, "4321:4321", ("4321:4321", None)),
    ],
)
def test_files_on_mounts_are_the_callers_also_where_the_engine_runs_as_the_caller(
    kind: EngineKind, rootless: bool, user: str | None, expected: tuple[str, str | None]
) -> None:
    made = config(kind, rootless=rootless, user=user)

    assert (made["User"], made["HostConfig"].get("UsernsMode")) == expected


def test_podmans_own_request_says_the_same() -> None:
    made = config("podman", rootless=True)

    spec = podman_config("name", made, ["0", "GPU-1"])

    assert (spec["user"], spec["userns"]) == (ME, {"nsmode": "keep-id"})
    assert spec["devices"] == [{"path": "nvidia.com/gpu=0"}, {"path": "nvidia.com/gpu=GPU-1"}]
    assert "userns" not in podman_config("name", config("podman", rootless=False), ["0"])
