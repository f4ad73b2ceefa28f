"""What each verb costs the cluster, in requests: counted between client and server, on a real one."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kubeflow.trainer import CustomTrainer, JobWaitTimeout, KubernetesBackendConfig, TrainerClient
from tests.cluster.proxy import Proxy
from tests.cluster.scenarios import Script, scripted
from tests.cluster.stage import Stage
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


@pytest.fixture
def idle(trainer_cluster: Stage) -> Iterator[Stage]:
    """Jobs run and never end."""
    before = trainer_cluster.controller.default
    trainer_cluster.controller.default = scripted(Script(["running"], stays=None))
    yield trainer_cluster
    trainer_cluster.controller.default = before


@pytest.mark.usefixtures("quick")
def test_a_job_is_made_with_one_write_and_seen_with_two_reads(
    front: Proxy, cluster_config: KubernetesBackendConfig
) -> None:
    with at_most(front, 3):
        client = TrainerClient(cluster_config)
    with at_most(front, 4, writes=1):
        name = client.train("torch-distributed", trainer=CustomTrainer(nothing, num_nodes=2))
    client.wait_for_job_status(name, timeout=60)
    with at_most(front, 2):
        assert client.get_job(name).status == "Complete"
    # A second client knows nothing that the first one asked for.
    another = TrainerClient(cluster_config)
    with at_most(front, 2):
        another.get_job(name)
    with at_most(front, 4):
        assert list(another.get_job_logs(name)) == ["done"]
    with at_most(front, 2, writes=1):
        another.delete_job(name)


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


@pytest.mark.usefixtures("idle")
def test_ten_minutes_of_waiting_take_ten_requests(front: Proxy, cluster_config: KubernetesBackendConfig) -> None:
    client = TrainerClient(cluster_config)
    name = client.train("torch-distributed", trainer=CustomTrainer(nothing, num_nodes=2))
    client.wait_for_job_status(name, {"Running"}, timeout=60)
    time.sleep(0.5)  # what is still to be written about its start is not about waiting

    # Sixty times as fast: watches end after a sixtieth of the time they asked for, and so does the wait.
    front.hurry = 60
    with front.recording() as found, pytest.raises(JobWaitTimeout):
        client.wait_for_job_status(name, timeout=600 / 60, polling_interval=2 / 60, callbacks=[lambda job: None])

    listed = "\n".join(map(str, found))
    assert len(found) <= 10, f"{len(found)} requests:\n{listed}"
    # The measure is true only where the server ends what is waited on.
    assert all("timeoutSeconds" in request.query for request in found if "watch" in request.query), listed
    front.hurry = 1
    client.delete_job(name)
