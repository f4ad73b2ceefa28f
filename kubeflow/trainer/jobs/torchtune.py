"""What TorchTune is started with: the arguments that a job carries, and the command that Trainer's control plane makes
of them. Pure: nothing is asked, read or started.

Facts of Trainer 2.0 to 2.3 (its torch plugin and the shipped `torchtune-*` runtimes) and of the configurations and the
command line of TorchTune 0.6.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import json, re
from kubeflow.trainer.types.initializers import (
    HuggingFaceDatasetInitializer,
    Initializer,
    S3DatasetInitializer,
)
from kubeflow.trainer.types.torchtune import DataFormat, LoraConfig, TorchTuneConfig, TorchTuneInstructDataset

WORKSPACE = "/workspace"
"""Where the shipped runtimes mount what the initializers fetch."""
COMMAND = ("tune", "run")
"""The command by which the control plane knows that a job is TorchTune's."""
INSTRUCT_DATASET = "torchtune.datasets.instruct_dataset"

_NEWEST = "2.3"
_MODELS = {
    "2.0": ("llama3_2/1B", "llama3_3/70B"),  # it also lets llama3_2/7B pass, which TorchTune does not have
    "2.1": ("llama3_2/1B", "llama3_2/3B", "llama3_3/70B", "qwen2_5/1.5B"),
}
_LARGE = "llama3_3/70B"
# What a job must not change: it is taken from the runtime. https://github.com/kubeflow/trainer, torch plugin of 2.3.
_FIXED = ("output_dir", "tokenizer.path", "tokenizer.merges_file", "checkpointer.checkpoint_dir")
_TOKENIZERS = {
    "llama": {"tokenizer.path": "model/original/tokenizer.model"},
    "qwen": {"tokenizer.path": "model/vocab.json", "tokenizer.merges_file": "model/merges.txt"},
}
_LORA = "model.lora_attn_modules"
_QUANTIZE = "model.quantize_base"
_DORA = "model.use_dora"
_YAML_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "none"})


@dataclass(frozen=True, slots=True)
class Recipe:
    """A program of TorchTune and the configuration it starts from, as `tune run` names them."""

    name: str
    config: str


def overrides(config: TorchTuneConfig, initializer: Initializer | None, *, workspace: str = WORKSPACE) -> list[str]:
    """Return what `config` changes of TorchTune's configuration, as the `key=value` arguments of the job.

    When the job says anything about its dataset, everything about it is sent: a component of TorchTune without its
    format or place would look for it on the Hugging Face Hub. What the job leaves open is then as in the shipped
    runtimes: Parquet files below `dataset/data`.

    Args:
        config: The settings.
        initializer: What the job fetches itself.
        workspace: The directory that holds `dataset` and `model` on the nodes.

    Raises:
        InvalidInput: For text that TorchTune's command line cannot carry, and LoRA that adapts nothing.
    """
    settings: list[tuple[str, str]] = []
    if config.dtype is not None:
        settings.append(("dtype", config.dtype.value))
    if config.batch_size is not None:
        settings.append(("batch_size", str(config.batch_size)))
    if config.epochs is not None:
        settings.append(("epochs", str(config.epochs)))
    if config.lr is not None:
        settings.append(("optimizer.lr", repr(float(config.lr))))
    if config.loss is not None:
        settings.append(("loss", config.loss.value))
    if config.peft_config is not None:
        settings += _lora(config.peft_config)
    settings += _dataset(config.dataset_preprocess_config, initializer, workspace)
    return [f"{key}={value}" for key, value in settings]


def model(runtime: str, *, minor: str = _NEWEST) -> str:
    """Return the model of a TorchTune runtime, as TorchTune's configurations name it, like `"llama3_2/1B"`.

    Args:
        runtime: The runtime's name; the control plane reads the model from it.
        minor: Of Trainer, `"2.0"` to `"2.3"`.

    Raises:
        InvalidInput: When that Trainer does not know the model.
    """
    known = _MODELS["2.0" if minor == "2.0" else "2.1"]
    parts = runtime.split("-")
    found = f"{parts[1].replace('.', '_')}/{parts[2].upper()}" if len(parts) == 3 else ""
    if found not in known:
        names = ", ".join(f"'torchtune-{name.replace('_', '.').replace('/', '-').lower()}'" for name in known)
        raise InvalidInput(
            f"Trainer {minor} fine-tunes with TorchTune in runtimes named {names} only, and not in {runtime!r}."
        )
    return found


