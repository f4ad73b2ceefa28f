"""The trials of a search as a table: a row for each, a column for each parameter and metric."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubeflow.optimizer.errors import MissingExtra
from kubeflow.optimizer.types.optimization_types import OptimizationJob
from kubeflow.optimizer.types.trials import Trial

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, object]


def trial_rows(job: OptimizationJob) -> list[Row]:
    """Return a row for each trial, by number. All rows have the same columns, in the same order.

    The columns: `number`, `name`, `status`, `parameters.NAME`, `metrics.NAME`, `started`, `ended`, `seconds`, `reason`.
    A parameter is of the type of its space. Of a metric that is an objective, it is the value that counts; of any
    other, the last one. What is not known is `None`.
    """
    parameters = list(dict.fromkeys([*job.search_space, *(name for trial in job.trials for name in trial.parameters)]))
    objectives = {objective.metric: objective for objective in job.objectives}
    others = (metric.name for trial in job.trials for metric in trial.metrics)
    metrics = list(dict.fromkeys([*objectives, *others]))

    def value(trial: Trial, name: str) -> float | None:
        if name in objectives:
            return objectives[name].value(trial.metrics)
        return next((metric.latest for metric in trial.metrics if metric.name == name), None)

    def row(trial: Trial) -> Row:
        took = trial.ended - trial.started if trial.started is not None and trial.ended is not None else None
        return {
            "number": trial.number,
            "name": trial.name,
            "status": trial.status,
            **{f"parameters.{name}": trial.parameters.get(name) for name in parameters},
            **{f"metrics.{name}": value(trial, name) for name in metrics},
            "started": trial.started,
            "ended": trial.ended,
            "seconds": None if took is None else took.total_seconds(),
            "reason": trial.reason,
        }

    return [row(trial) for trial in sorted(job.trials, key=lambda trial: trial.number)]


def to_dataframe(job: OptimizationJob) -> pd.DataFrame:
    """Return the trials as a data frame of pandas, indexed by `number`; see `trial_rows` for the columns.

    Raises:
        MissingExtra: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise MissingExtra("A data frame", "pandas>=2.2", "plots") from None
    rows = trial_rows(job)
    frame = pd.DataFrame(rows) if rows else pd.DataFrame(columns=["number"])
    return frame.set_index("number")
