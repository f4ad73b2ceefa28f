"""How a trial ended: from the end of its job and the metrics that it gave, to a row of the store."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from kubeflow.core.display import short
from kubeflow.core.errors import KubeflowError, did_you_mean
from kubeflow.optimizer.engines.client.study_store import TrialRow
from kubeflow.optimizer.types.optimization_types import Objective
from kubeflow.optimizer.types.trials import Metric
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.errors import NoJobResult
from kubeflow.trainer.jobs.metric_history import MetricHistory, metric_history
from kubeflow.trainer.types.jobs import TrainJob
from kubeflow.trainer.types.metric_points import MetricPoint


class ObjectiveMissing(KubeflowError):
    """A trial has ended well and gave no value for an objective. The message names those that it gave.

    Remedy:
        Have the function return the objective, or report it: `return {"loss": loss}`; or name in `objectives` what it
        gives.
    """


def settled(backend: Backend, trial: TrialRow, job: TrainJob, objectives: Sequence[Objective]) -> TrialRow:
    """Return the row of a trial whose job has ended.

    Args:
        backend: Where the job is.
        trial: The trial as it was.
        job: The job, which is `Complete`, `Failed` or `Stopped`.
        objectives: Of the search.

    Raises:
        ObjectiveMissing: The job is complete and gave no value for an objective.
    """
    names = [objective.metric for objective in objectives]
    history = metric_history(backend, job, names, names[0])
    ended = replace(
        trial,
        metrics=metrics(history),
        reported=steps(history, names[0]),
        ended=time.time(),
    )
    if job.status == "Stopped":
        return replace(ended, phase="Stopped", reason=trial.reason or "its job was stopped")
    if job.status == "Failed":
        failure = backend.failure(job.name)
        return replace(ended, phase="Failed", reason=failure.reason.rstrip("."))
    missing = [name for name in names if not history.of(name)]
    if missing:
        raise ObjectiveMissing(_missing_words(missing[0], metric_history(backend, job).names, _returned(backend, job)))
    broken = [
        (name, value) for name in names if (value := history.latest(name)) is not None and not math.isfinite(value)
    ]
    if broken:
        name, value = broken[0]
        return replace(ended, phase="Failed", reason=f"{name} was {'nan' if math.isnan(value) else f'{value:g}'}")
    values = [objective.value(ended.metrics) for objective in objectives]
    infinite = [name for name, value in zip(names, values, strict=True) if value is None]
    if infinite:
        return replace(ended, phase="Failed", reason=f"{infinite[0]} was infinite")
    return replace(ended, phase="Complete", reason="", objectives=[value for value in values if value is not None])


def metrics(history: MetricHistory) -> tuple[Metric, ...]:
    """Return what is known of each metric. A value that the function returned counts alone: it is the last word."""
    found: list[Metric] = []
    for name in history.names:
        points = history.of(name)
        counted = [points[-1]] if points[-1].source == "returned" else points
        values = [point.value for point in counted if not math.isnan(point.value)]
        found.append(Metric(name, min(values, default=None), max(values, default=None), points[-1].value))
    return tuple(found)


def steps(points: Iterable[MetricPoint], name: str) -> tuple[tuple[int, float], ...]:
    """Return the steps and values of a metric, by ascending step; the last value of a step counts.

    Values without a step are numbered in their order. What was returned at the end is no step.
    """
    found: dict[int, float] = {}
    for point in points:
        if point.name == name and point.source != "returned":
            found[len(found) if point.step is None else point.step] = point.value
    return tuple(sorted(found.items()))


def _returned(backend: Backend, job: TrainJob) -> str:
    """Return in words what a function returned; nothing where it returned nothing, or nobody knows."""
    try:
        outcome = backend.outcome(job.name)
    except NoJobResult:
        return ""
    value = None if outcome is None or outcome.no_result else outcome.result
    return "" if value is None else f" Its function returned {short(value)}, where numbers count."


def _missing_words(name: str, seen: Sequence[str], returned: str) -> str:
    if not seen:
        return (
            f"it gave no metric at all, and {name!r} is looked for.{returned} Return {{{name!r}: value}}, call "
            f"kubeflow.optimizer.report(), or print a line like {name}=0.5"
        )
    return (
        f"it gave no {name!r}.{did_you_mean(name, seen)} It gave: {', '.join(seen[:10])}. Name the objective as the "
        "function does"
    )
