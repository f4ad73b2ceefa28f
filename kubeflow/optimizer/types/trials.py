"""The trials of a search with their metrics, and how tables show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from kubeflow.core.display import repr_of_fields, shown_values, values_line
from kubeflow.core.plain import dict_of_fields
from kubeflow.core.shown_list import ShownList, objects_table, objects_text
from kubeflow.core.tracebacks import thin_all
from kubeflow.trainer.types.jobs import TrainJob

if TYPE_CHECKING:
    from kubeflow.core.html import Cell, Html

TrialStatus = Literal["Created", "Running", "Complete", "Failed", "Stopped", "Unknown"]
"""The statuses of a trial. It ends as `Complete`, `Failed`, or `Stopped` by a rule of early stopping or by its user."""


@dataclass(frozen=True)
class Metric:
    """What is known of one metric of a trial. A value that is not known is `None`.

    Attributes:
        name: Its name.
        min: Its smallest value; NaN does not count.
        max: Its largest value; NaN does not count.
        latest: Its last value, which may be NaN.
    """

    name: str
    min: float | None = None
    max: float | None = None
    latest: float | None = None

    __repr__ = repr_of_fields
    to_dict = dict_of_fields


@dataclass(frozen=True)
class Trial:
    """One job of a search.

    Attributes:
        name: Its name, which is that of its job.
        parameters: Values by name, of the types of the search space.
        trainjob: The job; `None` while there is none, and when it is gone.
        metrics: Its metrics.
        number: Its number in the search, from 0.
        status: `Created`, `Running`, `Complete`, `Failed`, `Stopped` or `Unknown`.
        reason: Why it has this status, in words, like `"loss was nan"`; mostly empty.
        started: When its job was made.
        ended: When it ended.
    """

    name: str
    parameters: Mapping[str, object]
    trainjob: TrainJob | None = None
    metrics: Sequence[Metric] = ()
    number: int = 0
    status: TrialStatus = "Unknown"
    reason: str = ""
    started: datetime | None = None
    ended: datetime | None = None

    __repr__ = repr_of_fields
    to_dict = dict_of_fields

    def _repr_html_(self) -> str:
        """Return the trial as notebooks show it: status, why, parameters, metrics."""
        from kubeflow.core import html

        return html.view(
            html.heading(f"Trial {self.number}, {self.name}", self.status),
            html.tag("p", self.reason) if self.reason else None,
            html.facts({"Started": self.started, "Took": trial_time(self)}),
            html.section("Parameters", html.facts(shown_values(self.parameters))),
            html.section("Metrics", metrics_table(self.metrics) if self.metrics else None),
        )


class Trials(tuple[Trial, ...]):
    """The trials of a search: a `tuple` in every respect, shown with a line for each."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return a table as text."""
        return objects_text(self, trial_row, "trials") if self else "()"

    def _repr_html_(self) -> str:
        from kubeflow.core import html

        return html.view(objects_table(self, trial_row, "trials"))


class TrialList(ShownList[Trial]):
    """Trials, shown with a line for each: what `pareto_front` is."""

    WHAT = "trials"

    @classmethod
    def row(cls, item: Trial) -> Mapping[str, Cell]:  # noqa: D102
        return trial_row(item)


def trial_row(trial: Trial) -> Mapping[str, Cell]:
    """Return the cells of a trial in a table of trials, by column."""
    from kubeflow.core.html import StatusWord

    values = {metric.name: metric.latest for metric in trial.metrics if metric.latest is not None}
    return {
        "Trial": trial.number,
        "Status": StatusWord(trial.status),
        "Metrics": values_line(values),
        "Parameters": values_line(trial.parameters),
        "Took": trial_time(trial),
        "Name": trial.name,
        "Why": trial.reason,
    }


def trial_time(trial: Trial) -> str | None:
    """Return how long a trial took, like `3 min`; `None` while that is not known."""
    from kubeflow.core.durations import duration_text

    if trial.started is None or trial.ended is None:
        return None
    return duration_text((trial.ended - trial.started).total_seconds())


def metrics_table(metrics: Sequence[Metric]) -> Html:
    """Return a line for each metric: its newest, least and greatest value."""
    from kubeflow.core import html

    rows: list[list[Cell]] = [[each.name, each.latest, each.min, each.max] for each in metrics]
    return html.table(["Metric", "Newest", "Least", "Greatest"], rows, what="metrics")


thin_all(globals())
