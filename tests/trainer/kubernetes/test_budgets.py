"""What each verb costs the cluster, in requests: counted between client and server, on a real one."""

from __future__ import annotations

import dataclasses
import math
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from kubeflow.cluster.pods.schedule import Pace
from kubeflow.trainer import CustomTrainer, JobWaitTimeout, KubernetesBackendConfig, TrainerClient, TrainJob
from kubeflow.trainer.backends.kubernetes.backend import KubernetesBackend
from kubeflow.trainer.jobs.waiting import wait_for_status
from tests.cluster.proxy import Proxy
from tests.cluster.scenarios import Scenario, Script, scripted
from tests.cluster.stage import MINORS, MISSING, REASON, Stage
from tests.cluster.trainjobs import API
from tests.terminals import Seen, Window
from tests.trainer.kubernetes.fences import HOME, fenced
from tests.trainer.kubernetes.stock import PAGE, stock


def nothing() -> None:
    pass


@contextmanager
def at_most(front: Proxy, requests: int, *, writes: int = 0) -> Iterator[None]:
    """Fail when what is done inside takes more requests, or changes more."""
    with front.recording() as found:
        yield
    listed = "\n".join(map(str, found))
    assert len(found) <= requests, f"{len(found)} requests:\n{listed}"
    assert sum(request.writes for request in found) == writes, listed


@pytest.fixture
def quick(trainer_cluster: Stage) -> Iterator[Stage]:
    """Jobs end as soon as they begin."""
    before = trainer_cluster.controller.default
    trainer_cluster.controller.default = scripted(Script(["done"]))
    yield trainer_cluster
    trainer_cluster.controller.default = before


@pytest.mark.usefixtures("quick")
def test_a_job_is_made_with_one_write_and_seen_with_two_reads(
    trainer_cluster: Stage, front: Proxy, home: str, cluster_config: KubernetesBackendConfig
) -> None:
    with at_most(front, 3):
        client = TrainerClient(cluster_config)
    with at_most(front, 4, writes=1):
        name = client.train("torch-distributed", trainer=CustomTrainer(nothing, num_nodes=2))
    # By another way, on which nothing is counted: requests of a wait may come when it is over.
    bypass = KubernetesBackendConfig(config_file=str(trainer_cluster.kubeconfig), namespace=home)
    TrainerClient(bypass).wait_for_job_status(name, timeout=60)
    with at_most(front, 2):
        assert client.get_job(name).status == "Complete"
    # A second client knows nothing that the first one asked for.
    another = TrainerClient(cluster_config)
    with at_most(front, 2):
        another.get_job(name)
    with at_most(front, 4):
        assert list(another.get_job_logs(name)) == ["done"]
    with at_most(front, 1, writes=1):
        another.delete_job(name)


@pytest.mark.usefixtures("quick")
def test_progress_below_a_log_costs_a_list_and_a_watch_of_the_job_and_its_pods(
    trainer_cluster: Stage, front: Proxy, cluster_config: KubernetesBackendConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"line {number}" for number in range(3)]
    trainer_cluster.controller.default = scripted(Script(lines, pause=1.5))
    client = TrainerClient(cluster_config)

    def followed(progress: bool | None) -> int:
        name = client.train("torch-distributed", trainer=CustomTrainer(nothing, num_nodes=1))
        with front.recording() as requests:
            assert list(client.get_job_logs(name, follow=True, progress=progress)) == lines
        # How often a log is asked for while its pod ends is a matter of moments, and none of the progress.
        return sum(not request.path.endswith("/log") for request in requests)

    window = Window(60)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", window.stream)
    try:
        silent, shown = followed(False), followed(None)
        drawn = window.text
        assert "Running" in drawn
        assert "1/1 nodes" in drawn
        assert Seen(60).write(drawn).lines == [""]  # nothing is left
        assert shown - silent <= 6
        name = client.train("torch-distributed", trainer=CustomTrainer(nothing, num_nodes=1))
        with front.recording() as requests:
            client.wait_for_job_status(name, timeout=60)
        assert Seen(60).write(window.text).lines == [f"✓ {name} Complete"]
        assert len(requests) <= 8
    finally:
        window.close()


def test_listing_jobs_costs_pages_and_not_jobs(
    trainer_cluster: Stage, front: Proxy, home: str, cluster_config: KubernetesBackendConfig
) -> None:
    count, with_pods = PAGE + 1, 20
    stock(trainer_cluster.wire, home, count, with_pods=with_pods)
    client = TrainerClient(cluster_config)

    pages = math.ceil(count / PAGE) + math.ceil(with_pods / PAGE)
    with at_most(front, 3 + pages):
        jobs = client.list_jobs()

    assert len(jobs) == count
    assert {job.status for job in jobs} == {"Complete"}
    assert [len(job.steps) for job in jobs[:with_pods]] == [1] * with_pods


