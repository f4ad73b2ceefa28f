"""A search of Katib as its user sees it: from an Experiment, its Trials and their TrainJobs. Asks nothing, never fails.

The best trial is computed from the Trials: `status.currentOptimalTrial` may be one that has diverged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from kubeflow.cluster import wire
from kubeflow.cluster.wire import Json
from kubeflow.optimizer.engines.katib.experiment_reading import ReadExperiment, read_experiment
from kubeflow.optimizer.types.optimization_types import ENDED, Objective, OptimizationJob, OptimizationStatus
from kubeflow.optimizer.types.trials import Metric, Trial, TrialStatus
from kubeflow.trainer.types.jobs import TrainJob

WANTED_ANNOTATION = "kubeflow.org/optimization-wanted"
"""Of an Experiment: `Suspended` or `Stopped` once its user has asked for that."""
_EPOCH = datetime.fromtimestamp(0, UTC)
_STATUSES: Mapping[str, OptimizationStatus] = {
    "": "Created",
    "Created": "Created",
    "Running": "Running",
    "Restarting": "Running",
    "Succeeded": "Complete",
    "Failed": "Failed",
}
_TRIALS: Mapping[str, TrialStatus] = {
    "": "Created",
    "Created": "Created",
    "Running": "Running",
    "Succeeded": "Complete",
    "Failed": "Failed",
    "MetricsUnavailable": "Failed",
    "EarlyStopped": "Stopped",
    "Killed": "Stopped",
}


def optimization_view(
    experiment: Json, trials: Sequence[Json], jobs: Mapping[str, TrainJob], suggestion: Json | None = None
) -> OptimizationJob:
    """Return what users see of a search.

    Args:
        experiment: The Experiment, as the server sent it.
        trials: Its Trials, in any order.
        jobs: TrainJobs by name; those of trials may be among them.
        suggestion: The Suggestion, if it was read.
    """
    read = read_experiment(experiment)
    newest = newest_condition(experiment)
    status = _STATUSES.get(wire.text(newest, "type"), "Unknown")
    wanted = wire.strings(experiment, "metadata", "annotations").get(WANTED_ANNOTATION)
    if status in ("Created", "Running"):
        status = "Suspended" if wanted == "Suspended" else "Stopped" if wanted == "Stopped" else status
    notes = [*read.notes]
    if wire.at(experiment, "metadata", "deletionTimestamp"):
        notes.append("it is being deleted")
    shown = tuple(
        trial_view(trial, number, read, jobs.get(wire.text(trial, "metadata", "name")))
        for number, trial in enumerate(sorted(trials, key=_order))
    )
    return OptimizationJob(
        name=wire.text(experiment, "metadata", "name"),
        search_space=read.space,
        objectives=read.objectives,
        algorithm=read.algorithm,
        trial_config=read.config,
        trials=shown,
        creation_timestamp=wire.time(experiment, "metadata", "creationTimestamp") or _EPOCH,
        status=status,
        engine="katib",
        reason=_reason(status, newest, suggestion) or _without_objective(read, shown),
        notes=tuple(notes),
    )


def trial_view(trial: Json, number: int, read: ReadExperiment, job: TrainJob | None) -> Trial:
    """Return what users see of one Trial.

    Args:
        trial: The Trial, as the server sent it.
        number: Its number.
        read: What the Experiment says.
        job: Its TrainJob; `None` when that is gone, or not made yet.
    """
    texts = {
        wire.text(entry, "name"): wire.text(entry, "value")
        for entry in wire.objects(trial, "spec", "parameterAssignments")
    }
    metrics = [_metric(entry) for entry in wire.objects(trial, "status", "observation", "metrics")]
    objective = read.objectives[0] if read.objectives else None
    metrics.sort(key=lambda metric: (objective is None or metric.name != objective.metric, metric.name))
    status, reason = _state(trial, objective, metrics, job)
    return Trial(
        name=wire.text(trial, "metadata", "name"),
        parameters=read.parameters(texts),
        trainjob=job,
        metrics=tuple(metrics),
        number=number,
        status=status,
        reason=reason,
        started=wire.time(trial, "status", "startTime") or wire.time(trial, "metadata", "creationTimestamp"),
        ended=wire.time(trial, "status", "completionTime"),
    )


def newest_condition(item: Json) -> Json:
    """Return the newest condition of a kind of Katib's that is True; an empty one when there is none."""
    for condition in reversed(wire.objects(item, "status", "conditions")):
        if wire.text(condition, "status") == "True":
            return condition
    return wire.NOTHING


