"""The client of the training operator (v1), kept working on top of `kubeflow.trainer`. Deprecated: use that instead."""

import typing as _typing

from kubeflow.trainer.constants import constants

if _typing.TYPE_CHECKING:
    from kubeflow.training.client import TrainingClient
else:
    from kubeflow.core.lazy import exporter as _exporter

    __getattr__, __dir__ = _exporter(__name__, {"client": ("TrainingClient",)})

__all__ = ["TrainingClient", "constants"]
