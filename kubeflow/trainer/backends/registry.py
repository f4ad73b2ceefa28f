"""The backends by name. A new one gets a line in `BACKENDS`, a member of `BackendConfig`, and nothing else.

A backend's module is loaded when a client of it is made; its configuration class is loaded with this module.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.backends.container.types import ContainerBackendConfig
from kubeflow.trainer.backends.kubernetes.config import KubernetesBackendConfig
from kubeflow.trainer.backends.localprocess.types import LocalProcessBackendConfig
from kubeflow.trainer.types.checks import wrong_type

BackendConfig = KubernetesBackendConfig | LocalProcessBackendConfig | ContainerBackendConfig
"""What tells a client where its jobs run."""

BACKEND_VARIABLE = "KUBEFLOW_BACKEND"
"""Environment variable that names the backend of clients that are given none."""

DEFAULT_BACKEND = "kubernetes"
"""Backend of clients that are given none, where the environment variable is not set either."""

Config = TypeVar("Config", bound=BackendConfig)


@dataclass(frozen=True)
class BackendEntry:
    """One backend.

    Attributes:
        config: Class of its configuration.
        default: Return the configuration of a client that is given none.
        make: Return the backend for an object of `config`; `None` for any other object.
    """

    config: type
    default: Callable[[], BackendConfig]
    make: Callable[[object], Backend | None]


def _entry(config: type[Config], make: Callable[[Config], Backend]) -> BackendEntry:
    return BackendEntry(config, config, lambda given: make(given) if isinstance(given, config) else None)


def _kubernetes(config: KubernetesBackendConfig) -> Backend:
    from kubeflow.trainer.backends.kubernetes.backend import KubernetesBackend

    return KubernetesBackend(config)


def _localprocess(config: LocalProcessBackendConfig) -> Backend:
    from kubeflow.trainer.backends.localprocess.backend import local_process_backend

    return local_process_backend(config)


def _container(config: ContainerBackendConfig) -> Backend:
    from kubeflow.trainer.backends.container.backend import container_backend

    return container_backend(config)


BACKENDS: Mapping[str, BackendEntry] = {
    "kubernetes": _entry(KubernetesBackendConfig, _kubernetes),
    "localprocess": _entry(LocalProcessBackendConfig, _localprocess),
    "container": _entry(ContainerBackendConfig, _container),
}
"""Every backend by the name that `KUBEFLOW_BACKEND` has for it."""


def default_config() -> BackendConfig:
    """Return the configuration of a client that is given none: that of the backend that `KUBEFLOW_BACKEND` names.

    Raises:
        InvalidInput: When the variable names no backend.
    """
    name = os.environ.get(BACKEND_VARIABLE, "").strip().lower() or DEFAULT_BACKEND
    if name not in BACKENDS:
        raise InvalidInput(
            f"{BACKEND_VARIABLE}={name!r} names no backend.{did_you_mean(name, BACKENDS)} Known: {', '.join(BACKENDS)}."
        )
    return BACKENDS[name].default()


def backend(config: object) -> Backend:
    """Return the backend that a configuration asks for.

    Raises:
        InvalidInput: When `config` is an object of no configuration class.
        Unsupported: When this version does not have the backend, or not on this operating system.
    """
    for entry in BACKENDS.values():
        made = entry.make(config)
        if made is not None:
            return made
    raise wrong_type(
        "backend_config",
        config,
        tuple(entry.config for entry in BACKENDS.values()),
        remedy="For this machine, write TrainerClient(LocalProcessBackendConfig()).",
    )
