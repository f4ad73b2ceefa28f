"""Settings of TorchTune, the trainer that comes with the `torchtune-*` runtimes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.search_space import is_search_space
from kubeflow.core.tracebacks import thin_all
from kubeflow.trainer.types.checks import check_count, check_instance, check_strings
from kubeflow.trainer.types.resources import Resources, normalise

_LORA_MODULES = ("q_proj", "k_proj", "v_proj", "output_proj")


class Loss(Enum):
    """The loss to fine-tune with, by its TorchTune component."""

    CEWithChunkedOutputLoss = "torchtune.modules.loss.CEWithChunkedOutputLoss"


class DataType(Enum):
    """Precision of parameters and optimizer state."""

    BF16 = "bf16"
    FP32 = "fp32"


class DataFormat(Enum):
    """File format of a dataset."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"
    TEXT = "text"
    XML = "xml"


@dataclass(frozen=True)
class TorchTuneInstructDataset:
    """How TorchTune reads a dataset of instructions and answers.

    Attributes:
        source: File format of the dataset.
        split: Part of the dataset, like `"train[:10%]"`. TorchTune's default is `"train"`.
        train_on_input: Whether the loss also covers the prompt. TorchTune's default is `False`.
        new_system_prompt: A system message put before every sample.
        column_map: The dataset's own names for the columns `"input"` and `"output"`.
    """

    source: DataFormat | None = None
    split: str | None = None
    train_on_input: bool | None = None
    new_system_prompt: str | None = None
    column_map: Mapping[str, str] | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        if self.source is not None:
            check_instance("source", self.source, (DataFormat,))
        unknown = set(self.column_map or ()) - {"input", "output"}
        if unknown:
            raise InvalidInput(f"column_map renames 'input' and 'output' only, not {sorted(unknown)}.")


@dataclass(frozen=True)
class LoraConfig:
    """Low-rank adaptation: train a few small matrices instead of the model. Also QLoRA and DoRA.

    Attributes:
        apply_lora_to_mlp: Adapt the MLP of every transformer layer too.
        apply_lora_to_output: Adapt the final output projection too.
        lora_attn_modules: Attention projections to adapt: `q_proj`, `k_proj`, `v_proj`, `output_proj`.
        lora_rank: Rank of the low-rank matrices.
        lora_alpha: Scale of their contribution.
        lora_dropout: Dropout probability on their input, from 0 up to but not including 1.
        quantize_base: QLoRA: keep the frozen base weights quantized.
        use_dora: DoRA: learn magnitude and direction separately.
    """

    apply_lora_to_mlp: bool | None = None
    apply_lora_to_output: bool | None = None
    lora_attn_modules: Sequence[str] = ("q_proj", "v_proj", "output_proj")
    lora_rank: int | None = None
    lora_alpha: int | None = None
    lora_dropout: float | None = None
    quantize_base: bool | None = None
    use_dora: bool | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        if not is_search_space(self.lora_attn_modules):
            check_strings("lora_attn_modules", self.lora_attn_modules)
            unknown = [name for name in self.lora_attn_modules if name not in _LORA_MODULES]
            if unknown:
                raise InvalidInput(f"lora_attn_modules knows {', '.join(_LORA_MODULES)}, not {unknown}.")
        for field, value in (("lora_rank", self.lora_rank), ("lora_alpha", self.lora_alpha)):
            if value is not None and not is_search_space(value):
                check_count(field, value)
        if self.lora_dropout is not None and not is_search_space(self.lora_dropout) and not 0 <= self.lora_dropout < 1:
            raise InvalidInput(f"lora_dropout must be in [0, 1), not {self.lora_dropout!r}.")


@dataclass(frozen=True)
class TorchTuneConfig:
    """Fine-tuning with TorchTune; what is left out keeps the runtime's own setting.

    Attributes:
        dtype: Precision of parameters and optimizer state.
        batch_size: Samples per process and step.
        epochs: Passes over the dataset.
        lr: Learning rate of the optimizer.
        loss: The loss.
        num_nodes: Training nodes.
        peft_config: Parameter-efficient fine-tuning; `None` tunes all parameters.
        dataset_preprocess_config: How the dataset is read.
        resources_per_node: What each node gets, as in `CustomTrainer`.
    """

    dtype: DataType | None = None
    batch_size: int | None = None
    epochs: int | None = None
    loss: Loss | None = None
    num_nodes: int | None = None
    peft_config: LoraConfig | None = None
    dataset_preprocess_config: TorchTuneInstructDataset | None = None
    resources_per_node: Resources | None = None
    lr: float | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        for field, value in (
            ("batch_size", self.batch_size),
            ("epochs", self.epochs),
            ("num_nodes", self.num_nodes),
        ):
            if value is not None and not is_search_space(value):
                check_count(field, value)
        if self.lr is not None and not is_search_space(self.lr) and (isinstance(self.lr, bool) or not self.lr > 0):
            raise InvalidInput(f"lr must be greater than 0, not {self.lr!r}.")
        if self.dtype is not None and not is_search_space(self.dtype):
            check_instance("dtype", self.dtype, (DataType,))
        if self.loss is not None and not is_search_space(self.loss):
            check_instance("loss", self.loss, (Loss,))
        if self.peft_config is not None and not is_search_space(self.peft_config):
            check_instance("peft_config", self.peft_config, (LoraConfig,))
        if self.dataset_preprocess_config is not None:
            check_instance("dataset_preprocess_config", self.dataset_preprocess_config, (TorchTuneInstructDataset,))
        if self.resources_per_node is not None:
            normalise(self.resources_per_node)


thin_all(globals())
