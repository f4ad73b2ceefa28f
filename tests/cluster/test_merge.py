"""What Trainer makes of a TrainJob, beyond the measured cases: processes, variables, resources, counts. No cluster is needed."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.cluster.merge import jobset_of
from tests.cluster.strategic import strategic

Object = dict[str, Any]


def runtime(policy: Object | None, *jobs: Object, name: str = "some") -> Object:
    spec: Object = {"template": {"spec": {"replicatedJobs": list(jobs) or [replicated()]}}}
    if policy is not None:
        spec["mlPolicy"] = policy
    return {"metadata": {"name": name}, "spec": spec}


def replicated(name: str = "node", step: str = "trainer", *, container: str = "node", **pod: Any) -> Object:
    metadata = {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": step}} if step else {}
    own = {"containers": [{"name": container, "image": "img:1"}], **pod}
    return {"name": name, "template": {"metadata": metadata, "spec": {"template": {"spec": own}}}}


def made(runtime_: Object, trainer: Object | None, minor: str = "2.3", **spec: Any) -> dict[str, Object]:
    """Return the job specs of the JobSet, by the names of the replicated jobs."""
    job = {"metadata": {"name": "mine"}, "spec": {**({} if trainer is None else {"trainer": trainer}), **spec}}
    before = copy.deepcopy((job, runtime_))
    found, _ = jobset_of(job, runtime_, minor)
    assert (job, runtime_) == before  # neither is changed
    return {each["name"]: each["template"]["spec"] for each in found["spec"]["replicatedJobs"]}


def container(job: Object, name: str = "node") -> Object:
    pod = job["template"]["spec"]
    found = next(each for each in [*pod["containers"], *pod.get("initContainers", [])] if each["name"] == name)
    return dict(found)


def variables(container_: Object) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in container_.get("env") or []}


@pytest.mark.parametrize(
    ("own", "asked", "processes"),
    [
        ({}, {}, "1"),
        ({}, {"limits": {"cpu": "2500m"}}, "3"),
        ({}, {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}, "2"),
        ({}, {"limits": {"cpu": "6", "nvidia.com/mig-1g.5gb": "1"}}, "6"),
        ({}, {"limits": {"cpu": "6", "nvidia.com/gpu": "0.5"}}, "auto"),
        ({}, {"limits": {"cpu": "6", "amd.com/gpu": 2}}, "auto"),
        ({"limits": {"nvidia.com/gpu": 2}}, {}, "auto"),
        ({"limits": {"nvidia.com/gpu": 2}}, {"limits": {"cpu": "4"}}, "4"),
        ({"requests": {"cpu": "7"}}, {}, "7"),
    ],
)
def test_torch_starts_a_process_for_each_cpu_where_no_name_says_gpu(own: Object, asked: Object, processes: str) -> None:
    of_torch = runtime({"torch": {}}, replicated(containers=[{"name": "node", "resources": own}]))
    trainer = {"resourcesPerNode": asked} if asked else {}
    assert variables(container(made(of_torch, trainer)["node"]))["PET_NPROC_PER_NODE"] == processes


def test_init_containers_of_torch_know_their_node_too_and_only_a_job_that_says_tune_run_meets_by_its_command() -> None:
    of_torch = runtime({"torch": {}}, replicated(initContainers=[{"name": "before"}]))
    job = made(of_torch, {"numNodes": 2, "env": [{"name": "A", "value": "1"}]})["node"]
    expected = {
        "PET_NNODES": "2",
        "PET_NPROC_PER_NODE": "1",
        "PET_NODE_RANK": "",
        "PET_MASTER_ADDR": "mine-node-0-0.mine",
        "PET_MASTER_PORT": "29500",
    }
    assert variables(container(job, "before")) == expected
    assert variables(container(job)) == {"A": "1", **expected}

    of_tune = runtime(
        {"torch": {}},
        replicated(containers=[{"name": "node", "command": ["tune", "run", "full", "output_dir=/out", "epochs=1"]}]),
        name="torchtune-llama3.2-1b",
    )
    untouched = container(made(of_tune, {})["node"])
    assert untouched["command"][:3] == ["tune", "run", "full"]
    assert "PET_MASTER_ADDR" in variables(untouched)
    completed = container(made(of_tune, {"command": ["tune", "run"], "numProcPerNode": 4})["node"])
    assert completed["command"] == [
        "tune",
        "run",
        "--rdzv_endpoint=mine-node-0-0.mine:29500",
        "full_finetune_distributed",
        "--config",
        "llama3_2/1B_full",
        "output_dir=/out",
    ]
    assert "PET_MASTER_ADDR" not in variables(completed)


@pytest.mark.parametrize(
    ("minor", "resources"),
    [
        ("2.3", {"limits": {"nvidia.com/gpu": 2, "amd.com/gpu": 1}, "requests": {"cpu": "1"}}),
        ("2.2", {"limits": {"amd.com/gpu": 1}}),
    ],
)
def test_resources_are_merged_by_name_and_dropped_without_a_policy(minor: str, resources: Object) -> None:
    own = [{"name": "node", "resources": {"limits": {"nvidia.com/gpu": 2}, "requests": {"cpu": "1"}}}]
    asked = {"resourcesPerNode": {"limits": {"amd.com/gpu": 1}}}
    assert (
        container(made(runtime({"torch": {}}, replicated(containers=own)), asked, minor)["node"])["resources"]
        == resources
    )
    kept = container(made(runtime(None, replicated(containers=own)), asked, minor)["node"])
    assert kept["resources"] == own[0]["resources"]


@pytest.mark.parametrize(
    ("policy", "trainer", "pods"),
    [
        ({"runLauncherAsNode": True}, {"numNodes": 1}, {"launcher": 1, "node": 1}),
        ({"runLauncherAsNode": True}, {"numNodes": 4}, {"launcher": 1, "node": 3}),
        ({"runLauncherAsNode": False}, {"numNodes": 4}, {"launcher": 1, "node": 4}),
        ({"runLauncherAsNode": True}, {}, {"launcher": 1, "node": 1}),
        ({"runLauncherAsNode": True, "nodes": 3}, {}, {"launcher": 3, "node": 1}),
        ({"runLauncherAsNode": True, "nodes": 3}, {"numNodes": 2}, {"launcher": 3, "node": 1}),
    ],
)
def test_the_nodes_of_mpi_are_its_launcher_and_its_workers(policy: Object, trainer: Object, pods: Object) -> None:
    nodes = {"numNodes": policy.pop("nodes")} if "nodes" in policy else {}
    of_mpi = runtime({**nodes, "mpi": policy}, replicated(step=""), replicated("launcher"))
    jobs = made(of_mpi, trainer)
    assert {name: job["completions"] for name, job in jobs.items()} == pods
    assert {name: job["parallelism"] for name, job in jobs.items()} == pods


def test_a_runtime_without_a_job_called_node_is_served_all_the_same() -> None:
    jobs = replicated("leader", "trainer"), replicated("workers", "", container="worker")
    found = made(runtime({"numNodes": 2, "torch": {}}, *jobs), {"image": "mine:2"})
    assert found["leader"]["completions"] == 2
    assert container(found["leader"])["image"] == "mine:2"
    assert container(found["workers"], "worker") == {"name": "worker", "image": "img:1"}


def test_flux_wraps_the_command_and_brings_an_installer() -> None:
    job = made(runtime({"flux": {}}), {"numNodes": 2, "command": ["python", "train.py"], "args": ["--fast"]})["node"]
    assert container(job)["command"] == ["/bin/bash", "/etc/flux-config/entrypoint.sh", "python train.py --fast"]
    assert "args" not in container(job)
    assert container(job, "flux-installer")["command"] == ["/bin/bash", "/etc/flux-config/init.sh"]
    volumes = {volume["name"] for volume in job["template"]["spec"]["volumes"]}
    mounts = {mount["name"] for name in ("node", "flux-installer") for mount in container(job, name)["volumeMounts"]}
    assert mounts <= volumes


def test_a_patch_puts_what_is_new_before_what_it_does_not_name() -> None:
    base = {"env": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}, {"name": "c", "value": "3"}]}
    patch = {"env": [{"name": "new", "value": "0"}, {"name": "b", "value": "9"}]}
    assert [(each["name"], each["value"]) for each in strategic(base, patch)["env"]] == [
        ("new", "0"),
        ("a", "1"),
        ("b", "9"),
        ("c", "3"),
    ]
    twice = {"volumeMounts": [{"mountPath": "/v", "name": "v"}, {"mountPath": "/v", "name": "w"}]}
    assert strategic({}, twice) == twice  # the server refuses it, not the merge
