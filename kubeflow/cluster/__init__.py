"""The Kubernetes transport: configuration, credentials, retries, streams, and errors with a type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubeflow.core.lazy import exporter

if TYPE_CHECKING:
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

__getattr__, __dir__ = exporter(
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
