"""Where the trials of a search run, as a text that tells one place from another."""

from __future__ import annotations

import os

from kubeflow.core.stdlib import json
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.backends.kubernetes.config import KubernetesBackendConfig


def place_of(backend: Backend, config: object) -> str:
    """Return where trials run as a text that is the same for clients of the same place."""
    if isinstance(config, KubernetesBackendConfig):
        file = None if config.config_file is None else os.path.abspath(config.config_file)  # noqa: PTH100
        return json.dumps({"kubernetes": backend.namespace, "context": config.context, "config_file": file})
    return type(config).__name__.removesuffix("BackendConfig").lower()


def shown_place(place: str) -> str:
    """Return a place in words."""
    return place if not place.startswith("{") else f"namespace {json.loads(place)['kubernetes']!r} of a cluster"
