"""From a train function, script or module to one self-contained bundle that runs the same everywhere.

Names are loaded on first use.
"""

import typing as _typing

if _typing.TYPE_CHECKING:
    from kubeflow.packaging.bundles import Bundle
    from kubeflow.packaging.bundling import bundle, hyperparameter_env
    from kubeflow.packaging.errors import Finding, PackagingError
    from kubeflow.packaging.inspection import bundle_annotations
    from kubeflow.packaging.outcomes import Frame, RankError, RankOutcome, parse_outcome, read_outcomes
    from kubeflow.packaging.remote.loader import OUTPUT_DIR, RUN_ID
    from kubeflow.packaging.signature import call_arguments
    from kubeflow.packaging.transport import DamagedBundle
else:
    from kubeflow.core.lazy import exporter as _exporter

    __getattr__, __dir__ = _exporter(
        __name__,
        {
            "bundles": ["Bundle"],
            "bundling": ["bundle", "hyperparameter_env"],
            "errors": ["Finding", "PackagingError"],
            "inspection": ["bundle_annotations"],
            "outcomes": ["Frame", "RankError", "RankOutcome", "parse_outcome", "read_outcomes"],
            "remote.loader": ["OUTPUT_DIR", "RUN_ID"],
            "signature": ["call_arguments"],
            "transport": ["DamagedBundle"],
        },
    )

__all__ = [
    "OUTPUT_DIR",
    "RUN_ID",
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
