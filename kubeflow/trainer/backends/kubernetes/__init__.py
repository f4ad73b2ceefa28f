"""The Kubernetes backend: a job is a TrainJob that Kubeflow Trainer runs."""

from kubeflow.trainer.backends.kubernetes.config import KubernetesBackendConfig

__all__ = ["KubernetesBackendConfig"]
