"""Jobs of runtimes as administrators write them: their steps, node counts and logs, on a real API server.

Nobody controls the cluster. Pods are made as JobSet would make them.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.trainer import CustomTrainerContainer, TrainerClient, TrainJob
from kubeflow.trainer.types.jobs import AWAITABLE
from tests.cluster.trainjobs import API
from tests.trainer.kubernetes.backend.home import Home
from tests.trainer.kubernetes.objects import ended, running

Json = dict[str, Any]
_numbers = itertools.count()
GPU = {"limits": {"nvidia.com/gpu": "4"}}


def replicated(
    name: str, *, ancestor: str = "", container: str = "node", resources: Json | None = None, **spec: Any
) -> Json:
    """Return a replicated job of a runtime. `replicas` is its own; `parallelism` and the like are of its Jobs."""
    replicas = {"replicas": spec.pop("replicas")} if "replicas" in spec else {}
    labels = {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": ancestor}} if ancestor else {}
    containers = [{"name": container, "image": "example/image:1", "resources": resources or {}}]
    return {
        "name": name,
        **replicas,
        "template": {"metadata": labels, "spec": {**spec, "template": {"spec": {"containers": containers}}}},
    }


def runtime(home: Home, jobs: Sequence[Json], policy: Mapping[str, object] | None = None) -> str:
    """Make a runtime with these replicated jobs, and return its name."""
    name = f"own-{next(_numbers)}"
    spec: Json = {"template": {"spec": {"replicatedJobs": list(jobs)}}}
    if policy is not None:
        spec["mlPolicy"] = policy
    body = {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "ClusterTrainingRuntime", "metadata": {"name": name}}
    home.wire.send("POST", f"{API}/clustertrainingruntimes", {**body, "spec": spec})
    return name


def trainjob(home: Home, namespace: str, runtime: str, **trainer: object) -> None:
    home.made(namespace).trainjob("job", runtimeRef={"name": runtime}, trainer=trainer)


def seen(client: TrainerClient) -> TrainJob:
    """Return the job as all ways of looking at it show it."""
    job = client.get_job("job")
    assert client.list_jobs() == [job]
    assert client.wait_for_job_status("job", AWAITABLE, timeout=30) == job
    explained = str(client.explain("job"))
    if len(job.steps) <= 2:
        assert all(step.name in explained for step in job.steps)
    assert f"{job.num_nodes} node(s)" in explained
    return job


def steps(job: TrainJob) -> dict[str, str | None]:
    return {step.name: step.status for step in job.steps}


def log(home: Home, namespace: str, pod: str, *lines: str, container: str = "node") -> None:
    """Write the log of a container."""
    file = home.kubeconfig.parent / "podlogs" / namespace / pod / f"{container}.log"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"2026-01-01T00:00:0{number}.000000001Z {line}\n" for number, line in enumerate(lines)))


LEADER = (replicated("workers", parallelism=3, completions=3), replicated("leader", ancestor="trainer"))


def test_a_runtime_without_a_job_called_node_has_steps_by_its_own_names(newest: Home, namespace: str) -> None:
    trainjob(newest, namespace, runtime(newest, LEADER, {"numNodes": 1}))
    client = TrainerClient(newest.config(namespace))

    job = seen(client)
    assert steps(job) == dict.fromkeys(["workers-0", "workers-1", "workers-2", "leader-0"], "Pending")
    assert job.num_nodes == job.runtime.trainer.num_nodes == 4

    made = newest.made(namespace)
    leader = made.pod("job", "leader", status=running())
    workers = [made.pod("job", "workers", index, status=running()) for index in range(3)]
    log(newest, namespace, leader, "leading")
    for number, pod in enumerate(workers):
        log(newest, namespace, pod, f"working {number}")

    job = seen(client)
    assert (steps(job), job.status) == (dict.fromkeys(steps(job), "Running"), "Running")
    assert list(client.get_job_logs("job")) == ["leading"]
    assert list(client.get_job_logs("job", "workers-2")) == ["working 2"]
    assert sorted(client.get_job_logs("job", None)) == [
        "[leader-0] leading",
        *(f"[workers-{number}] working {number}" for number in range(3)),
    ]


def test_a_step_that_is_not_there_is_refused_with_those_that_are(newest: Home, namespace: str) -> None:
    trainjob(newest, namespace, runtime(newest, LEADER))
    client = TrainerClient(newest.config(namespace))

    for step in ("node-0", "worker-0", "workers-3", "leader"):
        with pytest.raises(InvalidInput, match=r"Steps: workers-0 ... workers-2 \(3\), leader-0; step=None"):
            client.get_job_logs("job", step)
    with pytest.raises(InvalidInput, match="Did you mean 'workers-0'"):
        client.get_job_logs("job", "worker-0")


def test_the_log_of_the_first_node_is_followed_whatever_it_is_called(newest: Home, namespace: str) -> None:
    trainjob(newest, namespace, runtime(newest, LEADER))
    client = TrainerClient(newest.config(namespace))
    made = newest.made(namespace)
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(client.get_job_logs("job", follow=True)))
    reader.start()
    made.pod("job", "workers", 0, status=running())
    leader = made.pod("job", "leader")
    log(newest, namespace, leader, "leading", "done")
    made.pod_status(leader, ended(0))
    made.end("job")
    reader.join(60)
    assert lines == ["leading", "done"]


def test_jobs_whose_names_begin_alike_have_steps_of_their_own(newest: Home, namespace: str) -> None:
    jobs = [replicated("workers-1"), replicated("workers", replicas=3, parallelism=2), replicated("workers-1-0")]
    trainjob(newest, namespace, runtime(newest, jobs))
    client = TrainerClient(newest.config(namespace))
    of_workers = [f"workers-{replica}-{index}" for replica in range(3) for index in range(2)]
    names = ["workers-1-0-0", *of_workers, "workers-1-0-0-0"]
    assert list(steps(seen(client))) == names

    made = newest.made(namespace)
    log(newest, namespace, made.pod("job", "workers-1", status=running()), "alone")
    for replica in range(3):
        for index in range(2):
            pod = made.pod("job", "workers", index, replica=replica, replicas=3, status=running())
            log(newest, namespace, pod, f"{replica}-{index}")
    log(newest, namespace, made.pod("job", "workers-1-0", status=running()), "alone too")

    assert steps(seen(client)) == dict.fromkeys(names, "Running")
    for step, line in zip(names, ["alone", "0-0", "0-1", "1-0", "1-1", "2-0", "2-1", "alone too"], strict=True):
        assert list(client.get_job_logs("job", step)) == [line]


def test_replicas_are_steps_each_with_a_log_of_its_own(newest: Home, namespace: str) -> None:
    name = runtime(newest, [replicated("leader"), replicated("workers", replicas=2, parallelism=2)])
    trainjob(newest, namespace, name)
    client = TrainerClient(newest.config(namespace))
    names = ["leader-0", "workers-0-0", "workers-0-1", "workers-1-0", "workers-1-1"]
    job = seen(client)
    assert (list(steps(job)), job.num_nodes) == (names, 5)

    made = newest.made(namespace)
    for replica, index in ((1, 1), (0, 0), (1, 0), (0, 1)):
        pod = made.pod("job", "workers", index, replica=replica, replicas=2, status=running())
        log(newest, namespace, pod, f"I am {replica}-{index}")
    job = seen(client)
    assert steps(job) == {"leader-0": "Pending"} | dict.fromkeys(names[1:], "Running")
    assert len({step.pod_name for step in job.steps}) == 5
    for step in names[1:]:
        assert list(client.get_job_logs("job", step)) == [f"I am {step.removeprefix('workers-')}"]


@pytest.mark.parametrize(
    ("spec", "num_nodes", "expected"),
    [
        ({"parallelism": 3, "completions": 3}, None, 3),
        ({"parallelism": 3}, None, 3),
        ({"parallelism": 2, "completions": 5}, None, 2),  # Trainer writes the parallelism into both
        ({"completions": 5}, None, 1),
        ({"parallelism": 3, "completionMode": "NonIndexed"}, None, 3),
        ({"parallelism": 0}, None, 0),
        ({"parallelism": 3}, 2, 3),  # no ancestor label: not for the job to say
        ({"parallelism": 3, "ancestor": "trainer"}, 2, 2),
        ({"parallelism": 3, "ancestor": "trainer"}, None, 3),
        ({"parallelism": 3, "ancestor": "trainer", "replicas": 4}, 2, 2),  # Trainer makes one of it
    ],
)
def test_a_job_has_as_many_steps_as_trainer_makes_pods(
    newest: Home, namespace: str, spec: Json, num_nodes: int | None, expected: int
) -> None:
    trainer = {} if num_nodes is None else {"numNodes": num_nodes}
    trainjob(newest, namespace, runtime(newest, [replicated("trainers", **spec)]), **trainer)
    job = seen(TrainerClient(newest.config(namespace)))
    assert (list(steps(job)), job.num_nodes) == ([f"trainers-{index}" for index in range(expected)], expected)


def test_the_policy_of_a_runtime_says_how_many_nodes_a_job_has_that_does_not_say(newest: Home, namespace: str) -> None:
    name = runtime(newest, [replicated("trainers", ancestor="trainer", parallelism=3)], {"numNodes": 2, "torch": {}})
    trainjob(newest, namespace, name)
    job = seen(TrainerClient(newest.config(namespace)))
    assert (list(steps(job)), job.num_nodes, job.runtime.trainer.num_nodes) == (["trainers-0", "trainers-1"], 2, 2)


def test_pods_without_an_index_are_steps_too(newest: Home, namespace: str) -> None:
    name = runtime(newest, [replicated("workers", parallelism=3, completionMode="NonIndexed")])
    trainjob(newest, namespace, name)
    made = newest.made(namespace)
    for suffix in ("aaaaa", "bbbbb", "ccccc"):
        pod = made.pod("job", "workers", None, suffix=suffix, status=running())
        log(newest, namespace, pod, suffix)
    client = TrainerClient(newest.config(namespace))

    assert steps(seen(client)) == dict.fromkeys(["workers-0", "workers-1", "workers-2"], "Running")
    found = sorted(client.get_job_logs("job", None))
    assert [line.partition(" ")[0] for line in found] == ["[workers-0]", "[workers-1]", "[workers-2]"]
    assert {line.partition(" ")[2] for line in found} == {"aaaaa", "bbbbb", "ccccc"}


def test_initializers_are_known_by_their_labels_and_are_no_nodes(newest: Home, namespace: str) -> None:
    fetch = replicated("fetch", ancestor="model-initializer", container="model-initializer")
    name = runtime(newest, [replicated("workers", parallelism=2), fetch])
    trainjob(newest, namespace, name)
    job = seen(TrainerClient(newest.config(namespace)))
    assert (list(steps(job)), job.num_nodes) == (["fetch-0", "workers-0", "workers-1"], 2)


def test_the_devices_of_a_step_are_those_of_its_own_job(newest: Home, namespace: str) -> None:
    name = runtime(
        newest, [replicated("head"), replicated("workers", ancestor="trainer", resources=GPU)], {"numNodes": 2}
    )
    trainjob(newest, namespace, name)
    client = TrainerClient(newest.config(namespace))
    devices = {step.name: (step.device, step.device_count) for step in client.get_job("job").steps}
    assert devices == {"head-0": ("Unknown", "Unknown"), "workers-0": ("gpu", "4"), "workers-1": ("gpu", "4")}


def counts(name: str, **values: int) -> Json:
    return {"name": name, **dict.fromkeys(("active", "failed", "ready", "succeeded", "suspended"), 0), **values}


def test_a_jobset_that_differs_from_its_runtime_is_what_counts(newest: Home, namespace: str) -> None:
    """The runtime was changed after the JobSet was made of it."""
    name = runtime(newest, [replicated("node", parallelism=4), replicated("extra")])
    trainjob(newest, namespace, name)
    client = TrainerClient(newest.config(namespace))
    made = newest.made(namespace)
    made.job_status("job", jobsStatus=[counts("node", active=1), counts("head", active=1)])
    pods = [made.pod("job", "node", index) for index in range(2)]
    made.pod("job", "head", status=running())

    # No job `extra`, but `head`. There may be more nodes to come.
    job = seen(client)
    assert list(steps(job)) == ["node-0", "node-1", "node-2", "node-3", "head-0"]

    for pod in pods:
        made.pod_status(pod, running())
    made.job_status("job", jobsStatus=[counts("node", active=1, ready=1), counts("head", active=1, ready=1)])
    job = seen(client)
    assert (steps(job), job.num_nodes) == (dict.fromkeys(["node-0", "node-1", "head-0"], "Running"), 3)
    with pytest.raises(InvalidInput, match="Steps: node-0"):
        client.get_job_logs("job", "extra-0")


@pytest.mark.parametrize("status", [True, False], ids=["with jobsStatus", "without"])
def test_the_steps_of_a_job_whose_runtime_is_gone_are_those_of_its_jobset(
    newest: Home, namespace: str, status: bool
) -> None:
    trainjob(newest, namespace, "was-deleted")
    client = TrainerClient(newest.config(namespace))
    made = newest.made(namespace)
    leader = made.pod("job", "leader", status=running())
    made.pod("job", "workers", 0, status=running())
    log(newest, namespace, leader, "leading")
    if status:
        jobs = ("dataset-initializer", "leader", "workers")
        made.job_status("job", jobsStatus=[counts(name, active=1, ready=1) for name in jobs])

    job = seen(client)
    first = ["dataset-initializer"] if status else []
    assert (list(steps(job)), job.num_nodes) == ([*first, "leader-0", "workers-0"], 2)
    assert list(client.get_job_logs("job")) == ["leading"]
    with pytest.raises(InvalidInput, match="leader-0, workers-0"):
        client.get_job_logs("job", "node-0")


def test_a_runtime_that_is_newer_than_the_client_is_read_when_a_job_names_it(newest: Home, namespace: str) -> None:
    backend, counted = newest.backend(namespace)
    trainjob(newest, namespace, runtime(newest, LEADER))
    newest.made(namespace).pod("job", "leader", status=running())  # without pods, it is looked at again after 2 s
    counted.sent()
    assert [step.name for step in backend.get_job("job").steps][-1] == "leader-0"
    assert len(counted.sent()) == 3
    backend.get_job("job")
    assert len(counted.sent()) == 2


MPI = {"numProcPerNode": 1, "mpiImplementation": "OpenMPI", "runLauncherAsNode": True}


@pytest.mark.parametrize(
    ("policy", "num_nodes", "expected", "nodes"),
    [
        ({"numNodes": 1, "mpi": MPI}, None, ["node-0", "node-1"], 2),
        ({"numNodes": 1, "mpi": MPI}, 1, ["node-0", "node-1"], 2),
        ({"numNodes": 1, "mpi": MPI}, 2, ["node-0", "node-1"], 2),
        ({"numNodes": 1, "mpi": MPI}, 4, ["node-0", "node-1", "node-2", "node-3"], 4),
        ({"mpi": MPI}, 3, ["node-0", "node-1", "node-2"], 3),
        ({"numNodes": 3, "mpi": MPI}, None, ["node-0", "launcher-1", "launcher-2", "node-1"], 4),
        ({"numNodes": 2, "mpi": MPI}, 3, ["node-0", "launcher-1", "node-1", "node-2"], 4),
        # The launcher only launches: it is a step and no node.
        ({"numNodes": 1, "mpi": {**MPI, "runLauncherAsNode": False}}, None, ["node-0", "node-1"], 1),
        ({"numNodes": 1, "mpi": {**MPI, "runLauncherAsNode": False}}, 3, ["node-0", "node-1", "node-2", "node-3"], 3),
    ],
)
def test_an_mpi_job_has_the_steps_and_nodes_that_run(
    newest: Home, namespace: str, policy: Json, num_nodes: int | None, expected: list[str], nodes: int
) -> None:
    name = runtime(newest, [replicated("node"), replicated("launcher", ancestor="trainer")], policy)
    trainjob(newest, namespace, name, **({} if num_nodes is None else {"numNodes": num_nodes}))
    client = TrainerClient(newest.config(namespace))

    job = seen(client)
    assert (list(steps(job)), job.num_nodes) == (expected, nodes)
    if num_nodes is None:
        assert client.get_runtime(name).trainer.num_nodes == nodes


@pytest.mark.parametrize(
    ("policy", "num_nodes", "said"),
    [
        ({"numNodes": 1, "mpi": MPI}, 1, "num_nodes=1 is 2 hosts in the MPI runtime"),
        ({"numNodes": 1, "mpi": MPI}, 2, None),
        ({"numNodes": 1, "mpi": MPI}, None, None),
        ({"numNodes": 1, "mpi": {**MPI, "runLauncherAsNode": False}}, 1, None),
        ({"numNodes": 3, "mpi": MPI}, 2, "starts 3 launchers, and each of them runs the training on all 4 hosts"),
        ({"numNodes": 3, "torch": {}}, 1, None),
    ],
)
def test_what_an_mpi_job_takes_beyond_what_it_asks_for_is_said_before_it_is_made(
    newest: Home,
    namespace: str,
    policy: Json,
    num_nodes: int | None,
    said: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    name = runtime(newest, [replicated("node"), replicated("launcher", ancestor="trainer")], policy)
    newest.make_namespace(namespace)
    client = TrainerClient(newest.config(namespace))

    with caplog.at_level(logging.WARNING):
        client.train(name, trainer=CustomTrainerContainer("example/image:1", num_nodes=num_nodes))

    if said is None:
        assert "hosts" not in caplog.text
    else:
        assert caplog.text.count(said) == 1


@pytest.mark.parametrize("known", ["runtime", "status"])
def test_why_a_job_has_no_pods_is_explained_whatever_its_replicated_jobs_are_called(
    newest: Home, namespace: str, known: str
) -> None:
    name = runtime(newest, LEADER)
    trainjob(newest, namespace, name)
    client = TrainerClient(newest.config(namespace))
    made = newest.made(namespace)
    refusal = 'pods "job-workers-0-0-abcde" is forbidden: exceeded quota: team, requested: cpu=9, limited: cpu=8'
    made.event("Job", "job-workers-0", "FailedCreate", f"Error creating: {refusal}", type="Warning")
    made.event("Job", "job-others-0", "FailedCreate", "of another job", type="Warning")
    if known == "status":
        made.job_status("job", jobsStatus=[counts("leader", active=1), counts("workers", active=1)])
        newest.wire.remove(f"{API}/clustertrainingruntimes/{name}")
    explained = str(client.explain("job"))
    assert "exceeded quota: team" in explained
    assert "of another job" not in explained
    assert [event.involved_object_name for event in client.get_job_events("job")] == ["job-workers-0"]
