"""From a train function, script or module to one self-contained bundle that runs the same everywhere.

Names are loaded on first use.
"""

import typing as _typing

if _typing.TYPE_CHECKING:
    from kubeflow.packaging.bundle_builder import bundle, call_arguments
    from kubeflow.packaging.bundles.bundle import Bundle
    from kubeflow.packaging.bundles.contents import DamagedBundle
    from kubeflow.packaging.bundles.inspection import bundle_annotations
    from kubeflow.packaging.bundles.parameter_variables import hyperparameter_env
    from kubeflow.packaging.capture.hyperparameters import Hyperparameter
    from kubeflow.packaging.errors import Finding, PackagingError
    from kubeflow.packaging.remote import RUN_ID
    from kubeflow.packaging.remote.outcome import OUTPUT_DIR
    from kubeflow.packaging.results.rank_outcomes import Frame, RankError, RankOutcome, parse_outcome, read_outcomes
else:
    from kubeflow.core.lazy import exporter as _exporter

    __getattr__, __dir__ = _exporter(
        __name__,
        {
            "bundles.bundle": ["Bundle"],
            "bundle_builder": ["bundle", "call_arguments"],
            "errors": ["Finding", "PackagingError"],
            "bundles.inspection": ["bundle_annotations"],
            "bundles.parameter_variables": ["hyperparameter_env"],
            "capture.hyperparameters": ["Hyperparameter"],
            "results.rank_outcomes": ["Frame", "RankError", "RankOutcome", "parse_outcome", "read_outcomes"],
            "remote": ["RUN_ID"],
            "remote.outcome": ["OUTPUT_DIR"],
            "bundles.contents": ["DamagedBundle"],
        },
    )

__all__ = [
    "OUTPUT_DIR",
    "RUN_ID",
    "Bundle",
    "DamagedBundle",
    "Finding",
    "Frame",
    "Hyperparameter",
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
