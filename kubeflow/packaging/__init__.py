"""From a train function, script or module to one self-contained bundle that runs the same everywhere.

Names are loaded on first use.
"""

import typing as _typing

if _typing.TYPE_CHECKING:
    from kubeflow.packaging.bundle_builder import bundle, hyperparameter_env
    from kubeflow.packaging.bundles.bundle import Bundle
    from kubeflow.packaging.bundles.encoding import DamagedBundle
    from kubeflow.packaging.bundles.inspection import bundle_annotations
    from kubeflow.packaging.capture.signature import call_arguments
    from kubeflow.packaging.errors import Finding, PackagingError
    from kubeflow.packaging.rank_outcomes import Frame, RankError, RankOutcome, parse_outcome, read_outcomes
    from kubeflow.packaging.remote.loader import OUTPUT_DIR, RUN_ID
else:
    from kubeflow.core.lazy import exporter as _exporter

    __getattr__, __dir__ = _exporter(
        __name__,
        {
            "bundles.bundle": ["Bundle"],
            "bundle_builder": ["bundle", "hyperparameter_env"],
            "errors": ["Finding", "PackagingError"],
            "bundles.inspection": ["bundle_annotations"],
            "rank_outcomes": ["Frame", "RankError", "RankOutcome", "parse_outcome", "read_outcomes"],
            "remote.loader": ["OUTPUT_DIR", "RUN_ID"],
            "capture.signature": ["call_arguments"],
            "bundles.encoding": ["DamagedBundle"],
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
