"""The container backend: nodes of a job are containers of docker or podman on this machine."""

from kubeflow.trainer.backends.container.types import ContainerBackendConfig, TrainingRuntimeSource

__all__ = ["ContainerBackendConfig", "TrainingRuntimeSource"]
