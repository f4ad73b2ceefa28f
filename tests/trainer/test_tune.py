"""TorchTune on this machine. The program `tune` is a stand-in, which writes down what it was started with."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.trainer import (
    BuiltinTrainer,
    DataFormat,
    HuggingFaceDatasetInitializer,
    HuggingFaceModelInitializer,
    Initializer,
    JobFailed,
    LocalProcessBackendConfig,
    LoraConfig,
    TorchTuneConfig,
    TorchTuneInstructDataset,
    TrainerClient,
)

WAIT = 120  # seconds

TUNE = f"""#!{sys.executable}
import json, os, sys
from pathlib import Path
names = [name for name in os.environ if name.startswith(("PET_", "KUBEFLOW_WORKSPACE", "CUDA"))]
seen = {{"argv": sys.argv[1:], "env": {{name: os.environ[name] for name in names}}}}
seen["there"] = sorted(os.listdir(os.environ["KUBEFLOW_WORKSPACE"]))
with open(Path(__file__).parent / "seen.jsonl", "a") as file:
    print(json.dumps(seen), file=file)
print("step 1 loss 0.5")
sys.exit("no GPU" if "fail=1" in sys.argv else 0)
"""


@pytest.fixture
def tune(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that a stand-in for TorchTune writes to."""
    program = tmp_path / "bin/tune"
    program.parent.mkdir()
    program.write_text(TUNE)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    return program.parent / "seen.jsonl"


@pytest.fixture
def client(local_config: LocalProcessBackendConfig, tune: Path) -> TrainerClient:
    return TrainerClient(local_config)


@pytest.fixture
def fetched(tmp_path: Path) -> Initializer:
    for name in ("data/a.parquet", "model/model.safetensors"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    return Initializer(
        dataset=HuggingFaceDatasetInitializer(f"file://{tmp_path}/data"),
        model=HuggingFaceModelInitializer(f"file://{tmp_path}/model"),
    )


def started(tune: Path) -> list[tuple[Sequence[str], dict[str, str], Sequence[str]]]:
    lines = [json.loads(line) for line in tune.read_text().splitlines()]
    return [(line["argv"], line["env"], line["there"]) for line in lines]


def test_one_process_runs_the_recipe_for_one_device(client: TrainerClient, tune: Path, fetched: Initializer) -> None:
    config = TorchTuneConfig(
        lr=2e-5,
        epochs=2,
        peft_config=LoraConfig(quantize_base=True),
        dataset_preprocess_config=TorchTuneInstructDataset(source=DataFormat.PARQUET),
    )

    name = client.train("llama-3.2-1b", initializer=fetched, trainer=BuiltinTrainer(config))
    job = client.wait_for_job_status(name, timeout=WAIT)

    ((argv, env, there),) = started(tune)
    workspace = env["KUBEFLOW_WORKSPACE"]
    assert there == ["dataset", "model"]
    assert argv == [
        "run",
        "lora_finetune_single_device",
        "--config",
        "llama3_2/1B_qlora_single_device",
        f"output_dir={workspace}/output",
        f"tokenizer.path={workspace}/model/original/tokenizer.model",
        f"checkpointer.checkpoint_dir={workspace}/model",
        "epochs=2",
        "optimizer.lr=2e-05",
        "model.quantize_base=True",
        "model.lora_attn_modules=[q_proj,v_proj,output_proj]",
        f"dataset.data_dir={workspace}/dataset",
        "dataset=torchtune.datasets.instruct_dataset",
        "dataset.source=parquet",
        "device=cpu",
    ]
    assert [step.name for step in job.steps] == ["dataset-initializer", "model-initializer", "node-0"]
    assert job.runtime.name == "torchtune-llama3.2-1b"
    assert "step 1 loss 0.5" in list(client.get_job_logs(name))


def test_several_gpus_run_the_distributed_recipe_with_a_rendezvous(
    client: TrainerClient, tune: Path, fetched: Initializer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    config = TorchTuneConfig(resources_per_node={"gpu": 2})

    name = client.train("torchtune-qwen2.5-1.5b", initializer=fetched, trainer=BuiltinTrainer(config))
    client.wait_for_job_status(name, timeout=WAIT)

    ((argv, env, _),) = started(tune)
    run, endpoint, *rest = argv
    address, _, port = endpoint.removeprefix("--rdzv_endpoint=").partition(":")
    assert (run, address) == ("run", "127.0.0.1")
    assert int(port) > 0
    assert rest[:3] == ["full_finetune_distributed", "--config", "qwen2_5/1.5B_full"]
    assert "device=cpu" not in rest
    assert f"tokenizer.merges_file={env['KUBEFLOW_WORKSPACE']}/model/merges.txt" in rest
    assert {key: value for key, value in env.items() if key.startswith(("PET_", "CUDA"))} == {
        "CUDA_VISIBLE_DEVICES": "0,1",
        "PET_NNODES": "1",
        "PET_NODE_RANK": "0",
        "PET_NPROC_PER_NODE": "2",
    }


def test_a_runtime_without_settings_runs_as_it_is_shipped(
    client: TrainerClient, tune: Path, fetched: Initializer
) -> None:
    name = client.train("torchtune-llama3.2-3b", initializer=fetched)
    client.wait_for_job_status(name, timeout=WAIT)

    ((argv, env, _),) = started(tune)
    assert argv[1:4] == ["full_finetune_single_device", "--config", "llama3_2/3B_full_single_device"]
    assert f"dataset.data_dir={env['KUBEFLOW_WORKSPACE']}/dataset" in argv
    assert "dataset=torchtune.datasets.instruct_dataset" in argv


def test_what_torchtune_cannot_do_is_refused_before_anything_starts(
    client: TrainerClient, tune: Path, fetched: Initializer, local_config: LocalProcessBackendConfig
) -> None:
    with pytest.raises(InvalidInput, match="on one node, not on 2"):
        client.train("llama-3.2-1b", initializer=fetched, trainer=BuiltinTrainer(TorchTuneConfig(num_nodes=2)))
    assert client.list_jobs() == []
    assert list(Path(str(local_config.state_dir), "jobs").iterdir()) == []


def test_a_failure_of_torchtune_is_told_in_its_own_words(
    client: TrainerClient, tune: Path, fetched: Initializer
) -> None:
    tune.with_name("tune").write_text(TUNE.replace('"fail=1" in sys.argv', "True"))

    name = client.train("llama-3.2-1b", initializer=fetched)

    with pytest.raises(JobFailed, match="node-0 exited with code 1") as failure:
        client.wait_for_job_status(name, timeout=WAIT)
    assert failure.value.log[-1] == "no GPU"
