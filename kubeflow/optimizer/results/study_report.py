"""The report of a search: its trials as tables and points, and what a client has found out about it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

import kubeflow
from kubeflow.core.display import hide_credentials, looks_secret, moment, short
from kubeflow.core.durations import duration_text
from kubeflow.core.html import Cell
from kubeflow.optimizer.results.trial_table import trial_rows
from kubeflow.optimizer.types.optimization_types import ENDED, Direction, Objective, OptimizationJob
from kubeflow.optimizer.types.search_spaces import (
    CategoricalSearchSpace,
    ContinuousSearchSpace,
    Distribution,
    IntegerSearchSpace,
    Space,
)
from kubeflow.optimizer.types.trials import Trial
from kubeflow.reporting.curves import PlotPoint
from kubeflow.reporting.plot_frame import PlotAxis
from kubeflow.reporting.study_page import StudyPageData, TrialPlot, status_cell, study_page
from kubeflow.trainer.types.jobs import Event

_KINDS = {"Complete": 0, "Stopped": 1, "Running": 2}
_OTHER = 3
_BEST = 4
_NAMES = ("complete", "stopped", "running", "others", "the best")
_POINTS, _PLOTS = 4_000, 16  # points of all plots; parameters that are drawn
_LOG = (Distribution.LOG_UNIFORM, Distribution.LOG_NORMAL)


def written_study(job: OptimizationJob, explained: str, events: Sequence[Event], gaps: Mapping[str, str]) -> str:
    """Return the report of a search as a page; see `OptimizerClient.report`.

    Args:
        job: The search.
        explained: What `explain` says of it; may be empty.
        events: What happened to it.
        gaps: What could not be found out, by the section of the page.
    """
    return study_page(study_report(job, explained, events, gaps), kubeflow.__version__)


def study_report(
    job: OptimizationJob, explained: str, events: Sequence[Event], gaps: Mapping[str, str]
) -> StudyPageData:
    """Return what the report of a search shows; see `written_study`."""
    objectives = list(job.objectives) or [Objective()]
    best = job.best_trial
    names = [*job.search_space][:_PLOTS]
    most = max(100, _POINTS // (len(objectives) + len(names)))
    parameters = [_parameter(job, name, objectives[0], best, most) for name in names]
    progress = [_progress(job, objective, best, most) for objective in objectives]
    rows = trial_rows(job)
    notes = [*job.notes]
    if len(job.search_space) > _PLOTS:
        notes.append(f"The first {_PLOTS} of {len(job.search_space)} parameters are drawn.")
    heads = [column.removeprefix("parameters.").removeprefix("metrics.") for column in (rows[0] if rows else {})]
    return StudyPageData(
        name=job.name,
        status=job.status,
        head=_head(job, objectives),
        explained=hide_credentials(explained),
        best={} if best is None else _best(best),
        best_title="" if best is None else f"{best.name} (number {best.number})",
        front=_front(job, objectives),
        progress=[plot for plot in progress if plot.points],
        kinds=_NAMES,
        parameters=[plot for plot in parameters if plot.points],
        trial_heads=heads,
        trials=[[_cell(column, value) for column, value in row.items()] for row in rows],
        causes=[
            (trial.name, hide_credentials(trial.reason) or "it does not say why")
            for trial in sorted(job.trials, key=lambda trial: trial.number)
            if trial.status == "Failed"
        ],
        space=[(name, _drawn_from(space)) for name, space in job.search_space.items()],
        algorithm=_algorithm(job),
        events=[
            (event.event_time, event.involved_object_name, event.reason, hide_credentials(event.message))
            for event in events
        ],
        gaps=gaps,
        notes=notes,
    )


def _head(job: OptimizationJob, objectives: Sequence[Objective]) -> dict[str, Cell]:
    counts: dict[str, int] = {}
    for trial in job.trials:
        counts[trial.status] = counts.get(trial.status, 0) + 1
    ended = [trial.ended for trial in job.trials if trial.ended is not None]
    head: dict[str, Cell] = {
        "Objective": "; ".join(map(_aim, objectives)),
        "Algorithm": "not known" if job.algorithm is None else job.algorithm.algorithm_name,
        "Trials": f"{len(job.trials)} of {job.trial_config.num_trials}: "
        + (", ".join(f"{count} {status}" for status, count in counts.items()) or "none so far"),
        "Engine": job.engine,
        "Made": moment(job.creation_timestamp),
        "Last trial ended": moment(max(ended)) if ended else None,
        "Reason": hide_credentials(job.reason),
    }
    if ended and job.status in ENDED:
        head["Took"] = duration_text((max(ended) - job.creation_timestamp).total_seconds())
    return head


def _aim(objective: Objective) -> str:
    goal = "" if objective.goal is None else f", goal {objective.goal:g}"
    return f"{cast('Direction', objective.direction).value} {objective.metric}{goal}"


def _best(trial: Trial) -> dict[str, Cell]:
    shown: dict[str, Cell] = {name: _parameter_cell(name, value) for name, value in trial.parameters.items()}
    for metric in trial.metrics:
        shown[f"{metric.name} (metric)"] = _number(metric.latest)
    return shown


def _front(job: OptimizationJob, objectives: Sequence[Objective]) -> tuple[list[str], list[Sequence[Cell]]]:
    if len(objectives) < 2:
        return [], []
    rows: list[Sequence[Cell]] = [
        [
            trial.name,
            *(_number(objective.value(trial.metrics)) for objective in objectives),
            *(_parameter_cell(name, trial.parameters.get(name)) for name in job.search_space),
        ]
        for trial in job.pareto_front
    ]
    return ["trial", *(objective.metric for objective in objectives), *job.search_space], rows


def _progress(job: OptimizationJob, objective: Objective, best: Trial | None, most: int) -> TrialPlot:
    trials = sorted(job.trials, key=lambda trial: trial.number)
    rated = [(trial, value) for trial in trials if (value := objective.value(trial.metrics)) is not None]
    steps: list[PlotPoint] = []
    for trial, value in rated:
        better = not steps or (value > steps[-1].y if objective.maximizes else value < steps[-1].y)
        if trial.status == "Complete" and better:
            steps.append(PlotPoint(trial.number, value, trial.name))
    if steps:
        steps.append(PlotPoint(max(trial.number for trial, _ in rated), steps[-1].y, "the best"))
    points = [_point(trial, trial.number, value, objective, best) for trial, value in rated]
    notes = ["The line is the best so far."] if steps else []
    notes += _notes(job, points, most)
    return TrialPlot(_aim(objective), "trial", _fewer(points, most), steps=steps, notes=notes)


def _parameter(job: OptimizationJob, name: str, objective: Objective, best: Trial | None, most: int) -> TrialPlot:
    space = job.search_space[name]
    points: list[PlotPoint] = []
    for trial in sorted(job.trials, key=lambda trial: trial.number):
        value = objective.value(trial.metrics)
        place = _place(space, trial.parameters.get(name)) if name in trial.parameters else None
        if value is not None and place is not None:
            points.append(_point(trial, place, value, objective, best))
    title = f"{objective.metric} by {name}"
    axis = _axis(space, [point.x for point in points])
    return TrialPlot(title, name, _fewer(points, most), axis=axis, notes=_notes(job, points, most))


def _point(trial: Trial, x: float, value: float, objective: Objective, best: Trial | None) -> PlotPoint:
    kind = _BEST if trial is best else _KINDS.get(trial.status, _OTHER)
    return PlotPoint(x, value, f"{trial.name}: {objective.metric} {value:.6g}", kind)


def _fewer(points: Sequence[PlotPoint], most: int) -> list[PlotPoint]:
    """Return the points, or so many of them at even distances; the best one is always there, and drawn last."""
    step = math.ceil(len(points) / most) if points else 1
    kept = [point for index, point in enumerate(points) if index % step == 0 or point.kind == _BEST]
    return sorted(kept, key=lambda point: point.kind == _BEST)


def _notes(job: OptimizationJob, points: Sequence[PlotPoint], most: int) -> list[str]:
    notes: list[str] = []
    if len(points) > most:
        notes.append(f"{len(_fewer(points, most)):,} of {len(points):,} trials are drawn.")
    if without := len(job.trials) - len(points):
        notes.append(f"{without:,} trial(s) have no finite value.")
    return notes


def _place(space: Space, value: object) -> float | None:
    if isinstance(space, CategoricalSearchSpace):
        return float(space.index(value)) if space.contains(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _axis(space: Space, values: Sequence[float]) -> PlotAxis | None:
    if isinstance(space, CategoricalSearchSpace):
        return PlotAxis(-0.5, len(space.choices) - 0.5, categories=[short(choice) for choice in space.choices])
    logarithmic = space.log if isinstance(space, IntegerSearchSpace) else space.distribution in _LOG
    if not logarithmic or not values or min(values) <= 0 or min(values) == max(values):
        return None
    return PlotAxis(min(values), max(values), logarithmic=True)


def _drawn_from(space: Space) -> str:
    if isinstance(space, CategoricalSearchSpace):
        return "one of " + ", ".join(short(choice) for choice in space.choices)
    if isinstance(space, ContinuousSearchSpace):
        low, high = ("-∞" if space.min is None else f"{space.min:g}"), ("∞" if space.max is None else f"{space.max:g}")
        step = "" if space.step is None else f", step {space.step:g}"
        return f"{low} to {high}, {space.distribution.value}{step}"
    step = "" if space.step == 1 else f", step {space.step}"
    return f"whole numbers {space.min} to {space.max}{', by order of magnitude' if space.log else ''}{step}"


def _algorithm(job: OptimizationJob) -> dict[str, Cell]:
    settings = {} if job.algorithm is None else job.algorithm.to_dict()
    found: dict[str, Cell] = {name: str(value) for name, value in settings.items() if value is not None}
    config = job.trial_config
    found |= {"trials": config.num_trials, "at once": config.parallel_trials}
    if config.max_failed_trials is not None:
        found["failed trials at most"] = config.max_failed_trials
    for name, seconds in (("time at most", config.timeout), ("time of a trial at most", config.trial_timeout)):
        if seconds is not None:
            found[name] = duration_text(seconds)
    return found


def _cell(column: str, value: object) -> Cell:
    if column == "status":
        return status_cell(str(value))
    if column.startswith("parameters."):
        return _parameter_cell(column.removeprefix("parameters."), value)
    return _value(column, value)


def _parameter_cell(name: str, value: object) -> Cell:
    return "None" if value is None else _value(name, value)  # a choice like any other


def _value(name: str, value: object) -> Cell:
    if value is None:
        return None
    if isinstance(value, str):
        return "***" if looks_secret(name) else hide_credentials(value)
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return short(value)


def _number(value: float | None) -> Cell:
    return value if value is None or math.isfinite(value) else str(value)
