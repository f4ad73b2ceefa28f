"""The container backend: configuration only in this version."""

from kubeflow.trainer.backends.container.types import ContainerBackendConfig, TrainingRuntimeSource

__all__ = ["ContainerBackendConfig", "TrainingRuntimeSource"]
