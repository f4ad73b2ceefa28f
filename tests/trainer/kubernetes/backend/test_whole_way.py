"""Every verb once, over a cluster that runs the commands of jobs: the oldest Trainer and the newest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kubeflow.trainer import JobFailed, KubernetesBackendConfig, TrainerClient
from tests.cluster.scenarios import REAL, Script, scripted
from tests.cluster.stage import MINORS, MISSING, REASON, Stage, stage


@pytest.fixture(scope="module", params=[MINORS[0], MINORS[-1]])
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    if MISSING:
        pytest.skip(REASON)
    with stage(tmp_path_factory.mktemp("whole"), request.param) as running:
        yield running


@pytest.fixture
def client(cluster: Stage) -> TrainerClient:
    cluster.controller.default = REAL
    return TrainerClient(KubernetesBackendConfig(config_file=str(cluster.kubeconfig)))


def train(factor: int) -> dict[str, int]:
    import os

    print("rank", os.environ["RANK"], "of", os.environ["WORLD_SIZE"], flush=True)
    return {"answer": 21 * factor}


def fail() -> None:
    raise ValueError("the loss is not a number")


def test_a_job_is_made_followed_and_gives_its_result(client: TrainerClient) -> None:
    name = client.train(train_func=train, func_args={"factor": 2}, num_nodes=2)

    lines = list(client.get_job_logs(name, step="node-1", follow=True))
    job = client.wait_for_job_status(name, timeout=120)

    assert "rank 1 of 2" in lines
    assert (job.status, job.num_nodes, job.runtime.name) == ("Complete", 2, "torch-distributed")
    assert [(step.name, step.status) for step in job.steps] == [("node-0", "Succeeded"), ("node-1", "Succeeded")]
    assert client.get_job_result(name) == {"answer": 42}
    assert any(line.endswith("rank 0 of 2") for line in client.get_job_logs(name, step=None))
    assert "Complete" in client.explain(name)
    assert {event.involved_object_kind for event in client.get_job_events(name)} & {"Pod", "JobSet", "Job"}
    assert job in client.list_jobs("torch-distributed", status="Complete")
    client.delete_job(name, wait=True)
    assert name not in [other.name for other in client.list_jobs()]


def test_a_job_that_fails_says_which_rank_and_why(client: TrainerClient) -> None:
    name = client.train(train_func=fail)

    with pytest.raises(JobFailed, match="ValueError: the loss is not a number") as error:
        client.wait_for_job_status(name, timeout=120)

    assert error.value.rank == 0
    assert client.get_job(name).status == "Failed"
    assert "the loss is not a number" in client.explain(name)


def test_a_job_is_suspended_and_resumed(cluster: Stage, client: TrainerClient) -> None:
    cluster.controller.default = scripted(Script(lines=["training"], stays=None))
    name = client.train(train_func=train, func_args={"factor": 2})
    client.wait_for_job_status(name, {"Running"}, timeout=120)

    client.suspend_job(name)
    assert client.wait_for_job_status(name, {"Suspended"}, timeout=120).status == "Suspended"
    client.resume_job(name)
    assert client.wait_for_job_status(name, {"Running"}, timeout=120).status == "Running"
    client.delete_job(name, wait=True)