def recipe(
    runtime: str, args: Iterable[str] = (), *, num_nodes: int = 1, devices: int | None = None, minor: str = _NEWEST
) -> Recipe:
    """Return what the control plane runs for a job, by its model, nodes, devices, and LoRA or QLoRA.

    Args:
        runtime: The runtime's name.
        args: The job's arguments, from `overrides`.
        num_nodes: Training nodes.
        devices: Processes of each node; `None` when torchrun decides, which counts as more than one.
        minor: Of Trainer, `"2.0"` to `"2.3"`.

    Raises:
        InvalidInput: When the control plane would refuse the job, would run something else than it says, or when
            TorchTune has no configuration for it.
    """
    name = model(runtime, minor=minor)
    given = {key: value for key, _, value in (arg.partition("=") for arg in args)}
    if fixed := [key for key in _FIXED if key in given]:
        raise InvalidInput(f"TorchTune's {', '.join(fixed)} belong to runtime {runtime!r}: leave them out of the job.")
    lora = _LORA in given
    if minor in ("2.1", "2.2"):  # they look for the keys alone, whatever the values are
        quantized = _QUANTIZE in given and _DORA not in given
    else:
        quantized = minor != "2.0" and _on(given.get(_QUANTIZE)) and not _on(given.get(_DORA))
    single = num_nodes == 1 and devices == 1
    if num_nodes > 1 and name != _LARGE:
        raise InvalidInput(
            f"TorchTune fine-tunes {name} on one node, not on {num_nodes}; only {_LARGE} takes more: set num_nodes=1, "
            "and ask for more GPUs on it with resources_per_node={'gpu': ...}."
        )
    if lora and minor == "2.0":
        raise InvalidInput(
            "Trainer 2.0 has no LoRA: leave peft_config out, or use a cluster with Trainer 2.1 or later."
        )
    if (lora or quantized) and num_nodes > 1:
        raise InvalidInput(f"LoRA runs on one node, not on {num_nodes}: set num_nodes=1, or leave peft_config out.")
    if quantized and name.startswith("qwen2_5/"):
        raise InvalidInput(f"TorchTune has no QLoRA for {name}: leave quantize_base out of the LoraConfig.")
    if quantized and name.startswith("llama3_2/") and not single:
        raise InvalidInput(f"QLoRA of {name} runs on one GPU: set resources_per_node={{'gpu': 1}} and num_nodes=1.")
    if single and name == _LARGE:
        raise InvalidInput(f"TorchTune has no configuration of {name} for one GPU: ask for more on each node.")
    method = "qlora" if quantized else "lora" if lora else "full"
    program = "lora" if lora or quantized else "full"
    if single:
        return Recipe(f"{program}_finetune_single_device", f"{name}_{method}_single_device")
    multinode = "_multinode" if num_nodes > 1 else ""
    return Recipe(f"{program}_finetune_distributed", f"{name}_{method}{multinode}")


def command(
    runtime: str,
    args: Sequence[str] = (),
    *,
    num_nodes: int = 1,
    devices: int | None = None,
    rendezvous: str = "localhost:29500",
    workspace: str = WORKSPACE,
    minor: str = _NEWEST,
) -> list[str]:
    """Return the whole command line of each node, as the control plane completes it.

    Args:
        runtime: The runtime's name.
        args: The job's arguments, from `overrides`.
        num_nodes: Training nodes.
        devices: Processes of each node; `None` when torchrun decides.
        rendezvous: Host and port of node 0; not used where one process trains alone.
        workspace: The directory that holds `dataset`, `model` and `output` on the nodes.
        minor: Of Trainer, `"2.0"` to `"2.3"`.

    Raises:
        InvalidInput: As `recipe` does.
    """
    chosen = recipe(runtime, args, num_nodes=num_nodes, devices=devices, minor=minor)
    family = "qwen" if chosen.config.startswith("qwen") else "llama"
    places = {"output_dir": "output", **_TOKENIZERS[family], "checkpointer.checkpoint_dir": "model"}
    return [
        *COMMAND,
        *([] if num_nodes == 1 and devices == 1 else [f"--rdzv_endpoint={rendezvous}"]),
        chosen.name,
        "--config",
        chosen.config,
        *(f"{key}={_text('workspace', f'{workspace}/{place}')}" for key, place in places.items()),
        *args,
    ]


