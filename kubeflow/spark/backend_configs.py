"""Where Spark jobs run: the configurations of `kubeflow.trainer`."""

from kubeflow.trainer.backends.kubernetes.config import KubernetesBackendConfig
from kubeflow.trainer.backends.localprocess.types import LocalProcessBackendConfig

__all__ = ["KubernetesBackendConfig", "LocalProcessBackendConfig"]
