"""The Kubernetes transport: configuration, credentials, retries, streams, and errors with a type."""

import typing as _typing

if _typing.TYPE_CHECKING:
    from kubeflow.cluster.cluster import Cluster
    from kubeflow.cluster.errors import (
        AlreadyExists,
        ApiError,
        Cause,
        ClusterError,
        Conflict,
        ControlPlaneMissing,
        Forbidden,
        Gone,
        Invalid,
        NotConfigured,
        NotFound,
        ServerFault,
        StreamBroken,
        TooManyRequests,
        Unauthorized,
        Unreachable,
    )
else:
    from kubeflow.core.lazy import exporter as _exporter

    __getattr__, __dir__ = _exporter(
        __name__,
        {
            "cluster": ("Cluster",),
            "errors": (
                "AlreadyExists",
                "ApiError",
                "Cause",
                "ClusterError",
                "Conflict",
                "ControlPlaneMissing",
                "Forbidden",
                "Gone",
                "Invalid",
                "NotConfigured",
                "NotFound",
                "ServerFault",
                "StreamBroken",
                "TooManyRequests",
                "Unauthorized",
                "Unreachable",
            ),
        },
    )

__all__ = [
    "AlreadyExists",
    "ApiError",
    "Cause",
    "Cluster",
    "ClusterError",
    "Conflict",
    "ControlPlaneMissing",
    "Forbidden",
    "Gone",
    "Invalid",
    "NotConfigured",
    "NotFound",
    "ServerFault",
    "StreamBroken",
    "TooManyRequests",
    "Unauthorized",
    "Unreachable",
]
