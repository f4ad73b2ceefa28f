"""The backends of Spark by the configurations that ask for them. A backend's module is loaded when a client is made."""

from __future__ import annotations

from kubeflow.core.errors import InvalidInput
from kubeflow.spark.backends.spark_backend import SparkBackend
from kubeflow.trainer.backends.kubernetes.config import KubernetesBackendConfig
from kubeflow.trainer.backends.localprocess.types import LocalProcessBackendConfig
from kubeflow.trainer.backends.registry import BACKEND_VARIABLE, default_config
from kubeflow.trainer.types.checks import wrong_type

SparkBackendConfig = KubernetesBackendConfig | LocalProcessBackendConfig
"""What tells a client where its jobs run."""


def spark_backend(config: SparkBackendConfig | None) -> SparkBackend:
    """Return the backend that a configuration asks for.

    Args:
        config: The configuration. `None`: that of the backend that `KUBEFLOW_BACKEND` names, else a cluster.

    Raises:
        InvalidInput: `config` is an object of no configuration class, or the variable names no backend of Spark.
        Unsupported: This version does not have the backend, or not on this operating system.
    """
    given: object = default_config() if config is None else config
    if isinstance(given, KubernetesBackendConfig):
        from kubeflow.spark.backends.kubernetes.backend import SparkOnKubernetes

        return SparkOnKubernetes(given)
    if isinstance(given, LocalProcessBackendConfig):
        from kubeflow.spark.backends.localspark.backend import LocalSparkBackend

        return LocalSparkBackend(given)
    if config is None:
        raise InvalidInput(
            f"{BACKEND_VARIABLE} names a backend that Spark does not have: set it to 'kubernetes' or 'localprocess', "
            "or write SparkClient(LocalProcessBackendConfig())."
        )
    raise wrong_type(
        "backend_config",
        given,
        (KubernetesBackendConfig, LocalProcessBackendConfig),
        remedy="For this machine, write SparkClient(LocalProcessBackendConfig()).",
    )
