"""The backend of this machine: a service is a supervised process that answers on a loopback port."""

from __future__ import annotations

from kubeflow.kserve.backends.serving_backend import ServingBackend
from kubeflow.trainer.backends.localprocess.types import LocalProcessBackendConfig
from kubeflow.trainer.errors import Unsupported


def local_serving_backend(config: LocalProcessBackendConfig) -> ServingBackend:
    """Return the backend for services of this machine.

    Args:
        config: As for jobs: its `state_dir` holds the services too.

    Raises:
        Unsupported: This version does not have it.
    """
    raise Unsupported(
        f"Services on this machine ({config!r}) are not part of this version: give KServeClient a "
        "KubernetesBackendConfig()."
    )
