"""The page of a search for hyperparameters, of what a client has gathered about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kubeflow.core.display import moment
from kubeflow.core.html import NOTHING, Cell, Html, StatusWord, details, facts, join, preformatted, table, tag
from kubeflow.reporting.curves import PlotPoint, point_plot, sample
from kubeflow.reporting.plot_frame import PlotAxis
from kubeflow.reporting.report_page import ReportSection, cut, fitting, panel, panels, report_page, said

# Bytes of a section at most; together less than a page may have.
_TRIALS, _CAUSES, _SPACE, _EVENTS, _EXPLAINED = 500_000, 100_000, 60_000, 150_000, 60_000
_LINE, _NAME = 600, 120  # characters


@dataclass(frozen=True, slots=True)
class TrialPlot:
    """Trials as points.

    Attributes:
        title: What is drawn.
        label: What the lower side has.
        points: The trials.
        axis: The lower side; `None` for as much as the points take.
        steps: The best so far; empty for none.
        notes: What a reader must know.
    """

    title: str
    label: str
    points: Sequence[PlotPoint]
    axis: PlotAxis | None = None
    steps: Sequence[PlotPoint] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class StudyPageData:
    """All that the page of a search shows. What could not be found out is in `gaps`.

    Attributes:
        name: Its name.
        status: Its status.
        head: Objectives, algorithm, counts and times.
        explained: Why it is where it is, as `explain` says it.
        best: The parameters and metrics of the best trial; empty while there is none.
        best_title: Which trial that is.
        front: The trials of the Pareto front, where there are several objectives: heads, then rows.
        progress: Each objective by trial.
        kinds: What the marks of points mean, in their order.
        parameters: Each parameter against the first objective.
        trial_heads: The heads of the table of trials.
        trials: A row for each trial.
        causes: The failed trials: name, cause.
        space: A row for each parameter: name, what it is drawn from.
        algorithm: The algorithm and its settings, trials, limits.
        events: What happened: time, to what, why, in words.
        gaps: Why a section has nothing, by the section's key.
        notes: What holds for all of it.
        made: When it was looked at.
    """

    name: str
    status: str
    head: Mapping[str, Cell]
    explained: str = ""
    best: Mapping[str, Cell] = field(default_factory=dict[str, Cell])
    best_title: str = ""
    front: tuple[Sequence[str], Sequence[Sequence[Cell]]] = ((), ())
    progress: Sequence[TrialPlot] = ()
    kinds: Sequence[str] = ()
    parameters: Sequence[TrialPlot] = ()
    trial_heads: Sequence[str] = ()
    trials: Sequence[Sequence[Cell]] = ()
    causes: Sequence[tuple[str, str]] = ()
    space: Sequence[tuple[str, str]] = ()
    algorithm: Mapping[str, Cell] = field(default_factory=dict[str, Cell])
    events: Sequence[tuple[datetime, str, str, str]] = ()
    gaps: Mapping[str, str] = field(default_factory=dict[str, str])
    notes: Sequence[str] = ()
    made: datetime = field(default_factory=lambda: datetime.now(UTC))


def study_page(data: StudyPageData, version: str) -> str:
    """Return the page of a search, at most 2 MB.

    Args:
        data: What it shows.
        version: Of this package, for the last line.
    """
    return report_page("Search", data.name, data.status, data.head, data.notes, _sections(data), data.made, version)


def _sections(data: StudyPageData) -> Iterator[ReportSection]:
    nothing = "No trial has a value so far."
    trials = _rows(data, "trials", data.trial_heads, data.trials, _TRIALS, "There is none.")
    failed = _rows(data, "failed", ("trial", "cause"), data.causes, _CAUSES, "None has failed.")
    space = _rows(data, "space", ("parameter", "drawn from"), data.space, _SPACE, "Not known.")
    happened: list[Sequence[Cell]] = [(moment(time), to, reason, words) for time, to, reason, words in data.events]
    heads = ("time", "what", "reason", "message")
    events = _rows(data, "events", heads, happened, _EVENTS, "There is none.", newest=True)
    yield ReportSection("best", "Best trial", _best(data))
    yield ReportSection("progress", "Objective by trial", _plots(data, data.progress, nothing))
    yield ReportSection("parameters", "Parameters", _plots(data, data.parameters, nothing))
    yield ReportSection("trials", "Trials", trials)
    yield ReportSection("failed", "Failed trials", failed)
    yield ReportSection("space", "Space and algorithm", join([space, facts(_short(data.algorithm))]))
    yield ReportSection("explained", "What came of it", _explained(data))
    yield ReportSection("events", "Events", events)


def _best(data: StudyPageData) -> Html:
    if not data.best:
        return said("No trial is complete with a value so far.")
    heads, rows = data.front
    front = NOTHING
    if rows:
        words = f"No other trial is better than these {len(rows):,} in one objective and as good in all others:"
        front = join([tag("p", words), _table(heads, rows, _CAUSES)])
    return join([tag("p", tag("strong", data.best_title)), facts(_short(data.best)), front])


def _plots(data: StudyPageData, plots: Sequence[TrialPlot], nothing: str) -> Html:
    if not plots:
        return said(nothing)
    drawn = [
        panel(
            cut(plot.title, _NAME),
            point_plot(
                plot.points, cut(plot.label, 40), f"{cut(plot.title, _NAME)}: {len(plot.points)} trials", x=plot.axis,
                steps=plot.steps,
            ),
            notes=plot.notes,
        )
        for plot in plots
    ]  # fmt: skip
    legend = [
        tag("span", sample(number, line=False), f" {kind}", style="margin-right: 14px; white-space: nowrap")
        for number, kind in enumerate(data.kinds)
    ]
    return join([tag("div", *legend, class_="kf-legend"), panels(drawn)])


def _rows(
    data: StudyPageData,
    key: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    most: int,
    nothing: str,
    *,
    newest: bool = False,
) -> Html:
    gap = said(cut(data.gaps[key], _LINE)) if key in data.gaps else NOTHING
    if not rows:
        return gap if str(gap) else said(nothing)
    return join([_table(heads, rows, most, newest=newest), gap])


def _table(heads: Sequence[str], rows: Sequence[Sequence[Cell]], most: int, *, newest: bool = False) -> Html:
    short: list[Sequence[Cell]] = [[_cut(cell) for cell in row] for row in rows]
    kept = fitting(short, most, newest=newest)
    left = len(rows) - len(kept)
    rest = said(f"{left:,} {'earlier' if newest else 'more'} rows are not shown.") if left else NOTHING
    return join([table([cut(head, _NAME) for head in heads], kept, most=len(kept)), rest])


def _cut(value: Cell) -> Cell:
    return cut(value, _LINE) if type(value) is str else value


def _short(entries: Mapping[str, Cell]) -> dict[str, Cell]:
    return {cut(name, _NAME): _cut(value) for name, value in [*entries.items()][:200]}


def _explained(data: StudyPageData) -> Html:
    if not data.explained:
        return said(cut(data.gaps.get("explained", "Not known."), _LINE))
    lines = [cut(line, _LINE) for line in data.explained.splitlines()]
    kept: list[str] = [str(row[0]) for row in fitting([[line] for line in lines], _EXPLAINED)]
    more = said(f"{len(lines) - len(kept):,} more lines are not shown.") if len(kept) < len(lines) else NOTHING
    return details("Explanation", preformatted(kept, most=len(kept)), more, opened=True)


def status_cell(status: str) -> StatusWord:
    """Return a status as a cell of a table, which shows it with its mark."""
    return StatusWord(status)
