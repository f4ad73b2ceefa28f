"""The training operator's client goes on working, and says what to write instead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kubeflow.cluster import NotConfigured
from kubeflow.trainer import (
    InvalidInput,
    JobNotFound,
    KubernetesBackendConfig,
    LocalProcessBackendConfig,
    TrainerClient,
)
from kubeflow.training import TrainingClient, constants
from tests.cluster.scenarios import Script, scripted
from tests.cluster.stage import Stage, namespace

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


def test_the_example_of_the_documents_runs_as_it_is_written(
    trainer_cluster: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The job is made in a namespace that later calls do not name."""
    monkeypatch.setenv("KUBECONFIG", str(trainer_cluster.kubeconfig))
    namespace(trainer_cluster.wire, "kubeflow")
    scenario = scripted(Script(lines=["epoch 100"]))
    trainer_cluster.controller.scenarios["pytorch-distributed-training"] = scenario
    trainer_cluster.controller.scenarios["llama2-lora-finetuning"] = scenario

    # Initialize the training client
    client = TrainingClient()

    # Define the training job
    client.create_job(
        name="pytorch-distributed-training",
        namespace="kubeflow",
        base_image="pytorch/pytorch:2.0.0-cuda11.7-cudnn8-runtime",
        num_workers=4,
        num_gpus_per_worker=1,
        command=["python", "train.py", "--epochs", "100", "--batch-size", "32"],
    )

    # Monitor the training job
    client.wait_for_job_completion("pytorch-distributed-training")

    # Get training logs
    logs = client.get_job_logs("pytorch-distributed-training")
    print(logs)

    # Fine-tune LLaMA-2 with LoRA
    client.create_job(
        name="llama2-lora-finetuning",
        namespace="kubeflow",
        base_image="huggingface/transformers:latest",
        num_workers=2,
        num_gpus_per_worker=4,
        command=["python", "finetune_llama.py", "--model_name", "meta-llama/Llama-2-7b-hf", "--lora_r", "8"],
    )

    assert "'node-0': 'epoch 100'" in capsys.readouterr().out
    assert {job.name for job in client.list_jobs("kubeflow")} == {
        "pytorch-distributed-training",
        "llama2-lora-finetuning",
    }
    assert client.get_job("llama2-lora-finetuning").num_nodes == 2


def test_every_method_finds_a_job_where_it_was_made_and_a_namespace_that_is_given_goes_first(
    trainer_cluster: Stage,
) -> None:
    here, there = (namespace(trainer_cluster.wire, name) for name in ("old-here", "old-there"))
    config = KubernetesBackendConfig(config_file=str(trainer_cluster.kubeconfig), namespace=here)
    old = TrainingClient(backend_config=config)
    trainer_cluster.controller.scenarios["twice"] = scripted(Script(lines=["done"]))

    old.create_job(name="twice", base_image="a/b", num_workers=1)
    assert old.get_job("twice").num_nodes == 1
    old.create_job(name="twice", namespace=there, base_image="a/b", num_workers=2)

    with pytest.warns(DeprecationWarning, match=rf"namespace='{there}', .*get_job\('twice'\)"):
        assert old.get_job("twice").num_nodes == 2
    assert old.get_job("twice", here).num_nodes == 1
    assert old.wait_for_job_completion("twice", timeout=180).num_nodes == 2
    assert set(old.get_job_logs("twice", is_master=False)[0]) == {"node-0", "node-1"}
    assert [job.num_nodes for job in old.list_jobs()] == [1]

    old.delete_job("twice")
    assert [job.num_nodes for job in old.list_jobs(there)] == []
    assert old.get_job("twice").num_nodes == 1  # the client's namespace again
    old.create_job(name="twice", namespace=there, base_image="a/b", num_workers=3)
    old.delete_job("twice", here)
    assert old.get_job("twice").num_nodes == 3
    with pytest.raises(JobNotFound):
        TrainingClient(backend_config=config).get_job("twice")
    assert TrainingClient(backend_config=config, namespace=there).get_job("twice").num_nodes == 3


def test_the_constants_are_where_they_were() -> None:
    assert constants.DEFAULT_TRAINING_RUNTIME
