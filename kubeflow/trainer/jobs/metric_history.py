"""The metrics of a job: every value that its function returned, reported or printed, and where each came from."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, overload

from kubeflow.core.plain import dict_of_fields
from kubeflow.core.stdlib import re
from kubeflow.packaging.remote.reports import metrics_of
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.constants import constants
from kubeflow.trainer.errors import NoJobResult
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.jobs.steps import FirstNode
from kubeflow.trainer.types.jobs import TrainJob
from kubeflow.trainer.types.metric_points import MetricPoint

if TYPE_CHECKING:
    import pandas as pd

    from kubeflow.trainer.jobs.metric_pictures import MetricFigure, PictureLibrary

# Katib's grammar is name=value; a colon, quotes around the name, and text that goes on after a full stop are ours.
_BEFORE = r"(?<![\w./|-])"
_NAME = r"[A-Za-z_][\w./|-]*"
_VALUE = r"[\"']?\s*[=:]\s*([+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|nan|inf(?:inity)?))(?!\w|\.\d)"
_SHOWN = 6  # metrics of a history that its repr names
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)(?= )")


@dataclass(frozen=True)
class MetricHistory(Sequence[MetricPoint]):
    """The values of the metrics of a job, those of one metric in the order in which the job gave them.

    Of each metric there is one source besides the returned value: what was reported counts before the status, and that
    before what was printed. So a value that came by several ways is there once.

    Where several ranks report the same metric, that of the lowest rank counts: it is in `points`, which the history is
    a sequence of. What other ranks reported is in `others`.

    Attributes:
        points: The values. What the function returned comes last.
        others: What further ranks reported of the same metrics.
        event_files: The event files of TensorBoard in the job's folder and in that of its output, where these are on
            this machine: `tensorboard --logdir` shows them. Their values are not in the history.
    """

    points: tuple[MetricPoint, ...] = ()
    others: tuple[MetricPoint, ...] = ()
    event_files: tuple[str, ...] = ()

    to_dict = dict_of_fields

    def __repr__(self) -> str:
        """Return the newest value of each metric, and how many values there are."""
        last = {point.name: point.value for point in self.points}
        newest = ", ".join(f"{name}={value:.6g}" for name, value in islice(last.items(), _SHOWN))
        more = f", {len(last) - _SHOWN} more metrics" if len(last) > _SHOWN else ""
        others = f", {len(self.others)} of further ranks" if self.others else ""
        files = f", {len(self.event_files)} event file(s)" if self.event_files else ""
        return f"MetricHistory({newest or 'empty'}{more}; {len(self.points)} values{others}{files})"

    def _repr_html_(self) -> str:
        """Return, as notebooks show it, a line for each metric: its newest, least and greatest value."""
        from kubeflow.core import html

        by_name: dict[str, list[MetricPoint]] = {}
        for point in self.points:
            by_name.setdefault(point.name, []).append(point)

        def line(points: list[MetricPoint]) -> list[html.Cell]:
            finite = [point.value for point in points if point.finite]
            ends: list[html.Cell] = [min(finite), max(finite)] if finite else [None, None]
            steps = [point.step for point in points if point.step is not None]
            last = points[-1]
            return [last.name, last.value, *ends, len(points), steps[-1] if steps else None, last.source]

        heads = ["Metric", "Newest", "Least", "Greatest", "Values", "Step", "Source"]
        counted = f"{len(self.points):,} values of {len(by_name):,} metrics" if by_name else "no metrics"
        others = f", {len(self.others):,} of further ranks" if self.others else ""
        return html.view(
            html.heading("Metrics"),
            html.tag("p", counted + others, class_="kf-muted"),
            html.table(heads, map(line, by_name.values()), what="metrics") if by_name else None,
            html.section("Event files of TensorBoard", html.bullets(self.event_files)),
        )

    def __len__(self) -> int:
        return len(self.points)

    @overload
    def __getitem__(self, index: int) -> MetricPoint: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[MetricPoint, ...]: ...

    def __getitem__(self, index: int | slice) -> MetricPoint | tuple[MetricPoint, ...]:
        return self.points[index]

    def __iter__(self) -> Iterator[MetricPoint]:
        return iter(self.points)

    @property
    def names(self) -> list[str]:
        """The metrics, in the order in which they were first given."""
        return list(dict.fromkeys(point.name for point in self.points))

    def of(self, name: str, rank: int | None = None) -> list[MetricPoint]:
        """Return the values of one metric, oldest first; none when the job has not given it.

        Args:
            name: The metric.
            rank: Only what this rank reported. Default: the values that count.
        """
        if rank is None:
            return [point for point in self.points if point.name == name]
        return [point for point in chain(self.points, self.others) if point.name == name and point.rank == rank]

    def ranks(self, name: str) -> list[int]:
        """Return the ranks that reported a metric, ascending; the first one is the one that counts."""
        both = chain(self.points, self.others)
        return sorted({point.rank for point in both if point.name == name and point.rank is not None})

    def latest(self, name: str) -> float | None:
        """Return the value that counts at the end: the returned one, else the last; `None` where there is none."""
        values = self.of(name)
        return values[-1].value if values else None

    def to_dataframe(self) -> pd.DataFrame:
        """Return all values as a data frame of pandas, a row each, those of further ranks after those that count.

        The columns: `metric`, `rank` and `step` (whole numbers, or missing), `time` (in UTC, or missing), `value`,
        `source`.

        Raises:
            MissingExtra: pandas is not installed.
        """
        from kubeflow.trainer.jobs.metric_table import metric_frame

        return metric_frame((*self.points, *self.others))

    def plot(self, metrics: Collection[str] | None = None, *, library: PictureLibrary = "plotly") -> MetricFigure:
        """Return a picture: for each metric its values by step, a line for each rank.

        Of a line of more than 2,000 values those are drawn that are smallest or largest near them, and its title says
        so. A NaN or an infinity is a gap, with a cross at the edge.

        Args:
            metrics: The metrics. Default: the first twelve of all.
            library: `"plotly"` is interactive, `"matplotlib"` is for files and papers.

        Raises:
            InvalidInput: There is no such metric, or none at all.
            MissingExtra: The library is not installed.
        """
        from kubeflow.trainer.jobs.metric_pictures import metric_figure

        return metric_figure((*self.points, *self.others), metrics, library)

    def save_plot(self, path: str | os.PathLike[str], metrics: Collection[str] | None = None) -> Path:
        """Write the picture of `plot` to a file, and return its path.

        Args:
            path: `.html` is an interactive page by plotly; `.png`, `.pdf`, `.svg` and `.jpg` are by matplotlib. A file
                that is there is replaced.
            metrics: As for `plot`.

        Raises:
            InvalidInput: As for `plot`; the file has another ending, or cannot be written.
            MissingExtra: The library is not installed.
        """
        from kubeflow.trainer.jobs.metric_pictures import save_metric_figure

        return save_metric_figure((*self.points, *self.others), path, metrics)


def lowest_ranks(points: Iterable[MetricPoint]) -> tuple[list[MetricPoint], list[MetricPoint]]:
    """Return, of what ranks reported, that of the lowest rank of each metric, and the rest."""
    known = list(points)
    lowest: dict[str, int] = {}
    for point in known:
        if point.rank is not None:
            lowest[point.name] = min(point.rank, lowest.get(point.name, point.rank))
    counting = [point for point in known if point.rank == lowest.get(point.name)]
    return counting, [point for point in known if point.rank != lowest.get(point.name)]


def metric_history(
    backend: Backend, job: TrainJob, wanted: Collection[str] = (), single: str = "loss"
) -> MetricHistory:
    """Return the metrics of a job; see `TrainerClient.get_job_metrics`.

    Args:
        backend: Where the job is.
        job: The job as it is now.
        wanted: Metrics. When all of them are found elsewhere, the logs are not read; empty for all that there are.
        single: What a metric is called that the function returned as nothing but a number.
    """
    returned = _returned(backend, job, single)
    points, others = lowest_ranks(backend.reports(job.name))
    known = {point.name for point in points}
    points += [point for point in _status(job) if point.name not in known]
    known = {point.name for point in points}
    if not wanted or set(wanted) - known - {point.name for point in returned}:
        lines = backend.get_job_logs(job.name, LogSelection(FirstNode.STEP))
        points += [point for point in printed_metrics(lines, wanted) if point.name not in known]
    return MetricHistory((*points, *returned), tuple(others))


def printed_metrics(lines: Iterable[str], wanted: Collection[str] = ()) -> Iterator[MetricPoint]:
    """Yield the metrics in log lines, as in `epoch 3: loss=0.31 acc: 0.9`.

    Args:
        lines: The lines, which may begin with a time.
        wanted: Only these metrics, whose names may be any text; empty for all whose names are words with `.`, `/`, `-`
            or `|` in them.
    """
    name = "|".join(map(re.escape, sorted(wanted, key=len, reverse=True))) or _NAME
    pattern = re.compile(f"{_BEFORE}({name})(?i:{_VALUE})")  # the case of names counts, that of NaN does not
    for line in lines:
        time = _TIME.match(line)
        when = None if time is None else datetime.fromisoformat(time[0])
        for found in pattern.finditer(line, 0 if time is None else time.end()):
            yield MetricPoint(found[1], float(found[2]), "printed", None, when)


def _returned(backend: Backend, job: TrainJob, single: str) -> list[MetricPoint]:
    if job.status != constants.TRAINJOB_COMPLETE:
        return []
    try:
        outcome = backend.outcome(job.name)
    except NoJobResult:  # what could say it is gone: what was reported and printed is left
        return []
    values = {} if outcome is None or outcome.no_result else metrics_of(outcome.result, single)
    return [MetricPoint(name, value, "returned") for name, value in values.items()]


def _status(job: TrainJob) -> Iterator[MetricPoint]:
    for name, value in job.metrics.items():
        try:
            yield MetricPoint(name, float(value), "status")
        except ValueError:  # a text, which is no metric to compare
            continue
