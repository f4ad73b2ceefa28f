"""The training operator's client goes on working, and says what to write instead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kubeflow.cluster import NotConfigured
from kubeflow.trainer import InvalidInput, JobNotFound, LocalProcessBackendConfig, TrainerClient
from kubeflow.training import TrainingClient, constants

pytestmark = pytest.mark.filterwarnings("ignore:TrainingClient:DeprecationWarning")


def train(rate: float) -> float:
    print(f"rate {rate}")
    return rate


@pytest.fixture
def old(local_config: LocalProcessBackendConfig) -> Iterator[TrainingClient]:
    yield TrainingClient(backend_config=local_config)
    new = TrainerClient(local_config)
    for job in new.list_jobs():
        new.delete_job(job.name)


def test_a_function_is_trained_with_the_old_calls(old: TrainingClient) -> None:
    name = old.create_job(name="old-job", train_func=train, parameters={"rate": 0.5}, num_workers=2)

    assert (name, old.wait_for_job_completion(name, timeout=180).status) == ("old-job", "Complete")
    logs, events = old.get_job_logs(name)
    assert logs == {"node-0": "rate 0.5"}
    assert set(old.get_job_logs(name, is_master=False)[0]) == {"node-0", "node-1"}
    assert any("Created" in message for message in events[name])
    assert [job.name for job in old.list_jobs()] == [name]
    old.delete_job(name)
    with pytest.raises(JobNotFound):
        old.get_job(name)


def test_every_call_shows_the_new_one(local_config: LocalProcessBackendConfig) -> None:
    new = r"write TrainerClient\(LocalProcessBackendConfig\(\)\)"
    with pytest.warns(DeprecationWarning, match=new):
        client = TrainingClient(backend_config=local_config)
    with pytest.warns(DeprecationWarning, match=rf"{new}\.list_jobs\(\)"):
        client.list_jobs()
    shown = r"\.train\(runtime='torch-distributed', name='n', trainer=CustomTrainer\(func=train, .*env=\{\.\.\.\}\)\)"
    with pytest.warns(DeprecationWarning, match=shown) as warned, pytest.raises(InvalidInput):
        client.create_job(name="n", train_func=train, parameters={"wrong": 1}, env_vars={"TOKEN": "secret"})
    assert "secret" not in str(warned[0].message)
    assert warned[0].filename == __file__  # the caller's line, not ours


def test_the_new_client_that_is_shown_is_for_the_same_cluster(tmp_path: Path) -> None:
    shown = r"TrainerClient\(KubernetesBackendConfig\(namespace='a', config_file='.*', context='prod'\)\)"
    with pytest.warns(DeprecationWarning, match=shown):
        client = TrainingClient(config_file=str(tmp_path / "none"), context="prod", namespace="a")
    with pytest.warns(DeprecationWarning, match="namespace='b', config_file="), pytest.raises(NotConfigured):
        client.list_jobs("b")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "something to run"),
        ({"job": object()}, "objects of the training operator"),
        ({"train_func": train, "command": ["python"]}, "both say what to run"),
        ({"train_func": train, "job_kind": "PyTorchJbo"}, "Did you mean 'PyTorchJob'"),
        ({"train_func": train, "job_kind": "TFJob"}, "No runtime"),
    ],
)
def test_what_cannot_work_is_said_before_anything_starts(
    old: TrainingClient, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        old.create_job(**arguments)  # type: ignore[arg-type]
    assert old.list_jobs() == []


def test_the_constants_are_where_they_were() -> None:
    assert constants.DEFAULT_TRAINING_RUNTIME