def has_trouble(item: Json) -> bool:
    """True when an Experiment has failed, or makes no trials: its Suggestion says why."""
    newest = wire.text(newest_condition(item), "type")
    return newest == "Failed" or (newest in ("", "Created", "Running") and not wire.integer(item, "status", "trials"))


def _order(trial: Json) -> tuple[datetime, str]:
    return wire.time(trial, "metadata", "creationTimestamp") or _EPOCH, wire.text(trial, "metadata", "name")


def _state(
    trial: Json, objective: Objective | None, metrics: Sequence[Metric], job: TrainJob | None
) -> tuple[TrialStatus, str]:
    newest = newest_condition(trial)
    kind, message = wire.text(newest, "type"), _clean(wire.text(newest, "message"))
    without_metrics = kind == "MetricsUnavailable" or any(
        wire.text(each, "type") == "Succeeded" and wire.text(each, "reason").startswith("MetricsUnavailable")
        for each in wire.objects(trial, "status", "conditions")
        if wire.text(each, "status") == "False"
    )
    name = objective.metric if objective is not None else "its objective"
    if without_metrics:
        return "Failed", f"{name} was never reported as a finite number"
    status = _TRIALS.get(kind, "Unknown")
    if status == "Complete" and objective is not None and objective.value(metrics) is None:
        return "Failed", _why_no_value(trial, objective)
    if status == "Running" and job is not None and job.status in ("Created", "Suspended"):
        # Katib calls a trial running as soon as its job is made.
        return "Created", "its job is suspended" if job.status == "Suspended" else ""
    if status == "Failed":
        return status, message.removeprefix("Trial has failed").lstrip(". ").removeprefix("Job message: ") or message
    if kind == "EarlyStopped":
        return status, "it was worse than the others, by Katib's median rule"
    return status, "killed" if kind == "Killed" else ""


def _why_no_value(trial: Json, objective: Objective) -> str:
    for entry in wire.objects(trial, "status", "observation", "metrics"):
        if wire.text(entry, "name") == objective.metric:
            latest = wire.text(entry, "latest")
            shown = latest if latest and latest != "unavailable" else "no number"
            return f"{objective.metric} was {shown}"
    return f"{objective.metric} was never reported"


def _metric(entry: Json) -> Metric:
    low, high, latest = (_finite(wire.text(entry, field)) for field in ("min", "max", "latest"))
    return Metric(wire.text(entry, "name"), low, high, latest)


def _finite(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _without_objective(read: ReadExperiment, trials: Sequence[Trial]) -> str:
    """Say so where no trial that ended has reported the objective: Katib goes on with the others all the same."""
    ended = [trial for trial in trials if trial.status in ENDED]
    if not ended or not read.objectives or not all("never reported" in trial.reason for trial in ended):
        return ""
    return f"no trial has reported {read.objectives[0].metric!r} so far: see explain() for what they print"


def _reason(status: OptimizationStatus, newest: Json, suggestion: Json | None) -> str:
    said = wire.text(newest_condition(suggestion), "message") if suggestion is not None else ""
    failed = suggestion is not None and wire.text(newest_condition(suggestion), "type") == "Failed"
    if failed and said:
        return f"Katib's service refuses the search: {_clean(said)}"
    if status == "Failed":
        return _clean(wire.text(newest, "message"))
    if status == "Complete":
        return _clean(wire.text(newest, "message")).removeprefix("Experiment has succeeded because ")
    return ""


def _clean(message: str) -> str:
    return " ".join(message.split()).rstrip(". ")
