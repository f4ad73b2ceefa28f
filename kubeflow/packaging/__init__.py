"""From a train function, script or module to one self-contained bundle that runs the same everywhere.

Names are loaded on first use.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubeflow.packaging.bundling import Bundle, bundle, hyperparameter_env
    from kubeflow.packaging.errors import Finding, PackagingError
    from kubeflow.packaging.inspection import bundle_annotations
    from kubeflow.packaging.outcomes import Frame, RankError, RankOutcome, parse_outcome, read_outcomes
    from kubeflow.packaging.signature import call_arguments
    from kubeflow.packaging.transport import DamagedBundle

OUTPUT_DIR = "KUBEFLOW_OUTPUT_DIR"
"""The environment variable that names the directory for a job's outcome files; set it to get them."""

_HOME = {
    "Bundle": "bundling",
    "bundle": "bundling",
    "hyperparameter_env": "bundling",
    "Finding": "errors",
    "PackagingError": "errors",
    "bundle_annotations": "inspection",
    "Frame": "outcomes",
    "RankError": "outcomes",
    "RankOutcome": "outcomes",
    "parse_outcome": "outcomes",
    "read_outcomes": "outcomes",
    "call_arguments": "signature",
    "DamagedBundle": "transport",
}

__all__ = [
    "OUTPUT_DIR",
    "Bundle",
    "DamagedBundle",
    "Finding",
    "Frame",
    "PackagingError",
    "RankError",
    "RankOutcome",
    "bundle",
    "bundle_annotations",
    "call_arguments",
    "hyperparameter_env",
    "parse_outcome",
    "read_outcomes",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value: object = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
