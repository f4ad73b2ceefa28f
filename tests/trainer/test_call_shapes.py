"""Every shape in which people write a call, on this machine: each works as written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from kubeflow_api.trainer.v1alpha1 import TrainJob

from kubeflow.core.errors import KubeflowError
from kubeflow.trainer import (
    BuiltinTrainer,
    CustomTrainer,
    DataFormat,
    HuggingFaceDatasetInitializer,
    HuggingFaceModelInitializer,
    Initializer,
    KubernetesBackendConfig,
    LocalProcessBackendConfig,
    LoraConfig,
    TorchTuneConfig,
    TorchTuneInstructDataset,
    TrainerClient,
    TrainJobTemplate,
)

WAIT = 180  # seconds


def announce(greeting: str = "here") -> None:
    """A train function that says where it runs."""
    import os

    print(greeting, os.environ["RANK"], "of", os.environ["WORLD_SIZE"])


def finish(client: TrainerClient, job: str) -> list[str]:
    """Wait for a job and return what its ranks said, in their order."""
    assert client.wait_for_job_status(job, timeout=WAIT).status == "Complete"
    lines = sorted(client.get_job_logs(name=job, step=None))
    client.delete_job(job)
    return [line.partition("] ")[2] for line in lines if ":rank" in line]


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainerClient:
    """A client that is told nothing, in an environment that names this machine."""
    monkeypatch.setenv("KUBEFLOW_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("KUBEFLOW_BACKEND", "localprocess")
    return TrainerClient()


def test_a_function_alone(bare: TrainerClient) -> None:
    job = bare.train(train_func=announce)

    assert finish(bare, job) == ["here 0 of 1"]


def test_a_function_with_nodes_and_packages(bare: TrainerClient) -> None:
    job = bare.train(train_func=announce, num_nodes=2, packages_to_install=["psutil"])

    assert finish(bare, job) == ["here 0 of 2", "here 1 of 2"]


def test_a_trainer_with_resources_on_a_runtime_object_and_every_call_on_a_client_of_its_own(
    bare: TrainerClient,
) -> None:
    job = TrainerClient().train(
        runtime=TrainerClient().get_runtime("torch-distributed"),
        trainer=CustomTrainer(func=announce, num_nodes=3, resources_per_node={"cpu": 2}),
    )

    TrainerClient().wait_for_job_status(job, timeout=WAIT)

    assert "\n".join(TrainerClient().get_job_logs(name=job)) == "here 0 of 3"
    assert [known.name for known in TrainerClient().list_jobs()] == [job]
    bare.delete_job(job)


def test_a_trainer_alone_and_a_runtime_by_name(bare: TrainerClient) -> None:
    trainer = CustomTrainer(func=announce, func_args={"greeting": "there"})

    assert finish(bare, bare.train(trainer=trainer)) == ["there 0 of 1"]
    assert finish(bare, bare.train(runtime="torch-distributed", trainer=trainer)) == ["there 0 of 1"]


def test_a_configuration_by_position_and_by_name(tmp_path: Path) -> None:
    config = LocalProcessBackendConfig(state_dir=tmp_path / "state")

    job = TrainerClient(config).train(train_func=announce)

    assert finish(TrainerClient(backend_config=config), job) == ["here 0 of 1"]


def test_a_template_is_unpacked_into_a_call(bare: TrainerClient) -> None:
    template = TrainJobTemplate(
        trainer=CustomTrainer(func=announce, func_args={"greeting": "0.01"}, num_nodes=2),
        runtime=bare.get_runtime("torch-distributed"),
    )

    assert finish(bare, bare.train(**template)) == ["0.01 0 of 2", "0.01 1 of 2"]


def test_gpus_in_capitals_are_refused_here_and_rendered_for_a_cluster(bare: TrainerClient) -> None:
    trainer = CustomTrainer(func=announce, num_nodes=100, resources_per_node={"GPU": 5})

    with pytest.raises(KubeflowError, match=r"5 GPU\(s\) on each of 100 node\(s\)"):
        bare.train(trainer=trainer)
    job = TrainerClient(KubernetesBackendConfig(offline=True)).train(trainer=trainer, dry_run=True)

    assert bare.list_jobs() == []
    assert job.spec is not None
    assert job.spec.trainer is not None
    assert job.spec.trainer.num_nodes == 100
    assert "nvidia.com/gpu" in job.to_yaml()


TUNE = f"#!{sys.executable}\nimport sys\nprint(*sys.argv[1:])\n"


@pytest.fixture
def tune(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Initializer:
    """A stand-in for TorchTune's program, and data and a model of this machine."""
    program = tmp_path / "bin/tune"
    program.parent.mkdir()
    program.write_text(TUNE)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    for name in ("data/a.parquet", "model/model.safetensors"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    return Initializer(
        dataset=HuggingFaceDatasetInitializer(storage_uri=f"file://{tmp_path}/data"),
        model=HuggingFaceModelInitializer(storage_uri=f"file://{tmp_path}/model", access_token="hf_none"),
    )


def test_fine_tuning_by_a_short_runtime_name_and_a_configuration(bare: TrainerClient, tune: Initializer) -> None:
    config = TorchTuneConfig(lr=0.01, peft_config=LoraConfig(lora_rank=4, lora_alpha=128))
    found = [runtime.name for runtime in bare.list_runtimes(phase="post-training")]

    job = bare.train(runtime_ref="llama-3.2-1b", fine_tuning_config=config, initializer=tune)
    bare.wait_for_job_status(job, timeout=WAIT)
    (said,) = [line for line in bare.get_job_logs(job) if "lora" in line]
    rendered = TrainerClient(KubernetesBackendConfig(offline=True)).train(
        runtime_ref="llama-3.2-1b", fine_tuning_config=config, dry_run=True
    )

    assert "torchtune-llama3.2-1b" in found
    assert "torch-distributed" not in found
    assert isinstance(rendered, TrainJob)
    for argument in ("optimizer.lr=0.01", "model.lora_rank=4", "model.lora_alpha=128"):
        assert argument in said.split()
        assert argument in rendered.to_yaml()
    bare.delete_job(job)


def test_fine_tuning_as_a_runtime_ships_it(bare: TrainerClient, tune: Initializer) -> None:
    job = bare.train(runtime=bare.get_runtime("torchtune-qwen2.5-1.5b"), initializer=tune)

    assert bare.wait_for_job_status(job, timeout=WAIT).runtime.name == "torchtune-qwen2.5-1.5b"
    assert any("qwen2_5/1.5B_full" in line for line in bare.get_job_logs(job))
    bare.delete_job(job)


def test_fine_tuning_with_everything_said(
    bare: TrainerClient, tune: Initializer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    trainer = BuiltinTrainer(
        config=TorchTuneConfig(
            dataset_preprocess_config=TorchTuneInstructDataset(source=DataFormat.PARQUET),
            peft_config=LoraConfig(
                apply_lora_to_mlp=True,
                lora_attn_modules=["q_proj", "k_proj", "v_proj", "output_proj"],
                quantize_base=True,
            ),
            resources_per_node={"gpu": 1},
        )
    )
    runtime = bare.get_runtime(name="torchtune-llama3.2-1b")

    job = bare.train(runtime=runtime, initializer=tune, trainer=trainer)
    bare.wait_for_job_status(job, timeout=WAIT)

    said = [argument for line in bare.get_job_logs(job) for argument in line.split()]
    assert "model.apply_lora_to_mlp=True" in said
    assert "model.lora_attn_modules=[q_proj,k_proj,v_proj,output_proj]" in said
    assert "model.quantize_base=True" in said
    assert "dataset.source=parquet" in said
    bare.delete_job(job)
