"""What TorchTune is started with, from the user's settings to the command line."""

from __future__ import annotations

import pytest
import yaml

from kubeflow.core.errors import InvalidInput
from kubeflow.trainer import (
    DataFormat,
    DataType,
    HuggingFaceDatasetInitializer,
    Initializer,
    LoraConfig,
    Loss,
    S3DatasetInitializer,
    TorchTuneConfig,
    TorchTuneInstructDataset,
)
from kubeflow.trainer.jobs.torchtune import Recipe, command, model, overrides, recipe

LLAMA = "torchtune-llama3.2-1b"
QWEN = "torchtune-qwen2.5-1.5b"
LARGE = "torchtune-llama3.3-70b"
LORA = ["model.lora_attn_modules=[q_proj,v_proj]"]
QLORA = ["model.quantize_base=True", *LORA]
# The configurations of TorchTune 0.6.1 for these models (`tune ls`), by recipe.
CONFIGS = {
    "full_finetune_single_device": {f"{m}_full_single_device" for m in ("llama3_2/1B", "llama3_2/3B", "qwen2_5/1.5B")},
    "full_finetune_distributed": {
        *(f"{m}_full" for m in ("llama3_2/1B", "llama3_2/3B", "llama3_3/70B", "qwen2_5/1.5B")),
        "llama3_3/70B_full_multinode",
    },
    "lora_finetune_single_device": {
        *(f"{m}_lora_single_device" for m in ("llama3_2/1B", "llama3_2/3B", "qwen2_5/1.5B")),
        *(f"{m}_qlora_single_device" for m in ("llama3_2/1B", "llama3_2/3B")),
    },
    "lora_finetune_distributed": {
        *(f"{m}_lora" for m in ("llama3_2/1B", "llama3_2/3B", "llama3_3/70B", "qwen2_5/1.5B")),
        "llama3_3/70B_qlora",
    },
}


def hf(path: str) -> Initializer:
    return Initializer(dataset=HuggingFaceDatasetInitializer(f"hf://{path}"))


def test_settings_become_torchtunes_own_keys() -> None:
    config = TorchTuneConfig(
        dtype=DataType.BF16,
        batch_size=8,
        epochs=3,
        lr=2e-5,
        loss=Loss.CEWithChunkedOutputLoss,
        num_nodes=1,
        resources_per_node={"gpu": 1},
    )

    assert overrides(config, None) == [
        "dtype=bf16",
        "batch_size=8",
        "epochs=3",
        "optimizer.lr=2e-05",
        "loss=torchtune.modules.loss.CEWithChunkedOutputLoss",
    ]


def test_what_is_left_out_is_not_sent() -> None:
    assert overrides(TorchTuneConfig(), None) == []
    assert overrides(TorchTuneConfig(lr=0.01, peft_config=LoraConfig(lora_rank=4, lora_alpha=128)), None) == [
        "optimizer.lr=0.01",
        "model.lora_rank=4",
        "model.lora_alpha=128",
        "model.lora_attn_modules=[q_proj,v_proj,output_proj]",
    ]


def test_lora_settings_that_are_off_are_left_out_because_older_controllers_take_their_keys_for_on() -> None:
    lora = LoraConfig(
        apply_lora_to_mlp=False,
        apply_lora_to_output=True,
        lora_attn_modules=["q_proj"],
        lora_dropout=0.5,
        quantize_base=False,
        use_dora=False,
    )

    assert overrides(TorchTuneConfig(peft_config=lora), None) == [
        "model.apply_lora_to_mlp=False",
        "model.apply_lora_to_output=True",
        "model.lora_dropout=0.5",
        "model.lora_attn_modules=[q_proj]",
    ]


def test_lora_that_adapts_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'q_proj'"):
        overrides(TorchTuneConfig(peft_config=LoraConfig(lora_attn_modules=[])), None)


