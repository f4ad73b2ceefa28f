"""Pictures of the metrics of a job: with plotly, or with matplotlib for files and papers."""

from __future__ import annotations

import html
import math
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from kubeflow.core.errors import InvalidInput, MissingExtra, did_you_mean
from kubeflow.reporting.downsampling import downsampled
from kubeflow.trainer.types.metric_points import MetricPoint

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure
    from plotly.graph_objects import Figure as PlotlyFigure  # type: ignore[import-untyped,unused-ignore]

    MetricFigure: TypeAlias = PlotlyFigure | MatplotlibFigure

PictureLibrary = Literal["plotly", "matplotlib"]

MOST = 2_000
"""Values of a line that are drawn, but for those that are not finite."""
METRICS, RANKS = 12, 16
"""Metrics that are drawn where none is named, and lines of one metric."""

_WEB = (".html", ".htm")
_FILES = (".png", ".pdf", ".svg", ".jpg", ".jpeg")
_NEEDS = {"plotly": "plotly>=6", "matplotlib": "matplotlib>=3.8"}
_SHAPES = ("o", "s", "^", "D", "v", "P", "X", "*")
_DASHES = ("-", "--", "-.", ":")
_HEIGHT = 2.4  # inches of one metric


@dataclass(frozen=True, slots=True)
class MetricLine:
    """The values of one metric by one rank, in the order in which they are drawn.

    Attributes:
        label: Whose they are, like `"rank 0"`.
        steps: Where each is: its step, or its number among the values where the job counted none.
        values: The values; they may be NaN or infinite.
        total: How many there were before some were left out.
    """

    label: str
    steps: Sequence[int]
    values: Sequence[float]
    total: int

    @property
    def odd(self) -> list[tuple[int, float]]:
        """The values that are no numbers, each with its step."""
        return [(step, value) for step, value in zip(self.steps, self.values, strict=True) if not math.isfinite(value)]


@dataclass(frozen=True, slots=True)
class MetricPanel:
    """One metric, as it is drawn.

    Attributes:
        name: The metric.
        lines: A line for each rank that reported it, the lowest first; else one of the values that count.
        ranks: How many ranks reported it.
    """

    name: str
    lines: Sequence[MetricLine]
    ranks: int

    @property
    def notes(self) -> list[str]:
        """What a reader must know: what is left out, and what is no number."""
        notes: list[str] = []
        fewer = [line for line in self.lines if len(line.values) < line.total]
        if fewer:
            most = max(fewer, key=lambda line: line.total)
            each = "" if len(self.lines) == 1 else " a line"
            shown = f"{len(most.values):,} of {most.total:,} values{each}"
            notes.append(f"{shown}: the smallest and the largest of each interval")
        if self.ranks > len(self.lines):
            notes.append(f"{len(self.lines)} of {self.ranks} ranks")
        if odd := sum(len(line.odd) for line in self.lines):
            notes.append(f"{odd:,} NaN or infinite (\N{MULTIPLICATION SIGN})")
        return notes


def metric_panels(
    points: Iterable[MetricPoint], names: Sequence[str], most: int = MOST, ranks: int = RANKS
) -> list[MetricPanel]:
    """Return metrics as they are drawn.

    Args:
        points: The values of a job, those of all ranks.
        names: The metrics that are drawn.
        most: Values of a line, but for those that are not finite.
        ranks: Lines of a metric, those of the lowest ranks.
    """
    series: dict[str, dict[int | None, list[MetricPoint]]] = {name: {} for name in names}
    for point in points:
        if point.name in series:
            series[point.name].setdefault(point.rank, []).append(point)
    return [_panel(name, series[name], most, ranks) for name in names]


def _panel(name: str, series: Mapping[int | None, Sequence[MetricPoint]], most: int, ranks: int) -> MetricPanel:
    known = sorted(rank for rank in series if rank is not None)
    if known:
        return MetricPanel(name, [_line(f"rank {rank}", series[rank], most) for rank in known[:ranks]], len(known))
    points = series[None]
    # What the function returned at the end is no step of the others.
    steps = [point for point in points if point.source != "returned"] or points
    return MetricPanel(name, [_line(steps[0].source, steps, most)], 1)


def metric_figure(
    points: Sequence[MetricPoint], metrics: Collection[str] | None, library: PictureLibrary = "plotly"
) -> MetricFigure:
    """Return a picture of metrics; see `MetricHistory.plot`.

    Args:
        points: The values of a job, those of all ranks.
        metrics: The metrics that are drawn; `None` for the first twelve.
        library: What draws.
    """
    if library not in get_args(PictureLibrary):
        raise InvalidInput(f"library is 'plotly' or 'matplotlib', not {library!r}.")
    names = _chosen(points, metrics)
    if find_spec(library) is None:
        raise MissingExtra("A picture", _NEEDS[library], "plots")
    panels = metric_panels(points, names)
    return _plotly(panels) if library == "plotly" else _matplotlib(panels)


