"""Waiting for the changes of a job, over connections that break."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from kubeflow.cluster import Cluster, wire
from kubeflow.cluster.pods.schedule import Pace
from kubeflow.cluster.wire import Json
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod, current
from kubeflow.trainer.backends.kubernetes.watches.job_feed import Watches
from kubeflow.trainer.errors import JobNotFound
from kubeflow.trainer.types.jobs import JobStatus, Step, TrainJob
from kubeflow.trainer.types.runtimes import Runtime, RuntimeKind, RuntimeTrainer
from kubeflow.trainer.types.trainers import TrainerType
from tests.apiserver import Recorded
from tests.trainer.kubernetes.edge import Edge, Fault
from tests.trainer.kubernetes.objects import Made, ended, running

RUNTIME = Runtime(
    "torch-distributed",
    RuntimeTrainer(TrainerType.CUSTOM_TRAINER, "torch", "image"),
    RuntimeKind.CLUSTER_TRAINING_RUNTIME,
)
LONG = 30.0
PODS = "pods?limit"
POD_WATCH = "pods?labelSelector=jobset.sigs.k8s.io%2Fjobset-name%3Da&watch"
EVENT_WATCH = "events?fieldSelector=involvedObject.kind%3DPod&watch"
NO_JOBS = {"ready": 0, "succeeded": 0, "failed": 0, "suspended": 0}
QUICK = Pace(retry=0.01, longest_retry=0.1)


def view(job: Json, pods: Sequence[JobPod] | None) -> TrainJob:
    status: JobStatus = "Created"
    for condition in wire.objects(job, "status", "conditions"):
        if wire.text(condition, "type") == "Complete":
            status = "Complete"
    steps = [Step(pod.step, pod.phase, pod.name) for pod in current(pods or ())]
    name = wire.text(job, "metadata", "name")
    return TrainJob(name, RUNTIME, steps, 1, datetime(2026, 1, 1, tzinfo=UTC), status)


def watches(cluster: Cluster, namespace: str, pace: Pace = QUICK) -> Watches:
    return Watches(cluster, namespace, view, lambda name: JobNotFound(name, []), pace)


@pytest.fixture
def made(server: Recorded, namespace: str) -> Made:
    made = Made(server, namespace)
    made.trainjob("a")
    return made


def seen(made: Made) -> TrainJob:
    return view({"metadata": {"name": "a"}}, [])


def test_a_change_of_the_job_is_told_at_once(cluster: Cluster, namespace: str, made: Made) -> None:
    threading.Timer(0.3, lambda: made.end("a")).start()
    started = time.monotonic()
    assert watches(cluster, namespace).next_change("a", seen(made), LONG).status == "Complete"
    assert time.monotonic() - started < LONG / 2


def test_a_change_of_a_pod_is_a_change_of_the_job(cluster: Cluster, namespace: str, made: Made) -> None:
    pod = made.pod("a", status=running())
    found = watches(cluster, namespace).next_change("a", seen(made), LONG)
    assert [(step.name, step.status, step.pod_name) for step in found.steps] == [("node-0", "Running", pod)]
    threading.Timer(0.3, lambda: made.pod_status(pod, ended(0))).start()
    found = watches(cluster, namespace).next_change("a", found, LONG)
    assert [step.status for step in found.steps] == ["Succeeded"]


def test_a_wait_of_many_looks_costs_two_lists_and_two_watches(
    cluster: Cluster, namespace: str, made: Made, edge: Edge
) -> None:
    watched = watches(cluster, namespace, Pace())
    with watched.held("a"):
        for _ in range(30):
            assert watched.next_change("a", seen(made), 0.1) == seen(made)
    assert len(edge.requests) == 4
    assert len(edge.asked("watch=true")) == 2


def test_a_wait_that_is_over_leaves_no_connection_and_no_thread(
    cluster: Cluster, namespace: str, made: Made, edge: Edge
) -> None:
    eventually(lambda: not followers())  # of tests before this one
    watched = watches(cluster, namespace)
    with watched.held("a"):
        watched.next_change("a", seen(made), 0.5)
        assert len(followers()) == 2
        eventually(lambda: edge.open == 2 and len(edge.asked("watch=true")) == 2)
    eventually(lambda: not followers() and edge.open == 0)


def test_two_waits_for_one_job_share_its_watches(cluster: Cluster, namespace: str, made: Made, edge: Edge) -> None:
    watched = watches(cluster, namespace)
    with watched.held("a"), watched.held("a"):
        watched.next_change("a", seen(made), 0.2)
        eventually(lambda: len(edge.asked("watch=true")) == 2)
        watched.next_change("a", seen(made), 0.2)
    assert len(edge.requests) == 4


@pytest.mark.parametrize(
    "fault",
    [
        Fault("watch=true", cut=0, times=4),
        Fault("watch=true", status=503, times=3),
        Fault("watch=true", status=429, times=3),
        Fault("watch=true", status=410, times=2),
        Fault("watch=true", event={"type": "ERROR", "object": {"code": 410, "message": "too old"}}, times=2),
        Fault("watch=true", event={"type": "ERROR", "object": {"code": 500, "message": "fault"}}, times=2),
        Fault("trainjobs", status=500, times=3),
    ],
    ids=["cut", "503", "429", "410", "410-event", "500-event", "list-500"],
)
def test_a_wait_survives_what_clusters_do(
    cluster: Cluster, namespace: str, made: Made, edge: Edge, fault: Fault
) -> None:
    edge.faults.append(fault)
    pod = made.pod("a", status=running())
    watched = watches(cluster, namespace)
    with watched.held("a"):
        job = watched.next_change("a", seen(made), LONG)
        assert [step.status for step in job.steps] == ["Running"]
        made.pod_status(pod, ended(0))
        while [step.status for step in job.steps] != ["Succeeded"]:
            changed = watched.next_change("a", job, LONG)
            assert changed != job
            job = changed
        made.end("a")
        assert watched.next_change("a", job, LONG).status == "Complete"
    assert fault.times == 0


def test_a_server_that_hangs_does_not_delay_the_deadline(
    cluster: Cluster, namespace: str, made: Made, edge: Edge
) -> None:
    edge.faults.append(Fault("/", hang=True, times=1000))
    started = time.monotonic()
    assert watches(cluster, namespace).next_change("a", seen(made), 1.0) == seen(made)
    assert time.monotonic() - started < LONG


def test_a_watch_that_falls_silent_is_opened_again(cluster: Cluster, namespace: str, made: Made, edge: Edge) -> None:
    edge.faults.append(Fault("watch=true", hang=True, times=2))
    watched = watches(cluster, namespace, Pace(silence=0.5, patience=0.5, retry=0.01))
    threading.Timer(0.2, lambda: made.end("a")).start()
    assert watched.next_change("a", seen(made), LONG).status == "Complete"


def test_a_job_that_is_deleted_meanwhile_is_not_found(cluster: Cluster, namespace: str, made: Made) -> None:
    threading.Timer(0.3, lambda: made.delete_job("a")).start()
    with pytest.raises(JobNotFound):
        watches(cluster, namespace).next_change("a", seen(made), LONG)


def test_another_job_of_that_name_is_not_the_one_that_was_waited_for(
    cluster: Cluster, namespace: str, made: Made, edge: Edge
) -> None:
    watched = watches(cluster, namespace)
    with watched.held("a"):
        watched.next_change("a", seen(made), 0.2)
        eventually(lambda: len(edge.asked("watch=true")) == 2)
        watched.next_change("a", seen(made), 0.2)  # by now it has seen the job
        edge.faults.append(Fault("watch=true", status=410, times=2))
        made.delete_job("a")
        made.trainjob("a")
        with pytest.raises(JobNotFound):
            watched.next_change("a", seen(made), LONG)


def test_where_watching_is_refused_pods_are_looked_at_now_and_then(
    cluster: Cluster, namespace: str, made: Made, edge: Edge
) -> None:
    """The edit role of Trainer 2.0 and 2.1 lets its users list pods and not watch them."""
    refused = Fault(POD_WATCH, status=403, times=99)
    edge.faults += [refused, Fault("/events?", status=403, times=99)]
    watched = watches(cluster, namespace, Pace(poll=0.05))
    with watched.held("a"):
        watched.next_change("a", seen(made), 0.3)
        made.pod("a", status=running())
        job = seen(made)
        while [step.status for step in job.steps] != ["Running"]:  # made first, and then its status written
            changed = watched.next_change("a", job, LONG)
            assert changed != job
            job = changed
    assert refused.times == 98


def test_where_watching_is_refused_events_say_when_to_look(
    cluster: Cluster, namespace: str, made: Made, edge: Edge
) -> None:
    edge.faults.append(Fault(POD_WATCH, status=403, times=99))
    watched = watches(cluster, namespace, Pace(poll=0.05, lag=0.05))
    with watched.held("a"):
        assert watched.next_change("a", seen(made), 0.5) == seen(made)
        eventually(lambda: edge.asked(EVENT_WATCH))
        eventually(lambda: is_left_to_hints(watched))
        assert watched.next_change("a", seen(made), 0.5) == seen(made)
        looks = len(edge.asked(PODS))
        made.pod("b", status=running())
        made.event("Pod", "b-node-0-0-abcde", "Started", "Started container node")
        pod = made.pod("a", status=running())
        assert watched.next_change("a", seen(made), 0.5) == seen(made)
        assert len(edge.asked(PODS)) == looks, "nor when it happens to others"
        made.event("Pod", pod, "Started", "Started container node")
        assert [step.status for step in watched.next_change("a", seen(made), LONG).steps] == ["Running"]
    eventually(lambda: not followers() and edge.open == 0)


def test_where_watching_is_refused_a_change_of_the_job_says_when_to_look(
    cluster: Cluster, namespace: str, made: Made, edge: Edge
) -> None:
    edge.faults.append(Fault(POD_WATCH, status=403, times=99))
    watched = watches(cluster, namespace, Pace(poll=0.05, lag=0.05))
    with watched.held("a"):
        watched.next_change("a", seen(made), 0.5)
        eventually(lambda: edge.asked(EVENT_WATCH))
        eventually(lambda: is_left_to_hints(watched))
        made.pod("a", status=running())
        made.job_status("a", jobsStatus=[{"name": "node", "active": 1, **NO_JOBS}])
        found = watched.next_change("a", seen(made), LONG)
        assert [step.status for step in found.steps] == ["Running"]


def test_where_watching_is_refused_a_job_that_ends_is_shown_with_its_pods_as_they_ended(
    cluster: Cluster, namespace: str, made: Made, edge: Edge
) -> None:
    edge.faults.append(Fault(POD_WATCH, status=403, times=99))
    pod = made.pod("a", status=running())
    watched = watches(cluster, namespace, Pace(poll=300))
    with watched.held("a"):
        job = watched.next_change("a", seen(made), LONG)
        assert [step.status for step in job.steps] == ["Running"]
        eventually(lambda: edge.asked(EVENT_WATCH))  # by then it is known that pods may not be watched
        made.pod_status(pod, ended(0))
        made.end("a")
        job = watched.next_change("a", job, LONG)
        assert (job.status, [step.status for step in job.steps]) == ("Complete", ["Succeeded"])


def test_where_pods_may_not_be_seen_the_job_still_is(cluster: Cluster, namespace: str, made: Made, edge: Edge) -> None:
    edge.faults.append(Fault(f"{namespace}/pods", status=403, times=99))
    made.end("a")
    assert watches(cluster, namespace).next_change("a", seen(made), LONG).status == "Complete"


def test_a_missing_right_to_see_the_job_ends_the_wait(cluster: Cluster, namespace: str, made: Made, edge: Edge) -> None:
    from kubeflow.cluster import Forbidden

    edge.faults.append(Fault("trainjobs", status=403, times=99))
    with pytest.raises(Forbidden):
        watches(cluster, namespace).next_change("a", seen(made), LONG)


def is_left_to_hints(watched: Watches) -> bool:
    """Return whether the pods of `a`, which may not be watched, are not listed again for minutes unless a hint comes."""
    feed, _ = watched._held["a"]
    with feed.changed:
        schedule = feed._pods._schedule
        return schedule is not None and schedule.due - time.monotonic() > 100


def followers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("kubeflow ")]


def eventually(holds: object, within: float = 20.0) -> None:
    assert callable(holds)
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_request_of_a_watch_asks_for_bookmarks_and_an_end(
    cluster: Cluster, namespace: str, made: Made, edge: Edge
) -> None:
    watched = watches(cluster, namespace)
    with watched.held("a"):
        watched.next_change("a", seen(made), 0.5)
        eventually(lambda: len(edge.asked("watch=true")) == 2)
    for request in edge.asked("watch=true"):
        assert "allowWatchBookmarks=true" in request
        seconds = re.search(r"timeoutSeconds=(\d+)", request)
        assert seconds is not None
        assert 660 <= int(seconds[1]) <= 727, "later than most waits, and not all at once"
        assert "resourceVersion=" in request
