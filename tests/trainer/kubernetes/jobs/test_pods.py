"""Pods as the API server stores them, read into steps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod, current, list_pods, read_pods
from tests.apiserver import Recorded
from tests.trainer.kubernetes.objects import Made, ended, running, terminated, unschedulable, waiting


def test_steps_are_initializers_first_then_nodes_in_order(server: Recorded, namespace: str) -> None:
    made = Made(server, namespace)
    for index in (10, 2, 0):
        made.pod("a", index=index, status=running())
    made.pod(
        "a", "dataset-initializer", container="dataset-initializer", status=ended(0, container="dataset-initializer")
    )
    made.pod("b")
    pods = current(list_pods(server, namespace, "a"))
    assert [pod.step for pod in pods] == ["dataset-initializer", "node-0", "node-2", "node-10"]
    assert [pod.phase for pod in pods] == ["Succeeded", "Running", "Running", "Running"]
    assert [pod.is_node for pod in pods] == [False, True, True, True]
    assert {pod.job for pod in list_pods(server, namespace)} == {"a", "b"}


def test_the_pods_of_all_jobs_are_one_request_a_page(server: Recorded, namespace: str) -> None:
    made = Made(server, namespace)
    for index in range(3):
        made.pod(f"job-{index}")
    before = len(server.requests)
    assert len(list_pods(server, namespace)) == 3
    assert len(server.requests) == before + 1


def test_a_launcher_is_node_0_and_its_workers_count_from_1(server: Recorded, namespace: str) -> None:
    made = Made(server, namespace)
    made.pod("mpi", "launcher")
    made.pod("mpi", "node", 0)
    made.pod("mpi", "node", 1)
    assert [(pod.step, pod.replicated_job) for pod in current(list_pods(server, namespace, "mpi"))] == [
        ("node-0", "launcher"),
        ("node-1", "node"),
        ("node-2", "node"),
    ]


def test_workers_of_mpi_are_known_as_such_before_their_launcher_exists(server: Recorded, namespace: str) -> None:
    made = Made(server, namespace)
    keys = [{"name": "keys", "secret": {"secretName": "mpi-mpi-ssh-auth"}}]
    made.pod("mpi", "node", 0, spec={"volumes": keys})
    assert [pod.step for pod in list_pods(server, namespace, "mpi")] == ["node-1"]


def test_pods_of_jobs_with_other_names_are_steps_by_these_names(server: Recorded, namespace: str) -> None:
    made = Made(server, namespace)
    for job, index in (("workers", 10), ("workers", 2), ("leader", 0), ("cache", 1)):
        made.pod("own", job, index)
    made.pod("own", "dataset-initializer", container="dataset-initializer")
    pods = current(list_pods(server, namespace, "own"))
    assert [pod.step for pod in pods] == ["dataset-initializer", "cache-1", "leader-0", "workers-2", "workers-10"]


@pytest.mark.parametrize("name", ["node", "workers", "launcher", "dataset-initializer"])
def test_replicas_are_steps_of_their_own_whichever_of_their_pods_is_there(
    server: Recorded, namespace: str, name: str
) -> None:
    made = Made(server, namespace)
    steps = [f"{name}-0-0", f"{name}-0-1", f"{name}-1-0", f"{name}-1-1"]
    if name == "launcher":
        steps[0] = "node-0"
    elif name == "dataset-initializer":
        steps[0] = name
    seen: list[str] = []
    for replica, index in ((1, 1), (0, 1), (1, 0), (0, 0)):
        pod = made.pod("a", name, index, replica=replica, replicas=2, container="node")
        seen += [found.step for found in list_pods(server, namespace, "a") if found.name == pod]
    assert seen == [steps[3], steps[1], steps[2], steps[0]]
    assert [pod.step for pod in current(list_pods(server, namespace, "a"))] == steps


def test_more_launchers_than_one_are_steps_of_their_own(server: Recorded, namespace: str) -> None:
    made = Made(server, namespace)
    for job, index in (("launcher", 0), ("launcher", 1), ("node", 0), ("node", 1)):
        made.pod("mpi", job, index)
    pods = current(list_pods(server, namespace, "mpi"))
    assert [pod.step for pod in pods] == ["node-0", "launcher-1", "node-1", "node-2"]


def test_pods_of_a_job_that_is_not_indexed_are_numbered_as_they_were_made() -> None:
    def pod(name: str, second: int, phase: str = "Running", ended: int | None = None, **metadata: object) -> object:
        labels = {"jobset.sigs.k8s.io/jobset-name": "a", "jobset.sigs.k8s.io/replicatedjob-name": "workers"}
        at = f"2026-01-01T00:00:{second:02}Z"
        state = {"terminated": {"exitCode": 1, "finishedAt": f"2026-01-01T00:00:{ended:02}Z"}} if ended else {}
        return {
            "metadata": {"name": name, "uid": name, "labels": labels, "creationTimestamp": at, **metadata},
            "spec": {"containers": [{"name": "node"}]},
            "status": {"phase": phase, "containerStatuses": [{"name": "node", "state": state}]},
        }

    def steps(*pods: object) -> dict[str, str]:
        return {pod.name: pod.step for pod in read_pods(pods)}

    first = [pod("b", 1), pod("a", 1), pod("c", 2)]
    assert steps(*first) == {"a": "workers-0", "b": "workers-1", "c": "workers-2"}
    assert steps(*reversed(first)) == steps(*first)

    # `b` fails, and another pod takes its place; `c`, which was there already, keeps its own.
    failed = [pod("a", 1), pod("b", 1, "Failed", ended=2), pod("c", 2), pod("d", 9)]
    assert steps(*failed[:3]) == steps(*first)
    assert steps(*failed) == {"a": "workers-0", "b": "workers-1", "c": "workers-2", "d": "workers-1"}
    assert [found.name for found in current(read_pods(failed))] == ["a", "d", "c"]

    # One that is being deleted is replaced at once, and one that has succeeded never is.
    leaving = [
        pod("a", 1, deletionTimestamp="2026-01-01T00:00:30Z", deletionGracePeriodSeconds=25),
        pod("b", 1, "Succeeded"),
        pod("c", 2),
        pod("e", 9),
    ]
    assert steps(*leaving) == {"a": "workers-0", "b": "workers-1", "c": "workers-2", "e": "workers-0"}


@pytest.mark.parametrize(
    ("names", "annotation", "main"),
    [
        (["istio-proxy", "node"], None, "node"),
        (["istio-proxy", "node", "mine"], "mine", "mine"),
        (["istio-proxy", "node"], "gone", "node"),
        (["istio-proxy", "workers"], None, "workers"),
        (["istio-proxy", "own"], None, "own"),
        (["first", "second"], None, "first"),
    ],
)
def test_a_pod_is_judged_by_its_main_container(names: list[str], annotation: str | None, main: str) -> None:
    labels = {"jobset.sigs.k8s.io/jobset-name": "own", "jobset.sigs.k8s.io/replicatedjob-name": "workers"}
    annotations = {"kubectl.kubernetes.io/default-container": annotation} if annotation else {}
    item = {
        "metadata": {"name": "own-workers-0-0-x", "labels": labels, "annotations": annotations},
        "spec": {"restartPolicy": "Never", "containers": [{"name": name, "image": "image"} for name in names]},
        "status": {
            "phase": "Running",
            "containerStatuses": [
                {"name": name, "state": {"terminated": {"exitCode": 0}} if name == main else {"running": {}}}
                for name in names
            ],
        },
    }
    (pod,) = read_pods([item])
    assert (pod.main, pod.main_ended, pod.main_phase, pod.phase) == (main, True, "Succeeded", "Running")
    assert [container.name for container in pod.held_open_by] == [name for name in names if name != main]
    assert pod.is_node == ("node" in names)


@pytest.mark.parametrize(
    ("policy", "code", "ended_for_good"),
    [
        ("Never", 0, True),
        ("Never", 1, True),
        ("OnFailure", 0, True),
        ("OnFailure", 1, False),
        ("Always", 0, False),
        ("Always", 1, False),
        ("", 1, False),
    ],
)
def test_a_container_has_ended_for_good_when_its_pod_will_not_start_it_again(
    policy: str, code: int, ended_for_good: bool
) -> None:
    terminated_once = {"name": "node", "state": {"terminated": {"exitCode": code}}}
    sidecar = {"name": "proxy", "state": {"running": {}}}
    status = {"phase": "Running", "containerStatuses": [terminated_once, sidecar]}
    (pod,) = read_pods([{"metadata": {"name": "a"}, "spec": {"restartPolicy": policy}, "status": status}])
    pod = replace(pod, main="node")
    assert pod.main_ended is ended_for_good
    assert pod.main_phase == ("Running" if not ended_for_good else "Failed" if code else "Succeeded")


def test_the_newest_attempt_of_each_step_counts(server: Recorded, namespace: str) -> None:
    made = Made(server, namespace)
    made.pod("a", index=0, suffix="old00", attempt=0, status=ended(1))
    new = made.pod("a", index=0, suffix="new00", attempt=1, status=running())
    failed = made.pod("a", index=1, suffix="zzzzz", attempt=1, status=ended(1))
    retried = made.pod("a", index=1, suffix="aaaaa", attempt=1, status=running())
    pods = list_pods(server, namespace, "a")
    assert len(pods) == 4
    assert [pod.name for pod in pods if pod.step == "node-1"] == [failed, retried]
    assert [pod.name for pod in current(pods)] == [new, retried]


def test_pods_of_an_earlier_job_of_that_name_do_not_count() -> None:
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    pods = [JobPod("old", job="a", step="node-0", created=early), JobPod("new", job="a", step="node-1", created=late)]
    assert [pod.name for pod in current(pods, since=late)] == ["new"]


def test_a_container_says_how_it_ended_and_how_its_instance_before_did(server: Recorded, namespace: str) -> None:
    made = Made(server, namespace)
    made.pod("a", status=running(restarts=2, last=terminated(137, reason="OOMKilled", message="its last word")))
    (pod,) = list_pods(server, namespace, "a")
    container = pod.container
    assert (container.name, container.state, container.restarts, container.exit_code) == ("node", "Running", 2, None)
    (before,) = container.exits
    assert (before.exit_code, before.reason, before.message) == (137, "OOMKilled", "its last word")
    assert before.finished == datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    made.pod_status(pod.name, ended(3))
    (pod,) = list_pods(server, namespace, "a")
    assert pod.ended
    assert pod.container.exits[-1].exit_code == 3


def test_a_pod_says_why_it_does_not_start(server: Recorded, namespace: str) -> None:
    made = Made(server, namespace)
    made.pod("a", index=0, spec={"nodeName": ""}, status=unschedulable("0/3 nodes are available: 3 Insufficient cpu."))
    made.pod("a", index=1, status=waiting("ImagePullBackOff", "no such image"))
    unplaced, pulling = list_pods(server, namespace, "a")
    assert unplaced.scheduling_reason == "Unschedulable"
    assert "Insufficient cpu" in unplaced.scheduling_message
    assert (unplaced.node, pulling.node) == ("", "machine-1")
    assert (pulling.container.state, pulling.container.reason) == ("Waiting", "ImagePullBackOff")
    assert not pulling.container.has_log


def test_what_a_node_was_promised_is_read_from_its_main_container(server: Recorded, namespace: str) -> None:
    made = Made(server, namespace)
    node = {
        "name": "node",
        "image": "image",
        "env": [{"name": "PET_NPROC_PER_NODE", "value": "4"}],
        "resources": {"limits": {"nvidia.com/gpu": "4"}, "requests": {"cpu": "2"}},
    }
    sidecar = {"name": "sidecar", "image": "image"}
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "datasets"}}]
    made.pod("a", spec={"containers": [sidecar, node], "volumes": volumes})
    (pod,) = list_pods(server, namespace, "a")
    assert pod.main == "node"
    assert pod.resources == {"cpu": "2", "nvidia.com/gpu": "4"}
    assert pod.num_proc_per_node == "4"
    assert list(pod.claims) == ["datasets"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_PARTS = ("metadata", "labels", "name", "status", "conditions", "containerStatuses", "state", "terminated", "spec")


@given(st.lists(st.recursive(_JSON, lambda inner: st.dictionaries(st.sampled_from(_PARTS), inner, max_size=4))))
def test_no_object_is_too_odd_to_be_read(items: list[object]) -> None:
    for pod in current(read_pods(items)):
        assert isinstance(pod.container.exits, list)
        assert isinstance(pod.step, str)
