"""A search that has run as a study of Optuna: for its pictures and its dashboard. Values are as people read them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kubeflow.optimizer.algorithms.history import PastState, PastTrial, ReportedValue
from kubeflow.optimizer.algorithms.optuna_study import OptunaSpace, frozen_trial, new_study
from kubeflow.optimizer.types.optimization_types import OptimizationJob
from kubeflow.optimizer.types.search_spaces import Space
from kubeflow.optimizer.types.trials import Trial, TrialStatus

if TYPE_CHECKING:
    from optuna import Study

_STATES: Mapping[TrialStatus, PastState] = {"Complete": "complete", "Failed": "failed", "Stopped": "stopped"}


def study_of_job(optuna: Any, job: OptimizationJob, storage: Any = None) -> tuple[Study, list[str]]:
    """Return the search as a study, in memory or in a storage of Optuna, and the names of trials that it lacks.

    It lacks those whose parameters are outside of the search space: Optuna has no place for them.
    """
    space: Mapping[str, Space] = job.search_space
    study = new_study(optuna, job.objectives, job.name, storage)
    translated = OptunaSpace(space, readable=True)
    distributions = translated.distributions()
    outside: list[str] = []
    for trial in sorted(job.trials, key=lambda trial: trial.number):
        if not all(name in trial.parameters and space[name].contains(trial.parameters[name]) for name in space):
            outside.append(trial.name)
            continue
        frozen = frozen_trial(_past(job, trial), translated, distributions, job.objectives)
        # Optuna's times are of this machine's zone, without naming it.
        frozen.datetime_start = _local(trial.started) or frozen.datetime_start
        frozen.datetime_complete = _local(trial.ended) if frozen.state.is_finished() else None
        if frozen.state.is_finished() and frozen.datetime_complete is None:
            frozen.datetime_complete = frozen.datetime_start
        frozen.set_user_attr("name", trial.name)
        for metric in trial.metrics:
            frozen.set_user_attr(f"metric {metric.name}", metric.latest)
        if trial.reason:
            frozen.set_user_attr("reason", trial.reason)
        study.add_trial(frozen)
    return study, outside


def _past(job: OptimizationJob, trial: Trial) -> PastTrial:
    values = [objective.value(trial.metrics) for objective in job.objectives]
    known = [value for value in values if value is not None]
    whole = known if len(known) == len(values) else None
    state = _STATES.get(trial.status, "running")
    reports = [ReportedValue(0, known[0])] if state == "stopped" and known else []
    return PastTrial(trial.number, trial.parameters, state, whole if state == "complete" else None, reports)


def _local(time: datetime | None) -> datetime | None:
    return None if time is None else time.astimezone().replace(tzinfo=None)


def warn_of(outside: list[str], name: str) -> None:
    """Warn, at the line of the caller's caller, of trials of a search that Optuna has no place for."""
    if outside:
        warnings.warn(
            f"{len(outside)} trial(s) of {name!r} are left out, as their parameters are outside of the search space: "
            f"{', '.join(outside[:5])}.",
            stacklevel=3,
        )
