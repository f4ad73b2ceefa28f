"""Pods as the API server stores them, read into steps."""

from __future__ import annotations

from datetime import UTC, datetime

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


def test_a_training_job_of_any_name_is_known_by_its_container(server: Recorded, namespace: str) -> None:
    made = Made(server, namespace)
    made.pod("own", "workers", 1)
    made.pod("own", "cache", 1, container="cache")
    assert [pod.step for pod in list_pods(server, namespace, "own")] == ["cache-1", "node-1"]


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
