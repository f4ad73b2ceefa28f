"""The trials of the store as an algorithm sees them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kubeflow.optimizer.algorithms.history import PastState, PastTrial, ReportedValue
from kubeflow.optimizer.engines.client.study_store import TrialRow
from kubeflow.optimizer.trial_jobs import decoded
from kubeflow.optimizer.types.search_spaces import Space

_PAST: Mapping[str, PastState] = {
    "Created": "running",
    "Running": "running",
    "Complete": "complete",
    "Stopped": "stopped",
}


def past_trials(space: Mapping[str, Space], trials: Iterable[TrialRow]) -> list[PastTrial]:
    """Return trials as an algorithm sees them, by number."""
    return [
        PastTrial(
            trial.number,
            decoded(space, trial.parameters),
            _PAST.get(trial.phase, "failed"),
            trial.objectives,
            [ReportedValue(step, value) for step, value in trial.reported],
            trial.notes,
        )
        for trial in sorted(trials, key=lambda trial: trial.number)
    ]
