"""Names of the trainer that the published package also has under `kubeflow.optimizer`."""

from kubeflow.trainer.backends.kubernetes.config import KubernetesBackendConfig
from kubeflow.trainer.types.jobs import TrainJobTemplate

__all__ = ["KubernetesBackendConfig", "TrainJobTemplate"]
