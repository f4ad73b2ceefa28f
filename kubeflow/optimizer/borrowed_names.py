"""Names of other parts that users look for under `kubeflow.optimizer`."""

from kubeflow.packaging.remote.reports import report
from kubeflow.trainer.backends.kubernetes.config import KubernetesBackendConfig
from kubeflow.trainer.types.jobs import TrainJobTemplate

__all__ = ["KubernetesBackendConfig", "TrainJobTemplate", "report"]
