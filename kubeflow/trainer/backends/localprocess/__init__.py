"""The local process backend: nodes of a job are processes on this machine."""

from kubeflow.trainer.backends.localprocess.types import LocalProcessBackendConfig

__all__ = ["LocalProcessBackendConfig"]
