"""What runs jobs on this machine: where they are kept, their processes, their logs. Knows nothing of training.

Linux and macOS: it relies on sessions, process groups and signals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubeflow.core.lazy import exporter

if TYPE_CHECKING:
    from kubeflow.local.environments.cache import CachedEnvironment, list_environments, prune_environments
    from kubeflow.local.environments.errors import EnvironmentFailed

__all__ = ["CachedEnvironment", "EnvironmentFailed", "list_environments", "prune_environments"]

__getattr__, __dir__ = exporter(
    __name__,
    {
        "environments.cache": ("CachedEnvironment", "list_environments", "prune_environments"),
        "environments.errors": ("EnvironmentFailed",),
    },
)
