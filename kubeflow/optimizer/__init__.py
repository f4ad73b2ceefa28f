"""Search for the best hyperparameters, on this machine or on a cluster: search spaces, algorithms, objectives, results.

Names are loaded when they are first used, so that importing this package costs next to nothing.
"""

import typing as _typing

if _typing.TYPE_CHECKING:
    from kubeflow.optimizer.api.optimizer_client import OptimizerClient
    from kubeflow.optimizer.borrowed_names import KubernetesBackendConfig, TrainJobTemplate, report
    from kubeflow.optimizer.errors import (
        EngineRefuses,
        MissingExtra,
        OptimizationExists,
        OptimizationFailed,
        OptimizationNotFound,
        OptimizationWaitTimeout,
    )
    from kubeflow.optimizer.given_trials import KnownTrial
    from kubeflow.optimizer.optimization_spec import OptimizationSpec
    from kubeflow.optimizer.types.algorithm_types import (
        CMAES,
        NSGAII,
        PBT,
        TPE,
        BaseAlgorithm,
        BayesianOptimization,
        GridSearch,
        Hyperband,
        RandomSearch,
        Sobol,
    )
    from kubeflow.optimizer.types.early_stopping import ASHA, EarlyStopping, MedianStop, PercentileStop
    from kubeflow.optimizer.types.optimization_types import (
        Direction,
        Objective,
        OptimizationJob,
        OptimizationStatus,
        OptimizerConfig,
        Result,
        TrialConfig,
    )
    from kubeflow.optimizer.types.search_spaces import (
        CategoricalSearchSpace,
        ContinuousSearchSpace,
        Distribution,
        IntegerSearchSpace,
    )
    from kubeflow.optimizer.types.search_types import Search
    from kubeflow.optimizer.types.trials import Metric, Trial, TrialStatus
else:
    from kubeflow.core.lazy import exporter as _exporter

    __getattr__, __dir__ = _exporter(
        __name__,
        {
            "api.optimizer_client": ("OptimizerClient",),
            "borrowed_names": ("KubernetesBackendConfig", "TrainJobTemplate", "report"),
            "errors": (
                "EngineRefuses",
                "MissingExtra",
                "OptimizationExists",
                "OptimizationFailed",
                "OptimizationNotFound",
                "OptimizationWaitTimeout",
            ),
            "given_trials": ("KnownTrial",),
            "optimization_spec": ("OptimizationSpec",),
            "types.algorithm_types": (
                "CMAES",
                "NSGAII",
                "PBT",
                "TPE",
                "BaseAlgorithm",
                "BayesianOptimization",
                "GridSearch",
                "Hyperband",
                "RandomSearch",
                "Sobol",
            ),
            "types.early_stopping": ("ASHA", "EarlyStopping", "MedianStop", "PercentileStop"),
            "types.optimization_types": (
                "Direction",
                "Objective",
                "OptimizationJob",
                "OptimizationStatus",
                "OptimizerConfig",
                "Result",
                "TrialConfig",
            ),
            "types.search_spaces": (
                "CategoricalSearchSpace",
                "ContinuousSearchSpace",
                "Distribution",
                "IntegerSearchSpace",
            ),
            "types.search_types": ("Search",),
            "types.trials": ("Metric", "Trial", "TrialStatus"),
        },
    )

__all__ = [
    "ASHA",
    "CMAES",
    "NSGAII",
    "PBT",
    "TPE",
    "BaseAlgorithm",
    "BayesianOptimization",
    "CategoricalSearchSpace",
    "ContinuousSearchSpace",
    "Direction",
    "Distribution",
    "EarlyStopping",
    "EngineRefuses",
    "GridSearch",
    "Hyperband",
    "IntegerSearchSpace",
    "KnownTrial",
    "KubernetesBackendConfig",
    "MedianStop",
    "Metric",
    "MissingExtra",
    "Objective",
    "OptimizationExists",
    "OptimizationFailed",
    "OptimizationJob",
    "OptimizationNotFound",
    "OptimizationSpec",
    "OptimizationStatus",
    "OptimizationWaitTimeout",
    "OptimizerClient",
    "OptimizerConfig",
    "PercentileStop",
    "RandomSearch",
    "Result",
    "Search",
    "Sobol",
    "TrainJobTemplate",
    "Trial",
    "TrialConfig",
    "TrialStatus",
    "report",
]
