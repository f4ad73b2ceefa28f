"""What should never happen, in a thread that someone waits for: it ends the waiting, is raised there, and leaves nothing.

Without care a thread dies alone, and whoever waits for it does so for ever, or until a deadline an hour away.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime

import pytest

from kubeflow.cluster import Cluster
from kubeflow.cluster.pods.log_requests import LogPace
from kubeflow.cluster.pods.schedule import Pace
from kubeflow.core.resource import Request
from kubeflow.trainer.backends.kubernetes.logs.job_logs import read
from kubeflow.trainer.backends.kubernetes.logs.logged_job import LoggedJob
from kubeflow.trainer.backends.kubernetes.watches.job_feed import Watches
from kubeflow.trainer.errors import JobNotFound
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.types.jobs import TrainJob
from kubeflow.trainer.types.runtimes import Runtime, RuntimeKind, RuntimeTrainer
from kubeflow.trainer.types.trainers import TrainerType
from tests.apiserver import Recorded
from tests.trainer.kubernetes.edge import Edge, Fault
from tests.trainer.kubernetes.objects import Made, running

SOON = 60.0  # seconds: far more than it takes, far less than anything here would wait by itself
PACE = Pace(retry=0.01, longest_retry=0.1, poll=0.05, longest_poll=0.1)
MISHAPS = [RuntimeError("a bug"), MemoryError(), SystemExit("somebody's hook")]
SEEN = TrainJob(
    "a",
    Runtime("r", RuntimeTrainer(TrainerType.CUSTOM_TRAINER, "torch", "image"), RuntimeKind.CLUSTER_TRAINING_RUNTIME),
    [],
    1,
    datetime(2026, 1, 1, tzinfo=UTC),
)


class Mishap:
    """A transport to a real server that raises `error` from the request after the first `good` whose text has `where`.

    The text is like `GET /api/v1/namespaces/a/pods?watch=true&...`.
    """

    def __init__(self, cluster: Cluster, where: str, error: BaseException, *, good: int = 0) -> None:
        self._cluster, self._where, self._error, self._good = cluster, where, error, good

    def send(self, request: Request) -> Mapping[str, object]:
        self._meet(request)
        return self._cluster.send(request)

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        self._meet(request)
        return self._cluster.lines(request)

    def _meet(self, request: Request) -> None:
        query = "&".join(f"{key}={value}" for key, value in (request.query or {}).items())
        if self._where in f"{request.method} {request.path}?{query}":
            self._good -= 1
            if self._good < 0:
                raise self._error


@pytest.fixture
def made(server: Recorded, namespace: str) -> Made:
    made = Made(server, namespace)
    made.trainjob("a")
    return made


def raised_by(work: Callable[[], object]) -> BaseException | None:
    """Return what `work` raises, which it must do soon."""
    found: list[BaseException | None] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - what it raises is what is looked at
            found.append(error)
        else:
            found.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(SOON)
    assert not thread.is_alive(), "it hangs"
    return found[0]


def nothing_is_left(edge: Edge) -> None:
    deadline = time.monotonic() + SOON
    while edge.open or any(thread.name.startswith("kubeflow ") for thread in threading.enumerate()):
        assert time.monotonic() < deadline, [thread.name for thread in threading.enumerate()]
        time.sleep(0.02)


def wait(transport: Mishap, namespace: str) -> TrainJob:
    watches = Watches(transport, namespace, lambda _job, _pods: SEEN, lambda name: JobNotFound(name, []), PACE)
    return watches.next_change("a", SEEN, 3600)


@pytest.mark.parametrize("error", MISHAPS, ids=repr)
@pytest.mark.parametrize("where", ["/trainjobs?", "/trainjobs?fieldSelector=metadata.name=a&watch=true", "/pods?"])
def test_a_wait_ends_with_what_befell_the_thread_that_follows_the_job(
    cluster: Cluster, namespace: str, made: Made, edge: Edge, where: str, error: BaseException
) -> None:
    assert raised_by(lambda: wait(Mishap(cluster, where, error), namespace)) is error
    nothing_is_left(edge)


def test_a_wait_ends_with_what_befell_a_feed_that_polls(
    cluster: Cluster, namespace: str, made: Made, edge: Edge
) -> None:
    edge.faults.append(Fault("watch=true", status=403, times=99))
    error = RuntimeError("a bug")
    assert raised_by(lambda: wait(Mishap(cluster, "/pods?", error, good=3), namespace)) is error
    nothing_is_left(edge)


@pytest.mark.parametrize(
    "where",
    ["/events?fieldSelector=involvedObject.kind=Pod&limit", "/events?fieldSelector=involvedObject.kind=Pod&watch"],
)
def test_a_wait_ends_with_what_befell_the_thread_that_listens_for_hints(
    cluster: Cluster, namespace: str, made: Made, edge: Edge, where: str
) -> None:
    edge.faults.append(Fault(f"{namespace}/pods?labelSelector=jobset.sigs.k8s.io%2Fjobset-name%3Da&watch", status=403))
    error = RuntimeError("a bug")
    assert raised_by(lambda: wait(Mishap(cluster, where, error), namespace)) is error
    nothing_is_left(edge)


def follow(transport: Mishap, namespace: str, step: str | None) -> list[str]:
    """Read the log of a job that never ends."""
    pace = LogPace(silence=3600, grace=0.2, feeds=PACE)
    return list(
        read(LoggedJob(transport, namespace, "a", ["node-0", "node-1"]), LogSelection(step), follow=True, pace=pace)
    )


@pytest.mark.parametrize("error", MISHAPS, ids=repr)
@pytest.mark.parametrize("step", ["node-0", None])
@pytest.mark.parametrize("feed", ["/trainjobs?", "/pods?"])
def test_following_a_silent_log_ends_with_what_befell_the_thread_that_follows_the_job(
    cluster: Cluster, namespace: str, made: Made, edge: Edge, feed: str, step: str | None, error: BaseException
) -> None:
    said_once(made, edge, 0)
    # Watches end at once, so that by the third request of a feed the log is open, and nothing comes from it.
    edge.faults.append(Fault("watch=true", event={"type": "BOOKMARK", "object": {}}, times=99))
    assert raised_by(lambda: follow(Mishap(cluster, feed, error, good=8), namespace, step)) is error
    nothing_is_left(edge)


@pytest.mark.parametrize("error", MISHAPS, ids=repr)
def test_following_all_steps_ends_with_what_befell_the_thread_of_one(
    cluster: Cluster, namespace: str, made: Made, edge: Edge, error: BaseException
) -> None:
    said_once(made, edge, 0)
    broken = said_once(made, edge, 1)
    assert raised_by(lambda: follow(Mishap(cluster, f"/pods/{broken}/log", error), namespace, None)) is error
    nothing_is_left(edge)


@pytest.mark.parametrize("error", MISHAPS, ids=repr)
def test_following_one_step_ends_with_what_befell_its_reading(
    cluster: Cluster, namespace: str, made: Made, edge: Edge, error: BaseException
) -> None:
    broken = said_once(made, edge, 0)
    assert raised_by(lambda: follow(Mishap(cluster, f"/pods/{broken}/log", error), namespace, "node-0")) is error
    nothing_is_left(edge)


def said_once(made: Made, edge: Edge, index: int) -> str:
    pod = made.pod("a", index=index, status=running())
    edge.write(made.namespace, pod, "one")
    return pod
