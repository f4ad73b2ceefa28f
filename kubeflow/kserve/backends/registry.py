"""The backends of services by name. Which one a client has is chosen as `TrainerClient` chooses its own.

A backend's module is loaded when a client of it is made.
"""

from __future__ import annotations

from kubeflow.kserve.backends.serving_backend import ServingBackend
from kubeflow.trainer.backends.container.types import ContainerBackendConfig
from kubeflow.trainer.backends.kubernetes.config import KubernetesBackendConfig
from kubeflow.trainer.backends.localprocess.types import LocalProcessBackendConfig
from kubeflow.trainer.backends.registry import default_config
from kubeflow.trainer.errors import Unsupported
from kubeflow.trainer.types.checks import wrong_type

ServingConfig = KubernetesBackendConfig | LocalProcessBackendConfig
"""What tells a client where its services run."""


def serving_backend(config: object = None) -> ServingBackend:
    """Return the backend that a configuration asks for; of `None` the one that `KUBEFLOW_BACKEND` names.

    Raises:
        InvalidInput: When `config` is an object of no configuration class, or the variable names no backend.
        Unsupported: Services do not run so, or not in this version.
    """
    given = default_config() if config is None else config
    if isinstance(given, KubernetesBackendConfig):
        from kubeflow.kserve.backends.cluster.backend import ClusterServingBackend

        return ClusterServingBackend(given)
    if isinstance(given, LocalProcessBackendConfig):
        from kubeflow.kserve.backends.local.backend import local_serving_backend

        return local_serving_backend(given)
    if isinstance(given, ContainerBackendConfig):
        raise Unsupported(
            "Services do not run in containers of this machine: they run as processes, with "
            "KServeClient(LocalProcessBackendConfig()) or KUBEFLOW_BACKEND=localprocess, or on a cluster."
        )
    raise wrong_type(
        "backend_config",
        given,
        (KubernetesBackendConfig, LocalProcessBackendConfig),
        remedy="For this machine, write KServeClient(LocalProcessBackendConfig()).",
    )
