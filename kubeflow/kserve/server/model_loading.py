"""From a model file to a model in memory, and what a format needs for that."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.util import find_spec

from kubeflow.core.errors import InvalidInput
from kubeflow.kserve.server.loaded_models import LoadedModel
from kubeflow.kserve.server.model_files import ModelFile

# What a format needs: names to import, and what brings them.
_NEEDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "sklearn": (("sklearn", "scikit-learn"), ("joblib", "joblib")),
    "xgboost": (("xgboost", "xgboost"),),
    "lightgbm": (("lightgbm", "lightgbm"),),
    "onnx": (("onnxruntime", "onnxruntime"),),
    "pytorch": (("torch", "torch"),),
}
_SERVER = (("starlette", "starlette"), ("uvicorn", "uvicorn"), ("numpy", "numpy"))


def check_server_packages() -> None:
    """Make sure that the server itself can run in this interpreter.

    Raises:
        InvalidInput: With the command that installs what is missing.
    """
    missing = [name for name, _ in _SERVER if find_spec(name) is None]
    if missing:
        raise InvalidInput(
            f"Serving on this machine needs {', '.join(missing)}, which {sys.executable} does not have: run "
            "`pip install 'kubeflow[serving]'`."
        )


def check_format_packages(model_format: str) -> None:
    """Make sure that this interpreter can load a format.

    Raises:
        InvalidInput: With the command that installs what is missing.
    """
    missing = [package for name, package in _NEEDS[model_format] if find_spec(name) is None]
    if missing:
        raise InvalidInput(
            f"Models of format {model_format!r} need {', '.join(missing)}, which {sys.executable} does not have: run "
            f"`pip install {' '.join(missing)}`, in the version that the model was saved with."
        )


def load_model(file: ModelFile) -> LoadedModel:
    """Load a model.

    Raises:
        InvalidInput: It is not what its name says, in words.
        Exception: Whatever the library of its format raises.
    """
    if file.format == "onnx":
        from kubeflow.kserve.server.onnx_models import OnnxModel

        return OnnxModel(file.path)
    if file.format == "pytorch":
        from kubeflow.kserve.server.torch_models import TorchScriptModel

        return TorchScriptModel(file.path)
    from kubeflow.kserve.server import tabular_models

    loaders = {
        "sklearn": tabular_models.load_sklearn,
        "xgboost": tabular_models.load_xgboost,
        "lightgbm": tabular_models.load_lightgbm,
    }
    return loaders[file.format](file.path)