@pytest.mark.skipif(MISSING, reason=REASON)
@pytest.mark.parametrize("minor", MINORS)
def test_ten_minutes_of_waiting_take_ten_requests_with_the_shipped_role(minor: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        there = fenced(tmp_path / "cluster", minor, stack)
        there.cluster.controller.default = scripted(Script(["running"], stays=None))
        # Sixty times as fast: watches end after a sixtieth of the time they asked for, and whoever polls hurries too.
        backend = KubernetesBackend(there.config("editor", tmp_path), pace=hurried(Pace(), 60))
        client = there.client("editor", tmp_path)
        name = client.train("torch-distributed", trainer=CustomTrainer(nothing, num_nodes=2))
        client.wait_for_job_status(name, {"Running"}, timeout=60)
        settled(there.cluster, pods=2)  # what is still to be written about its start is not about waiting

        there.front.hurry = 60
        looks: list[TrainJob] = []
        began = time.monotonic()
        with there.front.recording() as recorded, pytest.raises(JobWaitTimeout):
            wait_for_status(
                backend, name, {"Complete"}, timeout=600 / 60, polling_interval=2 / 60, callbacks=[looks.append]
            )
        there.front.hurry = 1
        client.delete_job(name)

    found = [request for request in recorded if request.at - began <= 600 / 60]  # later ones are of a slow machine
    listed = "\n".join(map(str, found))
    assert len(found) <= 10, f"{len(found)} requests:\n{listed}"
    # The measure is true only where the server ends what is waited on.
    assert all("timeoutSeconds" in request.query for request in found if "watch" in request.query), listed
    # And only where events say when to look.
    watched = {request.path.rpartition("/")[2] for request in found if "watch" in request.query}
    assert watched == ({"trainjobs", "pods", "events"} if minor in ("2.0", "2.1") else {"trainjobs", "pods"})
    assert {step.status for step in looks[-1].steps} == {"Running"}


def settled(cluster: Stage, pods: int, quiet: float = 2) -> None:
    """Return once so many pods have been started, and nothing about the job has changed for `quiet` seconds."""
    home = f"namespaces/{HOME}"
    paths = [f"{API}/{home}/trainjobs", f"/api/v1/{home}/pods", f"/api/v1/{home}/events"]
    before: list[tuple[str, str]] = []
    since = time.monotonic()
    started = 0
    while started < pods or time.monotonic() - since < quiet:
        found = [item for path in paths for item in cluster.wire.items(path)]
        started = sum(item.get("reason") == "Started" for item in found)
        now = [(item["metadata"]["uid"], item["metadata"]["resourceVersion"]) for item in found]
        if now != before:
            before, since = now, time.monotonic()
        time.sleep(0.1)


def hurried(pace: Pace, times: float) -> Pace:
    """Return a pace that polls so many times as fast, once the first seconds of a wait are over.

    Streams are asked to last as long as ever, as the proxy ends those; and bookmarks, which come every minute, are what
    keeps them from being held for dead.
    """
    return dataclasses.replace(pace, longest_poll=pace.longest_poll / times, hinted_poll=pace.hinted_poll / times)


@pytest.mark.skipif(MISSING, reason=REASON)
@pytest.mark.parametrize("minor", ["2.0", "2.1"])
def test_what_becomes_of_pods_is_seen_at_once_with_a_role_that_may_not_watch_them(minor: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        there = fenced(tmp_path / "cluster", minor, stack)
        # Its image takes longer to come than anybody would look by themselves.
        seen = threading.Event()
        lives = Script(["up"], stays=2, exit_code=1), Script(["up"], until=seen.is_set)
        start = Scenario(run=lambda pod: lives[pod.attempt], pull=8)
        there.cluster.controller.default = start
        client = there.client("editor", tmp_path)
        name = client.train("torch-restarting", trainer=CustomTrainer(nothing))
        with there.front.recording() as found:
            client.wait_for_job_status(name, {"Running"}, timeout=60)
            seen.set()
            began = time.monotonic()
            client.wait_for_job_status(name, timeout=60)
        assert time.monotonic() - began < 60
        client.delete_job(name)
    listed = "\n".join(map(str, found))
    assert any("watch" in request.query and request.path.endswith("/events") for request in found), listed
