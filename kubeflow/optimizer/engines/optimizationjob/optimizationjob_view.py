"""An OptimizationJob as its user sees it: from the object and the TrainJobs that it owns. Asks nothing, never fails.

Its status has neither counts nor values: everything about trials is read from their TrainJobs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from kubeflow.cluster import wire
from kubeflow.cluster.wire import Json
from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import json
from kubeflow.optimizer.engines.optimizationjob.optimizationjob_rendering import SPACE_ANNOTATION, variable
from kubeflow.optimizer.engines.space_documents import annotated_spaces, value_of
from kubeflow.optimizer.types.algorithm_types import BaseAlgorithm, GridSearch, RandomSearch
from kubeflow.optimizer.types.categorical_space import CategoricalSearchSpace
from kubeflow.optimizer.types.optimization_types import (
    Direction,
    Objective,
    OptimizationJob,
    OptimizationStatus,
    TrialConfig,
)
from kubeflow.optimizer.types.search_spaces import ContinuousSearchSpace, Distribution, IntegerSearchSpace, Space
from kubeflow.optimizer.types.trials import Metric, Trial, TrialStatus
from kubeflow.packaging.remote.coercion import OPTIMIZATION_JOB as PREFIX
from kubeflow.trainer.types.jobs import TrainJob

SILENT = 60.0
"""Seconds after which a controller should have taken note of an OptimizationJob."""
NO_CONTROLLER = "no controller acts on it: this cluster has the kind, and nobody who runs it"
_EPOCH = datetime.fromtimestamp(0, UTC)
_TRIALS: Mapping[str, TrialStatus] = {
    "Created": "Created",
    "Running": "Running",
    "Suspended": "Created",
    "Complete": "Complete",
    "Failed": "Failed",
    "Stopped": "Stopped",
}
_NEVER = (
    "was never reported to the control plane: have the train function call report(), and ask who runs the cluster to "
    "switch on Trainer's feature gate TrainJobStatus"
)


def optimizationjob_view(
    item: Json, owned: Sequence[tuple[Json, TrainJob]], now: datetime | None = None
) -> OptimizationJob:
    """Return what users see of an OptimizationJob.

    Args:
        item: The object, as the server sent it.
        owned: The TrainJobs that it owns, as the server sent them and as users see them, in any order.
        now: The time. Default: that of this machine.
    """
    notes: list[str] = []
    space, words = _space(item, notes)
    objectives = _objectives(item, notes)
    created = wire.time(item, "metadata", "creationTimestamp") or _EPOCH
    ordered = sorted(owned, key=lambda pair: (pair[1].creation_timestamp, pair[1].name))
    trials = tuple(
        _trial(number, job, view, space, words, objectives[0] if objectives else None)
        for number, (job, view) in enumerate(ordered)
    )
    age = ((now or datetime.now(UTC)) - created).total_seconds()
    status, reason = _status(item, bool(trials), age)
    if wire.at(item, "metadata", "deletionTimestamp"):
        notes.append("it is being deleted")
    return OptimizationJob(
        name=wire.text(item, "metadata", "name"),
        search_space=space,
        objectives=objectives,
        algorithm=_algorithm(item),
        trial_config=_config(item),
        trials=trials,
        creation_timestamp=created,
        status=status,
        engine="optimizationjob",
        reason=reason,
        notes=tuple(notes),
    )


def is_owned_by(job: Json, uid: str) -> bool:
    """True when an object is owned by that of this uid."""
    owners = wire.objects(job, "metadata", "ownerReferences")
    return bool(uid) and any(wire.text(owner, "uid") == uid for owner in owners)


def _status(item: Json, has_trials: bool, age: float) -> tuple[OptimizationStatus, str]:
    for kind, status in (("Failed", "Failed"), ("Complete", "Complete")):
        if found := wire.condition(item, kind):
            return ("Failed" if status == "Failed" else "Complete"), wire.text(found, "message")
    refused = wire.condition(item, "Created", "False")
    if refused:
        return "Created", wire.text(refused, "message") or wire.text(refused, "reason")
    if has_trials or wire.condition(item, "Created"):
        return "Running", ""
    if not wire.objects(item, "status", "conditions") and age > SILENT:
        return "Created", NO_CONTROLLER
    return "Created", ""


def _space(item: Json, notes: list[str]) -> tuple[dict[str, Space], frozenset[str]]:
    if (annotated := annotated_spaces(item, SPACE_ANNOTATION, notes)) is not None:
        return annotated
    found: dict[str, Space] = {}
    for parameter in wire.objects(item, "spec", "parameters"):
        name = wire.text(parameter, "name")
        try:
            found[name] = _foreign_space(wire.mapping(parameter, "searchSpace"))
        except (InvalidInput, ValueError, OverflowError) as error:
            notes.append(f"the space of parameter {name!r} cannot be read: {error}")
    return found, frozenset(name for name, space in found.items() if isinstance(space, CategoricalSearchSpace))


def _foreign_space(space: Json) -> Space:
    if choices := wire.each(str, wire.at(space, "categorical", "choices")):
        return CategoricalSearchSpace(tuple(choices))
    logarithmic = bool(wire.mapping(space, "logUniform"))
    ends = wire.mapping(space, "logUniform" if logarithmic else "uniform")
    low, high = float(wire.text(ends, "min")), float(wire.text(ends, "max"))
    if wire.text(ends, "type") == "Int":
        return IntegerSearchSpace(math.ceil(low), math.floor(high), log=logarithmic and low >= 1)
    return ContinuousSearchSpace(low, high, Distribution.LOG_UNIFORM if logarithmic else Distribution.UNIFORM)


def _objectives(item: Json, notes: list[str]) -> tuple[Objective, ...]:
    found = [
        Objective(
            metric,
            Direction.MAXIMIZE if wire.text(entry, "direction") == "Maximize" else Direction.MINIMIZE,
            strategy="last",
        )
        for entry in wire.objects(item, "spec", "objectives")
        if (metric := wire.text(entry, "metric"))
    ]
    if not found:
        notes.append("it has no objective that can be read")
    return tuple(found)


def _algorithm(item: Json) -> BaseAlgorithm | None:
    algorithm = wire.mapping(item, "spec", "searchAlgorithm")
    if "grid" in algorithm:
        return GridSearch()
    seed = wire.integer(algorithm, "random", "seed")
    return RandomSearch(seed if seed is not None and 0 <= seed < 2**31 else None)


def _config(item: Json) -> TrialConfig:
    trials = max(1, wire.integer(item, "spec", "numTrials") or 1)
    parallel = min(trials, max(1, wire.integer(item, "spec", "parallelTrials") or 1))
    seconds = wire.integer(item, "spec", "trainJobTemplate", "spec", "activeDeadlineSeconds")
    return TrialConfig(trials, parallel, trial_timeout=seconds if seconds and seconds > 0 else None)


def _trial(
    number: int,
    job: Json,
    view: TrainJob,
    space: Mapping[str, Space],
    words: frozenset[str],
    objective: Objective | None,
) -> Trial:
    metrics = tuple(
        Metric(name, value, value, value) if isinstance(value, float) and math.isfinite(value) else Metric(name)
        for name, value in view.metrics.items()
    )
    status: TrialStatus = _TRIALS.get(view.status, "Unknown")
    reason = "its job is suspended" if view.status == "Suspended" else ""
    if status == "Complete" and objective is not None and objective.value(metrics) is None:
        reported = view.metrics.get(objective.metric)
        reason = f"{objective.metric} {_NEVER if reported is None else f'was {reported}'}"
        status = "Failed"
    elif status == "Failed":
        reason = wire.text(wire.condition(job, "Failed"), "message")
    return Trial(
        name=view.name,
        parameters={
            name: value_of(space.get(name), text, is_word=name in words) for name, text in _texts(job, space).items()
        },
        trainjob=view,
        metrics=metrics,
        number=number,
        status=status,
        reason=reason,
        started=view.creation_timestamp,
        ended=wire.time(wire.condition(job, "Complete") or wire.condition(job, "Failed"), "lastTransitionTime"),
    )


def _texts(job: Json, space: Mapping[str, Space]) -> dict[str, str]:
    """Return the texts of a trial's parameters: of its environment, else of an annotation that has them as JSON."""
    env = {wire.text(each, "name"): wire.text(each, "value") for each in wire.objects(job, "spec", "trainer", "env")}
    found = {name: env[variable(name)] for name in space if variable(name) in env}
    if not found:
        found = {key.removeprefix(PREFIX).lower(): text for key, text in env.items() if key.startswith(PREFIX)}
    if found:
        return found
    for text in wire.strings(job, "metadata", "annotations").values():
        try:
            document: object = json.loads(text)
        except ValueError:
            continue
        given = wire.mapping(document)
        if given and set(given) <= set(space):
            return {name: str(value) for name, value in given.items()}
    return {}
