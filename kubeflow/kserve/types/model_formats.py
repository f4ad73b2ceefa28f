"""Model formats by KServe's names: versions, files, protocols, and what loads them. Facts as data.

Sources: the ClusterServingRuntimes that KServe 0.15 to 0.20 ships (config/runtimes), and its model servers
(https://github.com/kserve/kserve, python/sklearnserver, xgbserver, lgbserver), which load the one file that has an
extension of their format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.plain import dict_of_fields

Protocol: TypeAlias = Literal["v1", "v2"]
"""How a service is spoken to: KServe's own protocol, or the Open Inference Protocol."""

PROTOCOLS: tuple[Protocol, ...] = ("v1", "v2")


@dataclass(frozen=True, slots=True)
class ModelFormat:
    """A format of models.

    Attributes:
        name: KServe's name for it, like `"sklearn"`.
        versions: Major versions that KServe's own runtimes declare; empty where they declare none.
        extensions: Of the one file that a model server looks for in the model's folder; empty where a folder as a whole
            is the model.
        protocols: Protocols of KServe's own runtimes for it.
        loaded_with: Import name of the Python package that loads it on this machine; empty where none does.
        executes_code: True when loading a file can run code that is in it, as a pickle does.
    """

    name: str
    versions: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    protocols: tuple[Protocol, ...] = PROTOCOLS
    loaded_with: str = ""
    executes_code: bool = False

    __repr__ = repr_of_fields
    to_dict = dict_of_fields


MODEL_FORMATS: Mapping[str, ModelFormat] = {
    each.name: each
    for each in (
        ModelFormat("sklearn", ("0", "1"), (".joblib", ".pkl", ".pickle"), loaded_with="sklearn", executes_code=True),
        ModelFormat("xgboost", ("1", "2"), (".bst", ".json", ".ubj"), loaded_with="xgboost"),
        ModelFormat("lightgbm", ("3", "4"), (".bst",), loaded_with="lightgbm"),
        ModelFormat("onnx", ("1",), (".onnx",), ("v2",), loaded_with="onnxruntime"),
        ModelFormat("pytorch", ("1",), (".pt", ".pth"), loaded_with="torch"),
        ModelFormat("tensorflow", ("1", "2")),
        ModelFormat("tensorrt", ("8",), protocols=("v2",)),
        ModelFormat("triton", ("2",), protocols=("v2",)),
        ModelFormat("mlflow", ("1", "2"), protocols=("v2",), executes_code=True),
        ModelFormat("huggingface", ("1",)),
        ModelFormat("vLLM", ("1",)),
        ModelFormat("openvino_ir", ("1",), protocols=("v2",)),
        ModelFormat("paddle", ("2",)),
        ModelFormat("pmml", ("3", "4")),
        ModelFormat("autogluon", ()),
    )
}
"""Every format that a runtime of KServe's own serves. Clusters may have runtimes for others."""

_ALIASES = {
    "scikit-learn": "sklearn", "sk-learn": "sklearn", "scikitlearn": "sklearn", "xgb": "xgboost", "lgb": "lightgbm",
    "lgbm": "lightgbm", "torch": "pytorch", "torchscript": "pytorch", "tf": "tensorflow", "keras": "tensorflow",
    "hf": "huggingface", "transformers": "huggingface", "openvino": "openvino_ir",
}  # fmt: skip


def check_model_format(name: object) -> str:
    """Return the name of a model format; one that is none of KServe's own is left for the cluster to know.

    Raises:
        InvalidInput: It is no text, or another word for a format, such as `"scikit-learn"`.
    """
    if not isinstance(name, str) or not name.strip():
        raise InvalidInput(f"model_format is a text like 'sklearn', not {name!r}. Known: {', '.join(MODEL_FORMATS)}.")
    if name in MODEL_FORMATS:
        return name
    meant = _ALIASES.get(name.lower()) or next((known for known in MODEL_FORMATS if known.lower() == name.lower()), "")
    if meant:
        raise InvalidInput(f"KServe calls model format {name!r} {meant!r}: write model_format={meant!r}.")
    return name


def unknown_format(name: str) -> str:
    """Return what helps with a format that is none of KServe's own: the nearest of those, and all of them."""
    return f"{did_you_mean(name, MODEL_FORMATS)} Formats of KServe's own: {', '.join(MODEL_FORMATS)}.".strip()


def check_protocol(protocol: object) -> None:
    """Refuse what is no protocol.

    Raises:
        InvalidInput: With those that there are.
    """
    if protocol is not None and protocol not in PROTOCOLS:
        raise InvalidInput(
            f"protocol is 'v1' (KServe's own) or 'v2' (Open Inference Protocol), not {protocol!r}. gRPC is not used."
        )