def test_a_dataset_is_described_whole() -> None:
    reading = TorchTuneInstructDataset(
        source=DataFormat.CSV,
        split="train[:10%]",
        train_on_input=False,
        new_system_prompt='Answer "briefly": yes or no\nÜ😀',
        column_map={"input": "the question"},
    )

    sent = overrides(TorchTuneConfig(dataset_preprocess_config=reading), hf("tatsu-lab/alpaca/data"))

    values = dict(argument.split("=") for argument in sent)  # as TorchTune does, which takes one "=" only
    assert {key: yaml.safe_load(value) for key, value in values.items()} == {
        "dataset": "torchtune.datasets.instruct_dataset",
        "dataset.data_dir": "/workspace/dataset/data",
        "dataset.source": "csv",
        "dataset.split": "train[:10%]",
        "dataset.train_on_input": False,
        "dataset.new_system_prompt": 'Answer "briefly": yes or no\nÜ😀',
        "dataset.column_map": {"input": "the question", "output": "output"},
    }
    assert values["dataset.split"] == "train[:10%]"


@pytest.mark.parametrize(
    ("initializer", "place", "source"),
    [
        (hf("tatsu-lab/alpaca"), "data_dir=/workspace/dataset", "parquet"),
        (hf("tatsu-lab/alpaca/data/"), "data_dir=/workspace/dataset/data", "parquet"),
        (hf("a/b/c/v1.0"), "data_dir=/workspace/dataset/c/v1.0", "parquet"),
        (hf("a/b/c/train.jsonl"), "data_files=/workspace/dataset/c/train.jsonl", "json"),
        (hf("a/b/train.csv.gz"), "data_files=/workspace/dataset/train.csv.gz", "csv"),
        (Initializer(dataset=S3DatasetInitializer("s3://bucket/a/b")), "data_dir=/workspace/dataset", "parquet"),
    ],
)
def test_a_fetched_dataset_is_read_from_where_it_lands(initializer: Initializer, place: str, source: str) -> None:
    assert overrides(TorchTuneConfig(), initializer) == [
        f"dataset.{place}",
        "dataset=torchtune.datasets.instruct_dataset",
        f"dataset.source={source}",
    ]


def test_settings_for_the_runtimes_own_dataset_say_where_it_lies() -> None:
    reading = TorchTuneInstructDataset(train_on_input=True)

    assert overrides(TorchTuneConfig(dataset_preprocess_config=reading), None, workspace="/jobs/a") == [
        "dataset.data_dir=/jobs/a/dataset/data",
        "dataset=torchtune.datasets.instruct_dataset",
        "dataset.source=parquet",
        "dataset.train_on_input=True",
    ]


@pytest.mark.parametrize("prompt", ["1 = 1", "${output_dir}"])
def test_text_that_torchtunes_command_line_cannot_carry_is_refused(prompt: str) -> None:
    config = TorchTuneConfig(dataset_preprocess_config=TorchTuneInstructDataset(new_system_prompt=prompt))

    with pytest.raises(InvalidInput, match="new_system_prompt"):
        overrides(config, None)


# fmt: off
RECIPES: list[tuple[str, list[str], int, int | None, str, str]] = [
    (LLAMA, [], 1, 1, "full_finetune_single_device", "llama3_2/1B_full_single_device"),
    (LLAMA, [], 1, 2, "full_finetune_distributed", "llama3_2/1B_full"),
    (LLAMA, [], 1, None, "full_finetune_distributed", "llama3_2/1B_full"),
    (LLAMA, LORA, 1, 1, "lora_finetune_single_device", "llama3_2/1B_lora_single_device"),
    (LLAMA, LORA, 1, 4, "lora_finetune_distributed", "llama3_2/1B_lora"),
    (LLAMA, QLORA, 1, 1, "lora_finetune_single_device", "llama3_2/1B_qlora_single_device"),
    (LLAMA, [*QLORA, "model.use_dora=True"], 1, 2, "lora_finetune_distributed", "llama3_2/1B_lora"),
    (LLAMA, ["model.quantize_base=True"], 1, 1, "lora_finetune_single_device", "llama3_2/1B_qlora_single_device"),
    (LLAMA, ["model.quantize_base=1"], 1, 1, "full_finetune_single_device", "llama3_2/1B_full_single_device"),
    ("torchtune-llama3.2-3b", QLORA, 1, 1, "lora_finetune_single_device", "llama3_2/3B_qlora_single_device"),
    (QWEN, LORA, 1, None, "lora_finetune_distributed", "qwen2_5/1.5B_lora"),
    (LARGE, [], 1, 8, "full_finetune_distributed", "llama3_3/70B_full"),
    (LARGE, [], 4, 1, "full_finetune_distributed", "llama3_3/70B_full_multinode"),
    (LARGE, QLORA, 1, 8, "lora_finetune_distributed", "llama3_3/70B_qlora"),
]
# fmt: on


