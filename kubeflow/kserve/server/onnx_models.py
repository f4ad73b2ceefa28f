"""ONNX models, by ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kubeflow.core.errors import InvalidInput
from kubeflow.kserve.inference.datatypes import DATATYPES
from kubeflow.kserve.inference.predict_inputs import DEFAULT_INPUT
from kubeflow.kserve.inference.tensors import TensorSpec
from kubeflow.kserve.server.loaded_models import ModelCall, check_names

if TYPE_CHECKING:
    import numpy as np

_TYPES = {
    "tensor(bool)": "BOOL", "tensor(string)": "BYTES", "tensor(float16)": "FP16", "tensor(float)": "FP32",
    "tensor(double)": "FP64", "tensor(bfloat16)": "BF16",
    **{f"tensor({sign}int{bits})": f"{sign.upper()}INT{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}  # fmt: skip


class NamedTensorModel:
    """What models with named, typed inputs have in common: each input is found, and compared with what is wanted.

    Args:
        platform: What metadata calls its kind.
        inputs: What it takes.
        outputs: What it returns.
    """

    def __init__(self, platform: str, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
        self.platform = platform
        self.inputs = inputs
        self.outputs = outputs
        self.threads = 0

    def fitted(self, call: ModelCall) -> dict[str, np.ndarray[Any, Any]]:
        """Return the inputs by the model's names.

        The only input of a model may come without a name of its own (`input-0`). JSON of protocol v1, which has no
        datatypes, gets those of the model.

        Raises:
            InvalidInput: One is missing, unknown, or of another datatype or shape.
        """
        given = dict(call.tensors)
        if len(self.inputs) == len(given) == 1 and DEFAULT_INPUT in given:
            given = {self.inputs[0].name: given[DEFAULT_INPUT]}
        names = [spec.name for spec in self.inputs]
        check_names("the model takes", names, names, given)
        return {spec.name: _fit(given[spec.name], spec, typed=call.typed) for spec in self.inputs}


def _fit(tensor: np.ndarray[Any, Any], spec: TensorSpec, *, typed: bool) -> np.ndarray[Any, Any]:
    wanted = DATATYPES[spec.datatype].numpy or "float32"
    if tensor.dtype.name != wanted and not (typed and tensor.dtype.name != "object"):
        try:
            tensor = tensor.astype(wanted)
        except (ValueError, TypeError) as error:
            raise InvalidInput(f"input {spec.name!r} is no {spec.datatype}: {error}") from error
    if tensor.dtype.name != wanted:
        given = next((each.name for each in DATATYPES.values() if each.numpy == tensor.dtype.name), tensor.dtype.name)
        raise InvalidInput(
            f"input {spec.name!r} is {given}, and the model takes {spec.datatype}: convert it, .astype({wanted!r})"
        )
    lengths = zip(tensor.shape, spec.shape, strict=False)
    if len(tensor.shape) != len(spec.shape) or any(want not in (-1, have) for have, want in lengths):
        raise InvalidInput(
            f"input {spec.name!r} has shape {list(tensor.shape)}, and the model takes {list(spec.shape)} (-1 is any)"
        )
    return tensor


class OnnxModel(NamedTensorModel):
    """A session of ONNX Runtime."""

    def __init__(self, path: Path) -> None:
        onnxruntime: Any = import_module("onnxruntime")
        self._session: Any = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        self._names = [each.name for each in self._session.get_outputs()]
        super().__init__(
            "onnxruntime_onnx",
            [_spec(each, path) for each in self._session.get_inputs()],
            [_spec(each, path) for each in self._session.get_outputs() if each.type in _TYPES],
        )

    def predict(self, call: ModelCall) -> object:
        """Return all outputs by name; one that is no tensor, as the probabilities that skl2onnx makes, as rows."""
        found: list[Any] = self._session.run(self._names, self.fitted(call))
        return dict(zip(self._names, (_plain(value) for value in found), strict=True))


def _plain(value: Any) -> Any:
    if isinstance(value, list) and value and isinstance(value[0], dict):  # maps from class to probability
        rows = cast("list[dict[object, object]]", value)
        return [[row[name] for name in rows[0]] for row in rows]
    return cast("Any", value)


def _spec(each: Any, path: Path) -> TensorSpec:
    if each.type not in _TYPES:
        raise InvalidInput(f"{path.name} has input {each.name!r} of type {each.type}, which no protocol can send.")
    shape = tuple(length if isinstance(length, int) else -1 for length in each.shape)
    return TensorSpec(each.name, _TYPES[each.type], shape)