def _lora(lora: LoraConfig) -> list[tuple[str, str]]:
    if not lora.lora_attn_modules:
        raise InvalidInput(
            "lora_attn_modules is empty, and TorchTune adapts at least one attention projection: name some, such as "
            "'q_proj' and 'v_proj'."
        )
    values = {
        "model.apply_lora_to_mlp": lora.apply_lora_to_mlp,
        "model.apply_lora_to_output": lora.apply_lora_to_output,
        "model.lora_rank": lora.lora_rank,
        "model.lora_alpha": lora.lora_alpha,
        "model.lora_dropout": lora.lora_dropout,
        # Trainer 2.1 and 2.2 look for these two keys whatever their value is; left out is the same as False.
        _QUANTIZE: lora.quantize_base or None,
        _DORA: lora.use_dora or None,
    }
    sent = [(key, str(value)) for key, value in values.items() if value is not None]
    return [*sent, (_LORA, f"[{','.join(lora.lora_attn_modules)}]")]


def _dataset(
    reading: TorchTuneInstructDataset | None, initializer: Initializer | None, workspace: str
) -> list[tuple[str, str]]:
    fetched = initializer.dataset if initializer is not None else None
    if not isinstance(fetched, HuggingFaceDatasetInitializer | S3DatasetInitializer):
        fetched = None
    if reading is None and fetched is None:
        return []
    reading = reading or TorchTuneInstructDataset()
    place, path = _place(fetched)
    settings = [
        (place, _text("storage_uri", f"{workspace}/dataset{f'/{path}' if path else ''}")),
        ("dataset", INSTRUCT_DATASET),
        ("dataset.source", (reading.source or _format(path)).value),
    ]
    if reading.split:
        settings.append(("dataset.split", _text("split", reading.split)))
    if reading.train_on_input is not None:
        settings.append(("dataset.train_on_input", str(reading.train_on_input)))
    if reading.new_system_prompt:
        settings.append(("dataset.new_system_prompt", _text("new_system_prompt", reading.new_system_prompt)))
    if reading.column_map:
        columns = {"input": "input", "output": "output", **reading.column_map}  # TorchTune wants both or none
        pairs = (f"{key}: {_text('column_map', column)}" for key, column in columns.items())
        settings.append(("dataset.column_map", f"{{{', '.join(pairs)}}}"))
    return settings


def _place(fetched: HuggingFaceDatasetInitializer | S3DatasetInitializer | None) -> tuple[str, str]:
    """Where below `dataset` the data lies: `hf://` keeps the path inside the dataset, `s3://` does not."""
    path = "data"  # of the dataset that the shipped runtimes fetch
    if fetched is not None:
        scheme, _, rest = fetched.storage_uri.partition("://")
        if scheme == "hf":
            path = "/".join(rest.strip("/").split("/")[2:])
        elif scheme == "file":
            last = PurePosixPath(rest)
            path = last.name if _is_file(last) else ""
        else:
            path = ""
    return ("dataset.data_files" if _is_file(PurePosixPath(path)) else "dataset.data_dir"), path


def _is_file(path: PurePosixPath) -> bool:
    return path.suffix[1:2].isalpha()  # "train.json" and not "v1.0"


def _format(path: str) -> DataFormat:
    suffixes = PurePosixPath(path).suffixes
    named = {f".{known.value}": known for known in DataFormat} | {".jsonl": DataFormat.JSON, ".txt": DataFormat.TEXT}
    return next((named[suffix] for suffix in suffixes if suffix in named), DataFormat.PARQUET)


def _text(field: str, text: str) -> str:
    """Quote `text` where TorchTune, which reads values as YAML and resolves `${...}` in them, would change it."""
    if "=" in text or "${" in text:
        raise InvalidInput(f"TorchTune's command line takes no '=' and no '${{' in a value, as {field} has: {text!r}.")
    plain = re.fullmatch(r"[A-Za-z_/][\w./+-]*(\[[\w:%.-]*\])?", text, re.ASCII)
    return text if plain and text.lower() not in _YAML_WORDS else json.dumps(text, ensure_ascii=False)


def _on(value: str | None) -> bool:
    return value is not None and value.lower() == "true"
