"""What runs jobs on this machine: where they are kept, their processes, their logs. Knows nothing of training.

Linux and macOS: it relies on sessions, process groups and signals.
"""

import typing as _typing

if _typing.TYPE_CHECKING:
    from kubeflow.local.environments.cache import CachedEnvironment, list_environments, prune_environments
    from kubeflow.local.environments.errors import EnvironmentFailed
    from kubeflow.local.executors.containers.engine_errors import (
        EngineNotFound,
        EngineRefused,
        EngineUnreachable,
        ImageUnavailable,
    )
else:
    from kubeflow.core.lazy import exporter as _exporter

    __getattr__, __dir__ = _exporter(
        __name__,
        {
            "environments.cache": ("CachedEnvironment", "list_environments", "prune_environments"),
            "environments.errors": ("EnvironmentFailed",),
            "executors.containers.engine_errors": (
                "EngineNotFound",
                "EngineRefused",
                "EngineUnreachable",
                "ImageUnavailable",
            ),
        },
    )

__all__ = [
    "CachedEnvironment",
    "EngineNotFound",
    "EngineRefused",
    "EngineUnreachable",
    "EnvironmentFailed",
    "ImageUnavailable",
    "list_environments",
    "prune_environments",
]