@pytest.mark.parametrize(("runtime", "args", "nodes", "devices", "name", "config"), RECIPES)
def test_the_recipe_follows_from_model_nodes_devices_and_adapters(
    runtime: str, args: list[str], nodes: int, devices: int | None, name: str, config: str
) -> None:
    assert recipe(runtime, args, num_nodes=nodes, devices=devices) == Recipe(name, config)
    assert config in CONFIGS[name]


# fmt: off
REFUSED: list[tuple[str, list[str], int, int | None, str, str]] = [
    ("torchtune-llama3.2-3b", [], 1, 1, "2.0", "Trainer 2.0.*'torchtune-llama3.2-1b', 'torchtune-llama3.3-70b'"),
    ("my-runtime", [], 1, 1, "2.3", "not in 'my-runtime'"),
    (LLAMA, LORA, 1, 1, "2.0", "Trainer 2.0 has no LoRA"),
    (LLAMA, [], 2, 2, "2.3", "on one node, not on 2"),
    (LARGE, LORA, 2, 8, "2.1", "LoRA runs on one node"),
    (LARGE, [], 1, 1, "2.3", "for one GPU"),
    (QWEN, QLORA, 1, 1, "2.2", "no QLoRA for qwen2_5/1.5B"),
    (LLAMA, QLORA, 1, None, "2.3", "runs on one GPU"),
    (LLAMA, ["output_dir=/elsewhere"], 1, 1, "2.3", "output_dir belong"),
]
# fmt: on


@pytest.mark.parametrize(("runtime", "args", "nodes", "devices", "minor", "message"), REFUSED)
def test_what_cannot_be_tuned_is_refused_with_the_reason(
    runtime: str, args: list[str], nodes: int, devices: int | None, minor: str, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        recipe(runtime, args, num_nodes=nodes, devices=devices, minor=minor)


def test_whatever_is_not_refused_has_a_configuration() -> None:
    accepted = 0
    for runtime in (LLAMA, "torchtune-llama3.2-3b", LARGE, QWEN):
        for args in ([], LORA, QLORA):
            for nodes, devices in ((1, 1), (1, 2), (1, None), (2, 1), (2, 8)):
                for minor in ("2.0", "2.1", "2.2", "2.3"):
                    try:
                        chosen = recipe(runtime, args, num_nodes=nodes, devices=devices, minor=minor)
                    except InvalidInput:
                        continue
                    accepted += 1
                    assert chosen.config in CONFIGS[chosen.name]
    assert accepted > 50


def test_the_command_is_that_of_the_shipped_runtimes() -> None:
    # node command of torchtune-llama3.2-1b and torchtune-qwen2.5-1.5b in the manifests of Trainer 2.3, but the dataset
    assert command(LLAMA) == [
        "tune",
        "run",
        "--rdzv_endpoint=localhost:29500",
        "full_finetune_distributed",
        "--config",
        "llama3_2/1B_full",
        "output_dir=/workspace/output",
        "tokenizer.path=/workspace/model/original/tokenizer.model",
        "checkpointer.checkpoint_dir=/workspace/model",
    ]
    assert command(QWEN)[5:] == [
        "qwen2_5/1.5B_full",
        "output_dir=/workspace/output",
        "tokenizer.path=/workspace/model/vocab.json",
        "tokenizer.merges_file=/workspace/model/merges.txt",
        "checkpointer.checkpoint_dir=/workspace/model",
    ]


def test_one_process_alone_needs_no_rendezvous() -> None:
    line = command(LLAMA, ["epochs=1"], devices=1, workspace="/jobs/my job")

    assert line[:5] == ["tune", "run", "full_finetune_single_device", "--config", "llama3_2/1B_full_single_device"]
    assert line[5:] == [
        'output_dir="/jobs/my job/output"',
        'tokenizer.path="/jobs/my job/model/original/tokenizer.model"',
        'checkpointer.checkpoint_dir="/jobs/my job/model"',
        "epochs=1",
    ]


def test_the_model_is_read_from_the_runtimes_name() -> None:
    assert [model(name) for name in (LLAMA, QWEN, LARGE)] == ["llama3_2/1B", "qwen2_5/1.5B", "llama3_3/70B"]
