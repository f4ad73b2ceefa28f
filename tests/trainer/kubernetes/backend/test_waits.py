"""How a wait begins: with the job as the first list shows it, or with the error that says why there is none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from kubeflow.cluster import Forbidden, StreamBroken, Unreachable
from kubeflow.core.errors import InvalidInput
from kubeflow.core.resource import Request
from kubeflow.trainer import JobNotFound
from kubeflow.trainer.jobs.waiting import wait_for_status
from tests.trainer.kubernetes.backend.home import Counted, Home
from tests.trainer.kubernetes.objects import ended, running

SOON = 30  # seconds: far less than the waits here take by themselves


@dataclass
class Unordered(Counted):
    """A transport whose first list of jobs comes after that of pods and `then`, and whose watch of pods is silent."""

    listed: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    then: Callable[[], object] = lambda: None

    def send(self, request: Request) -> Mapping[str, object]:
        if request.path.endswith("/trainjobs") and not self.listed.is_set():
            assert self.listed.wait(SOON)
        answer = super().send(request)
        if request.path.endswith("/pods") and not self.listed.is_set():
            self.then()
            self.listed.set()
        return answer

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        return self._silence() if request.path.endswith("/pods") else super().lines(request)

    def _silence(self) -> Generator[bytes, None, None]:
        self.over.wait(SOON)
        yield from ()


@pytest.mark.parametrize("end", ["before the list of jobs", "while watched"])
@pytest.mark.parametrize("kind", ["Complete", "Failed"])
def test_a_job_that_ended_is_shown_with_pods_that_ended(newest: Home, namespace: str, kind: str, end: str) -> None:
    made = newest.made(namespace)
    made.trainjob("job")
    pod = made.pod("job", status=running())

    def finish() -> None:
        made.pod_status(pod, ended(0 if kind == "Complete" else 1))
        made.end("job", kind)

    backend, counted = newest.backend(namespace, Unordered)
    assert isinstance(counted, Unordered)
    if end == "before the list of jobs":
        counted.then = finish
    else:
        threading.Timer(0.5, finish).start()
    job = wait_for_status(backend, "job", {"Complete", "Failed"}, timeout=SOON, polling_interval=2)
    counted.over.set()
    assert (job.status, [step.status for step in job.steps]) == (
        kind,
        ["Succeeded" if kind == "Complete" else "Failed"],
    )


@dataclass
class Breaking(Counted):
    """A transport whose first watch of jobs breaks, and whose pods are listed after that."""

    broken: threading.Event = field(default_factory=threading.Event)

    def send(self, request: Request) -> Mapping[str, object]:
        if request.path.endswith("/pods") and not self.broken.is_set():
            assert self.broken.wait(SOON)
            time.sleep(0.1)
        return super().send(request)

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        if request.path.endswith("/trainjobs") and not self.broken.is_set():
            return self._break()
        return super().lines(request)

    def _break(self) -> Generator[bytes, None, None]:
        yield from ()
        self.broken.set()
        raise StreamBroken("the connection broke")


def test_a_wait_begins_although_a_watch_breaks_before_the_pods_are_listed(newest: Home, namespace: str) -> None:
    made = newest.made(namespace)
    made.trainjob("job")
    made.pod("job", status=running())
    backend, _ = newest.backend(namespace, Breaking)
    job = wait_for_status(backend, "job", {"Running"}, timeout=SOON, polling_interval=2)
    assert [step.status for step in job.steps] == ["Running"]


def test_a_wait_begins_with_what_following_the_job_lists_first(newest: Home, namespace: str) -> None:
    made = newest.made(namespace)
    made.trainjob("job")
    pod = made.pod("job", status=running())
    backend, counted = newest.backend(namespace)
    jobs, pods = f"/apis/trainer.kubeflow.org/v1alpha1/namespaces/{namespace}/trainjobs", "/pods"
    counted.sent()
    with backend.watching("job"):
        assert counted.sent() == []
        job = backend.get_job("job")
        assert [step.pod_name for step in job.steps] == [pod]
        deadline = time.monotonic() + SOON
        while len(counted.requests) < 4 and time.monotonic() < deadline:
            assert backend.next_change("job", job, 0.1) == job
        assert sorted(counted.sent()) == sorted([f"GET {jobs}", f"GET /api/v1/namespaces/{namespace}{pods}"] * 2)
        # Later on it is read anew, as ever.
        assert backend.get_job("job") == job
        assert counted.sent() == [f"GET {jobs}/job", f"GET /api/v1/namespaces/{namespace}{pods}"]
    backend.get_job("job")
    assert counted.sent() == [f"GET {jobs}/job", f"GET /api/v1/namespaces/{namespace}{pods}"]


@pytest.mark.parametrize("name", ["job-2", "", "Job", "a,b", "a!=b", "a/b", "x" * 300])
def test_a_wait_for_a_job_that_there_is_not_says_which_there_are(newest: Home, namespace: str, name: str) -> None:
    newest.made(namespace).trainjob("job")
    backend, _ = newest.backend(namespace)
    with pytest.raises(JobNotFound, match="job"):
        wait_for_status(backend, name, {"Complete"}, timeout=600, polling_interval=2)
    assert followers() == []


@pytest.mark.parametrize("name", [3, None, b"job"])
def test_a_wait_for_what_is_no_name_says_so(newest: Home, namespace: str, name: Any) -> None:
    backend, _ = newest.backend(namespace)
    with pytest.raises(InvalidInput, match="name must be the name of a job"):
        wait_for_status(backend, name, {"Complete"}, timeout=600, polling_interval=2)


class Refusing(Counted):
    """A transport that raises what `error` is set to."""

    error: Exception | None = None

    def send(self, request: Request) -> Mapping[str, object]:
        if self.error is not None:
            raise self.error
        return super().send(request)


@pytest.mark.parametrize("error", [Unreachable("no route"), Forbidden("not you", code=403)], ids=repr)
def test_a_wait_that_cannot_begin_says_so_at_once(newest: Home, namespace: str, error: Exception) -> None:
    newest.made(namespace).trainjob("job")
    backend, counted = newest.backend(namespace, Refusing)
    assert isinstance(counted, Refusing)
    counted.error = error
    began = time.monotonic()
    with pytest.raises(type(error)) as raised:
        wait_for_status(backend, "job", {"Complete"}, timeout=600, polling_interval=2)
    assert raised.value is error
    assert time.monotonic() - began < SOON


def followers() -> list[str]:
    """Return the threads that follow something, once those that are ended have had time to end."""
    deadline = time.monotonic() + SOON
    while True:
        found = [thread.name for thread in threading.enumerate() if thread.name.startswith("kubeflow ")]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.02)
