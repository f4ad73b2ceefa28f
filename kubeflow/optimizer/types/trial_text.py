"""Parameters and values of a trial as short text, for people."""

from __future__ import annotations

from kubeflow.optimizer.types.optimization_types import OptimizationJob
from kubeflow.optimizer.types.trials import Trial


def parameters_text(trial: Trial) -> str:
    """Return the parameters of a trial, like `lr=0.01, batch=32`."""
    return ", ".join(
        f"{name}={value:.6g}" if isinstance(value, float) else f"{name}={value!r}"
        for name, value in trial.parameters.items()
    )


def values_text(job: OptimizationJob, trial: Trial) -> str:
    """Return the values of a trial's objectives, like `loss=0.31`."""
    found = [(objective.metric, objective.value(trial.metrics)) for objective in job.objectives]
    return ", ".join(f"{name}={value:.6g}" for name, value in found if value is not None)