def save_metric_figure(
    points: Sequence[MetricPoint], path: str | os.PathLike[str], metrics: Collection[str] | None = None
) -> Path:
    """Write a picture of metrics to a file, and return its path; see `MetricHistory.save_plot`."""
    file = Path(path)
    ending = file.suffix.lower()
    if ending not in (*_WEB, *_FILES):
        raise InvalidInput(f"{os.fspath(path)!r} has none of the endings {', '.join((*_WEB, *_FILES))}.")
    figure: Any = metric_figure(points, metrics, "plotly" if ending in _WEB else "matplotlib")
    try:
        if ending in _WEB:
            figure.write_html(file, include_plotlyjs=True)
        else:
            figure.savefig(file, bbox_inches="tight", dpi=150)
    except OSError as error:
        raise InvalidInput(f"The picture cannot be written to {str(file)!r}: {error.strerror or error}.") from error
    return file


def _chosen(points: Iterable[MetricPoint], metrics: Collection[str] | None) -> list[str]:
    known = list(dict.fromkeys(point.name for point in points))
    if not known:
        raise InvalidInput(
            "The job has given no metric so far, so there is nothing to draw: call kubeflow.optimizer.report(), return "
            "numbers by name, or print lines like loss=0.3."
        )
    if metrics is None:
        return known[:METRICS]
    wanted = [metrics] if isinstance(metrics, str) else list(metrics)
    if not wanted:
        raise InvalidInput("metrics names no metric: leave it out for all of them.")
    for name in wanted:
        if name not in known:
            shown = ", ".join(known[:20])
            raise InvalidInput(f"The job has no metric {name!r}.{did_you_mean(str(name), known)} It has: {shown}.")
    return wanted


def _line(label: str, points: Sequence[MetricPoint], most: int) -> MetricLine:
    counted = all(point.step is not None for point in points)
    values = [point.value for point in points]
    kept = downsampled(values, most)
    steps = [_step(points[index], index) if counted else index for index in kept]
    return MetricLine(label, steps, [values[index] for index in kept], len(values))


def _step(point: MetricPoint, index: int) -> int:
    return index if point.step is None else point.step


def _edge(lines: Sequence[MetricLine], value: float) -> float:
    """Return where a cross stands for a value that is no number: above for infinity, below otherwise."""
    finite = [each for line in lines for each in line.values if math.isfinite(each)] or [0.0]
    return max(finite) if value == math.inf else min(finite)


def _title(panel: MetricPanel) -> str:
    return ". ".join([panel.name, *panel.notes])


def _plotly(panels: Sequence[MetricPanel]) -> MetricFigure:
    from plotly.subplots import make_subplots  # type: ignore[import-untyped,unused-ignore]

    titles = [html.escape(_title(panel)) for panel in panels]  # its texts are a kind of HTML
    space = min(0.12, 0.4 / len(panels))
    figure: Any = make_subplots(rows=len(panels), cols=1, subplot_titles=titles, vertical_spacing=space)
    shown: set[str] = set()
    for row, panel in enumerate(panels, start=1):
        for index, line in enumerate(panel.lines):
            figure.add_scatter(
                x=list(line.steps),
                y=[value if math.isfinite(value) else None for value in line.values],
                mode="lines+markers" if len(line.values) <= 50 else "lines",
                name=html.escape(line.label),
                legendgroup=line.label,
                showlegend=line.label not in shown,
                line={"dash": ("solid", "dash", "dashdot", "dot")[index % 4]},
                row=row,
                col=1,
            )
            shown.add(line.label)
            if line.odd:
                figure.add_scatter(
                    x=[step for step, _ in line.odd],
                    y=[_edge(panel.lines, value) for _, value in line.odd],
                    text=[f"{value}" for _, value in line.odd],
                    mode="markers",
                    marker={"symbol": "x", "size": 9, "color": "#c0392b"},
                    name="NaN or infinite",
                    showlegend=False,
                    row=row,
                    col=1,
                )
        figure.update_xaxes(title_text="step", row=row, col=1)
    figure.update_layout(height=120 + 260 * len(panels))
    return figure


def _matplotlib(panels: Sequence[MetricPanel]) -> MetricFigure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.6 + _HEIGHT * len(panels)), layout="constrained")
    all_axes: Any = figure.subplots(len(panels), 1, squeeze=False)
    for axes, panel in zip(all_axes[:, 0], panels, strict=True):
        axes.set_title(
            _title(panel).replace("$", r"\$"), fontsize=9, loc="left", wrap=True
        )  # a dollar begins a formula
        for index, line in enumerate(panel.lines):
            axes.plot(
                line.steps,
                [value if math.isfinite(value) else math.nan for value in line.values],
                _DASHES[index % len(_DASHES)],
                marker=_SHAPES[index % len(_SHAPES)] if len(line.values) <= 50 else None,
                markersize=3,
                label=line.label,
            )
            for step, value in line.odd:
                axes.plot([step], [_edge(panel.lines, value)], "x", color="#c0392b")
        axes.set_xlabel("step")
        axes.grid(visible=True, alpha=0.3)
        axes.legend(fontsize=8)
    return figure
