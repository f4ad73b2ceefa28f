"""`KubernetesBackendConfig` under the import path that the published package 0.5.0 has for it."""

from __future__ import annotations

from kubeflow.trainer.backends.kubernetes.config import KubernetesBackendConfig

__all__ = ["KubernetesBackendConfig"]
