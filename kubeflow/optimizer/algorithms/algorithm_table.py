"""Which algorithm and which rule of early stopping each engine has: read by checks, renderers and the documentation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubeflow.core.display import repr_of_fields
from kubeflow.optimizer.types.optimization_types import EngineName


@dataclass(frozen=True)
class AlgorithmEntry:
    """Where one algorithm, or one rule of early stopping, runs.

    Attributes:
        title: How people call it.
        written: The class of `kubeflow.optimizer` that asks for it.
        engines: The engine's own name of it, by engine; an engine that lacks it is not there.
        nearest: What to write instead where an engine lacks it.
        library: What it is made with in the client's engine; `""` is this package.
    """

    title: str
    written: str
    engines: Mapping[EngineName, str]
    nearest: str = "engine='client'"
    library: str = "optuna"

    __repr__ = repr_of_fields


ALGORITHMS: Mapping[str, AlgorithmEntry] = {
    "random": AlgorithmEntry(
        "Random search",
        "RandomSearch",
        {"client": "random", "katib": "random", "optimizationjob": "random"},
        library="",
    ),
    "grid": AlgorithmEntry(
        "Grid search", "GridSearch", {"client": "grid", "katib": "grid", "optimizationjob": "grid"}, library=""
    ),
    "tpe": AlgorithmEntry("TPE", "TPE(multivariate=False)", {"client": "tpe", "katib": "tpe"}),
    "multivariate-tpe": AlgorithmEntry("Multivariate TPE", "TPE", {"client": "tpe", "katib": "multivariate-tpe"}),
    "bayesianoptimization": AlgorithmEntry(
        "Gaussian process", "BayesianOptimization", {"client": "gp", "katib": "bayesianoptimization"}
    ),
    "cmaes": AlgorithmEntry("CMA-ES", "CMAES", {"client": "cmaes", "katib": "cmaes"}),
    "sobol": AlgorithmEntry("Sobol sequence", "Sobol", {"client": "sobol", "katib": "sobol"}, library="scipy"),
    "nsgaii": AlgorithmEntry("NSGA-II", "NSGAII", {"client": "nsgaii"}),
    "hyperband": AlgorithmEntry("Hyperband", "Hyperband", {"client": "hyperband", "katib": "hyperband"}),
    "pbt": AlgorithmEntry("Population-based training", "PBT", {"client": "pbt", "katib": "pbt"}, library=""),
}
"""By `algorithm_name`."""

EARLY_STOPPING: Mapping[str, AlgorithmEntry] = {
    "medianstop": AlgorithmEntry(
        "Median stopping", "MedianStop", {"client": "median", "katib": "medianstop"}, library=""
    ),
    "percentilestop": AlgorithmEntry("Percentile stopping", "PercentileStop", {"client": "percentile"}, library=""),
    "asha": AlgorithmEntry("Successive halving", "ASHA", {"client": "asha"}, library=""),
}
"""By `rule_name`."""
