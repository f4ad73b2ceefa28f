"""The client of the training operator (v1), kept working on top of `kubeflow.trainer`. Deprecated: use that instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubeflow.core.lazy import exporter
from kubeflow.trainer.constants import constants

if TYPE_CHECKING:
    from kubeflow.training.client import TrainingClient

__all__ = ["TrainingClient", "constants"]

__getattr__, __dir__ = exporter(__name__, {"client": ("TrainingClient",)})
