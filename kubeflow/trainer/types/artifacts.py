"""`Artifact` as this client exports it."""

from __future__ import annotations

from kubeflow.core.artifact import Artifact

__all__ = ["Artifact"]
