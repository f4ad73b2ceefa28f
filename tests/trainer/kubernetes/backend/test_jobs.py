"""Looking at jobs of a real API server and changing them: what is seen, and what it costs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import pytest

from kubeflow.cluster.errors import Unreachable
from kubeflow.core.errors import InvalidInput
from kubeflow.core.resource import Request
from kubeflow.trainer import JobNotFound, JobWaitTimeout, TrainerClient, Unsupported
from tests.cluster.trainjobs import API
from tests.cluster.until import until
from tests.trainer.kubernetes.backend.home import Counted, Home
from tests.trainer.kubernetes.objects import ended, running


def test_one_job_costs_two_requests_and_all_cost_as_many_as_there_are_pages(every: Home, namespace: str) -> None:
    made = every.made(namespace)
    for index in range(3):
        made.trainjob(f"job-{index}", trainer={"numNodes": 2})
        made.pod(f"job-{index}", index=1, status=running())
    backend, counted = every.backend(namespace)
    counted.sent()

    one = backend.get_job("job-1")
    assert len(counted.sent()) == 2
    jobs = backend.list_jobs()
    assert len(counted.sent()) == 2

    assert one in jobs
    assert [job.name for job in jobs] == ["job-0", "job-1", "job-2"]
    assert (one.status, one.num_nodes, one.runtime.trainer.framework) == ("Running", 2, "torch")
    assert [(step.name, step.status) for step in one.steps] == [("node-0", "Pending"), ("node-1", "Running")]
    assert one.steps[1].pod_name.startswith("job-1-node-0-1-")


def test_hundreds_of_jobs_are_listed_with_their_pods_in_pages(newest: Home, namespace: str) -> None:
    made = newest.made(namespace)
    names = [f"job-{index:04}" for index in range(520)]

    def make(some: list[str]) -> None:
        for name in some:
            made.trainjob(name)

    threads = [threading.Thread(target=make, args=(names[start::4],)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made.pod("job-0007", status=running())
    backend, counted = newest.backend(namespace)
    counted.sent()

    jobs = backend.list_jobs()

    assert len(counted.sent()) == 3  # two pages of jobs, one of pods
    assert {job.name for job in jobs} == set(names)
    assert [job.creation_timestamp for job in jobs] == sorted(job.creation_timestamp for job in jobs)
    assert [job.name for job in jobs if job.status == "Running"] == ["job-0007"]


def test_a_job_whose_runtime_is_gone_and_a_foreign_one_do_not_break_the_listing(newest: Home, namespace: str) -> None:
    made = newest.made(namespace)
    made.trainjob("orphan", runtimeRef={"name": "was-deleted"})
    made.trainjob("foreign", runtimeRef={"apiGroup": "example.com", "kind": "Recipe", "name": "cake"})
    made.trainjob("own")
    backend, counted = newest.backend(namespace)
    counted.sent()

    jobs = {job.name: job for job in backend.list_jobs()}
    assert len(counted.sent()) == 3  # the runtimes of that kind were looked for once more
    assert backend.list_jobs()
    assert len(counted.sent()) == 2

    assert {name: job.runtime.name for name, job in jobs.items()} == {
        "orphan": "was-deleted",
        "foreign": "cake",
        "own": "torch-distributed",
    }
    assert jobs["orphan"].runtime.trainer.framework == "Unknown"
    assert jobs["own"].runtime.trainer.framework == "torch"


def test_jobs_are_chosen_by_their_labels_and_a_selector_that_is_none_is_refused(newest: Home, namespace: str) -> None:
    made = newest.made(namespace)
    for name, team in (("a", "red"), ("b", "blue")):
        made.trainjob(name)
        newest.wire.patch(f"{API}/namespaces/{namespace}/trainjobs/{name}", {"metadata": {"labels": {"team": team}}})
    backend, _ = newest.backend(namespace)

    assert [job.name for job in backend.list_jobs("team in (red, green)")] == ["a"]
    assert backend.list_jobs("team=") == []  # nothing at all is a value
    with pytest.raises(InvalidInput, match="label selector"):
        backend.list_jobs("=red")


def test_a_missing_job_names_those_that_exist_with_one_more_request(newest: Home, namespace: str) -> None:
    newest.made(namespace).trainjob("training")
    backend, counted = newest.backend(namespace)
    counted.sent()

    for ask in (backend.get_job, backend.suspend_job, backend.resume_job, backend.delete_job):
        with pytest.raises(JobNotFound, match="Did you mean 'training'") as error:
            ask("trainin")
        assert error.value.available == ("training",)
        assert len(counted.sent()) == 2
    for name in ("No Name", "../secrets/a", ""):
        with pytest.raises(JobNotFound):
            backend.get_job(name)


def test_a_job_is_suspended_and_resumed_by_patches_that_change_nothing_else(every: Home, namespace: str) -> None:
    every.made(namespace).trainjob("job")
    backend, counted = every.backend(namespace)
    counted.sent()

    backend.suspend_job("job")
    backend.suspend_job("job")
    asked = [(each.partition(" ")[0], each.rpartition("/")[2]) for each in counted.sent()]
    job, runtime, pods = ("GET", "job"), ("GET", "torch-distributed"), ("GET", "pods")
    assert asked == [job, runtime, ("PATCH", "job"), pods, job, pods]
    assert backend.get_job("job").status == "Suspended"
    assert every.jobs(namespace)[0]["spec"]["suspend"] is True

    backend.resume_job("job")
    backend.resume_job("job")
    assert backend.get_job("job").status == "Created"
    assert every.jobs(namespace)[0]["spec"]["trainer"] == {"numNodes": 1}


def test_a_job_that_has_ended_is_neither_suspended_nor_resumed(newest: Home, namespace: str) -> None:
    made = newest.made(namespace)
    made.trainjob("job")
    made.end("job")
    backend, _ = newest.backend(namespace)

    for change in (backend.suspend_job, backend.resume_job):
        with pytest.raises(InvalidInput, match="has ended as Complete"):
            change("job")


def test_the_number_of_nodes_changes_where_the_control_plane_lets_it(every: Home, namespace: str) -> None:
    every.made(namespace).trainjob("job")
    backend, _ = every.backend(namespace)

    if every.minor in ("2.0", "2.1"):
        with pytest.raises(Unsupported, match=r"client.suspend_job\('job'\) first"):
            backend.scale_job("job", 3)
        backend.suspend_job("job")
        backend.scale_job("job", 3)
        assert backend.get_job("job").num_nodes == 3
    else:
        with pytest.raises(Unsupported, match="train again with num_nodes=3"):
            backend.scale_job("job", 3)
        assert backend.get_job("job").num_nodes == 1


@dataclass
class LosingAnswers(Counted):
    """Loses deletes, or the answers to them, as long as `lost` is not empty."""

    lost: list[Literal["request", "answer"]] = field(default_factory=list[Literal["request", "answer"]])

    def send(self, request: Request) -> Mapping[str, object]:
        losing = self.lost.pop() if request.method == "DELETE" and self.lost else None
        answer = {} if losing == "request" else super().send(request)
        if losing is not None:
            raise Unreachable("the connection broke")
        return answer


@pytest.mark.parametrize(
    ("lost", "requests"),
    [
        ([], ["DELETE"]),
        (["answer"], ["DELETE", "GET"]),  # it is gone
        (["request"], ["GET", "DELETE"]),  # it is still there
        (["answer", "request"], ["GET", "DELETE"]),
    ],
)
def test_a_job_is_deleted_with_one_request_and_with_more_where_an_answer_is_lost(
    newest: Home, namespace: str, lost: list[Literal["request", "answer"]], requests: list[str]
) -> None:
    newest.made(namespace).trainjob("job")
    backend, counted = newest.backend(namespace, LosingAnswers)
    assert isinstance(counted, LosingAnswers)
    counted.sent()
    counted.lost = list(lost)
    if lost == ["answer", "request"]:
        with pytest.raises(Unreachable):
            backend.delete_job("job")
    else:
        backend.delete_job("job")
    assert [each.partition(" ")[0] for each in counted.sent()] == requests
    assert newest.jobs(namespace) == []


@dataclass
class Following(Counted):
    """Has something happen some time after the next delete."""

    then: Callable[[], object] | None = None

    def send(self, request: Request) -> Mapping[str, object]:
        answer = super().send(request)
        if request.method == "DELETE" and self.then is not None:
            threading.Timer(0.5, self.then).start()
            self.then = None
        return answer


def test_a_job_that_comes_while_another_is_deleted_stays(newest: Home, namespace: str) -> None:
    made = newest.made(namespace)
    made.trainjob("job")
    backend, following = newest.backend(namespace, Following)
    assert isinstance(following, Following)
    path = f"{API}/namespaces/{namespace}/trainjobs/job"
    newest.wire.patch(path, {"metadata": {"finalizers": ["example.com/held"]}})
    backend.delete_job("job")
    with pytest.raises(JobWaitTimeout, match="Still there: TrainJob job"):
        backend.delete_job("job", wait=0.3)

    def release() -> None:
        newest.wire.patch(path, {"metadata": {"finalizers": None}})
        made.trainjob("job")

    following.then = release
    backend.delete_job("job", wait=60)
    deadline = time.monotonic() + 10
    while not (left := newest.jobs(namespace)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(left) == 1
    assert "deletionTimestamp" not in left[0]["metadata"]


def test_deleting_with_wait_returns_when_the_pods_are_gone_too(newest: Home, namespace: str) -> None:
    made = newest.made(namespace)
    made.trainjob("job")
    pod = made.pod("job", status=running())
    backend, _ = newest.backend(namespace)
    backend.get_job("job")

    with pytest.raises(InvalidInput, match="greater than 0"):
        backend.delete_job("job", wait=-5)
    assert len(newest.jobs(namespace)) == 1

    started = time.monotonic()
    with pytest.raises(JobWaitTimeout, match=f"pods {pod}") as error:
        backend.delete_job("job", wait=0.5)
    assert time.monotonic() - started < 60
    assert "It goes on" not in str(error.value)

    made.trainjob("job")
    threading.Timer(1.0, made.delete_pod, [pod]).start()
    backend.delete_job("job", wait=60)
    assert newest.wire.items(f"/api/v1/namespaces/{namespace}/pods") == []
    assert newest.jobs(namespace) == []


def test_a_job_of_the_same_name_that_comes_meanwhile_is_not_waited_for(newest: Home, namespace: str) -> None:
    made = newest.made(namespace)
    made.trainjob("job")
    backend, counted = newest.backend(namespace)

    def again() -> None:
        while newest.jobs(namespace):
            time.sleep(0.01)
        made.trainjob("job")
        made.pod("job", status=running())

    made.pod("job", suffix="first", status=ended(0))
    other = threading.Thread(target=again)
    other.start()
    backend.delete_job("job", wait=60)
    other.join()
    assert len(newest.jobs(namespace)) == 1
    assert len([each for each in counted.sent() if each.startswith("DELETE")]) == 1


def test_waiting_for_a_suspended_job_is_not_over_while_it_runs(newest: Home, namespace: str) -> None:
    made = newest.made(namespace)
    made.trainjob("job")
    pod = made.pod("job", status=running())
    client = TrainerClient(newest.config(namespace))
    assert client.wait_for_job_status("job", {"Created"}, timeout=30).status == "Running"

    with pytest.raises(JobWaitTimeout, match="is Running after 0.5 s, awaited: Suspended"):
        client.wait_for_job_status("job", {"Suspended"}, timeout=0.5)

    suspending = threading.Thread(target=client.suspend_job, args=["job"])
    suspending.start()
    until(lambda: newest.jobs(namespace)[0]["spec"].get("suspend"))
    with pytest.raises(JobWaitTimeout, match="is Running after 2 s, awaited: Suspended") as late:
        client.wait_for_job_status("job", {"Suspended"}, timeout=2)
    assert "it is to be suspended, and node-0 goes on" in str(late.value)
    threading.Timer(0.5, made.delete_pod, [pod]).start()
    assert client.wait_for_job_status("job", {"Suspended"}, timeout=60).status == "Suspended"
    suspending.join()


def test_a_change_is_told_and_a_failure_that_is_taken_back_is_none(newest: Home, namespace: str) -> None:
    made = newest.made(namespace)
    made.trainjob("job")
    backend, _ = newest.backend(namespace)
    seen = backend.get_job("job")

    with backend.watching("job"):
        threading.Timer(0.3, lambda: made.pod("job", status=running())).start()
        while (now := backend.next_change("job", seen, 30)).status != "Running":
            seen = now
        made.end("job", "Failed", "FailedJobs")
        made.job_status("job", conditions=[])
        assert backend.next_change("job", now, 1.5).status == "Running"
        made.end("job", "Failed", "FailedJobs")
        assert backend.next_change("job", now, 30).status == "Failed"
