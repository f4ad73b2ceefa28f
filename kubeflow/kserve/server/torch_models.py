"""TorchScript models (`torch.jit.save`), on the CPU."""

from __future__ import annotations

import warnings
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from kubeflow.core.errors import InvalidInput
from kubeflow.kserve.inference.predict_inputs import DEFAULT_INPUT
from kubeflow.kserve.server.loaded_models import OUTPUT, ModelCall, check_names


class TorchScriptModel:
    """A TorchScript module in evaluation mode.

    Its inputs are called as the parameters of its `forward`; it does not tell their shapes and datatypes. Numbers with
    a point are converted to the precision of its parameters.
    """

    def __init__(self, path: Path) -> None:
        torch: Any = import_module("torch")
        try:
            with warnings.catch_warnings():  # PyTorch 2.13 says that there is torch.export; files of TorchScript stay
                warnings.simplefilter("ignore", DeprecationWarning)
                self._module: Any = torch.jit.load(str(path), map_location="cpu")
        except RuntimeError as error:
            raise InvalidInput(
                f"{path.name} is no TorchScript ({str(error).splitlines()[0]}). Save it with "
                "torch.jit.script(model).save(path), or serve a function that loads the weights."
            ) from error
        self._module.eval()
        self.platform = "pytorch_torchscript"
        self.inputs = ()
        self.outputs = ()
        self.threads = 0
        arguments = [each for each in self._module.forward.schema.arguments if each.name != "self"]
        self._names = [str(each.name) for each in arguments]
        self._optional = {str(each.name) for each in arguments if each.has_default_value()}
        floats = (each.dtype for each in self._module.parameters() if each.dtype.is_floating_point)
        self._float: Any = next(floats, torch.get_default_dtype())

    def predict(self, call: ModelCall) -> object:
        """Return its output, or several by name."""
        torch: Any = import_module("torch")
        given = dict(call.tensors)
        if len(given) == 1 and DEFAULT_INPUT in given:
            given = {self._names[0]: given[DEFAULT_INPUT]}
        needed = [name for name in self._names if name not in self._optional]
        check_names("the model takes", self._names, needed, given)
        tensors: dict[str, Any] = {}
        for name, array in given.items():
            if array.dtype.kind == "O":
                raise InvalidInput(f"input {name!r} is text, and the model takes numbers")
            tensor: Any = torch.from_numpy(array.copy())
            # A module does not tell what it takes: numbers with a point get the precision that it computes with.
            tensors[name] = tensor.to(self._float) if tensor.dtype.is_floating_point else tensor
        try:
            with torch.inference_mode():
                found: Any = self._module(**tensors)
        except RuntimeError as error:  # nearly always of shapes or datatypes
            last = [line for line in str(error).splitlines() if line.strip()]
            raise InvalidInput(f"the model does not take it: {last[-1] if last else error}") from error
        return _outputs(found)


def _outputs(found: Any) -> object:
    if isinstance(found, dict):
        return {str(name): tensor.numpy() for name, tensor in cast("dict[str, Any]", found).items()}
    if isinstance(found, (list, tuple)):
        return {OUTPUT.format(i): tensor.numpy() for i, tensor in enumerate(cast("list[Any]", found))}
    return found.float().numpy() if str(found.dtype) == "torch.bfloat16" else found.numpy()
