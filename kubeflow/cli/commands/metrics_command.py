"""`kubeflow metrics`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from kubeflow.cli.command_times import when
from kubeflow.cli.result_output import ResultColumn, print_data, print_items, print_name
from kubeflow.cli.shared_options import ConnectionOptions, OutputFormat, OutputOption
from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.trainer import MetricHistory, MetricPoint


@dataclass(frozen=True)
class MetricSummary:
    """One metric in a line: its last, smallest and largest value (NaN left out), and how many there are."""

    name: str
    last: float
    least: float
    most: float
    count: int
    source: str


SUMMARY_COLUMNS: Sequence[ResultColumn[MetricSummary]] = (
    ResultColumn("METRIC", lambda metric: metric.name),
    ResultColumn("LAST", lambda metric: _number(metric.last)),
    ResultColumn("MIN", lambda metric: _number(metric.least)),
    ResultColumn("MAX", lambda metric: _number(metric.most)),
    ResultColumn("VALUES", lambda metric: str(metric.count)),
    ResultColumn("SOURCE", lambda metric: metric.source),
)
POINT_COLUMNS: Sequence[ResultColumn[MetricPoint]] = (
    ResultColumn("METRIC", lambda point: point.name),
    ResultColumn("STEP", lambda point: "" if point.step is None else str(point.step)),
    ResultColumn("RANK", lambda point: "" if point.rank is None else str(point.rank)),
    ResultColumn("VALUE", lambda point: _number(point.value)),
    ResultColumn("SOURCE", lambda point: point.source),
    ResultColumn("TIME", lambda point: when(point.time)),
)


def metrics(
    name: Annotated[str, typer.Argument(metavar="JOB", help="The job.")],
    connection: ConnectionOptions,
    wanted: Annotated[
        list[str] | None, typer.Argument(metavar="[METRIC]", help="Only these metrics; else all.")
    ] = None,
    output: OutputOption = OutputFormat.TABLE,
    history: Annotated[bool, typer.Option("--history", help="Every value, those of further ranks too.")] = False,
    plot: Annotated[
        str | None,
        typer.Option("--plot", metavar="FILE", help="Write a picture: .html, .png, .pdf, .svg or .jpg."),
    ] = None,
) -> None:
    """Show the metrics that a job returned, reported or printed: a line each, or with --history every value.

    $ kubeflow metrics train-3f2a
    $ kubeflow metrics train-3f2a loss --history -o json
    $ kubeflow metrics train-3f2a --plot loss.html
    """
    found = connection.trainer().get_job_metrics(name)
    names = list(dict.fromkeys(wanted or found.names))
    for metric in names:
        if metric not in found.names:
            raise InvalidInput(
                f"Job {name!r} has no metric {metric!r}.{did_you_mean(metric, found.names)} It has: "
                f"{', '.join(found.names) or 'none'}."
            )
    if plot is not None:
        print_name(str(found.save_plot(plot, names)))
        return
    if output in (OutputFormat.JSON, OutputFormat.YAML) and not wanted:
        print_data(found, output)
        return
    points = [point for point in (*found.points, *found.others) if point.name in names]
    none = f"Job {name!r} has given no metrics."
    if history or output in (OutputFormat.JSON, OutputFormat.YAML):
        print_items(points, POINT_COLUMNS, output, none=none)
    else:
        print_items([_summary(found, metric) for metric in names], SUMMARY_COLUMNS, output, none=none)


def _summary(history: MetricHistory, metric: str) -> MetricSummary:
    points = history.of(metric)
    values = [point.value for point in points if not math.isnan(point.value)] or [math.nan]
    return MetricSummary(metric, points[-1].value, min(values), max(values), len(points), points[-1].source)


def _number(value: float) -> str:
    return f"{value:.6g}"
