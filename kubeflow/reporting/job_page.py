"""The page of a training job, of what a client has gathered about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kubeflow.core.display import moment
from kubeflow.core.html import (
    NOTHING,
    Cell,
    Html,
    bullets,
    details,
    facts,
    join,
    preformatted,
    status_mark,
    table,
    tag,
)  # fmt: skip
from kubeflow.core.terminal_text import CODES
from kubeflow.reporting.curves import PlotCurve, curve_plot
from kubeflow.reporting.report_page import ReportSection, cut, fitting, panel, panels, report_page, said, size
from kubeflow.reporting.timeline import TimelineLane, timeline

# Bytes of a section at most; together less than a page may have.
_LOGS, _TRACEBACK, _EVENTS, _TABLE, _VARIABLES, _DOCUMENT = 500_000, 40_000, 200_000, 100_000, 60_000, 150_000
_LINE, _FINDING, _WORDS, _NAME = 1_000, 500, 2_000, 120  # characters


@dataclass(frozen=True, slots=True)
class CurvePanel:
    """One metric: its lines, and what a reader must know of them."""

    name: str
    curves: Sequence[PlotCurve]
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class LogTail:
    """The last lines of one step.

    Attributes:
        step: The step.
        lines: The lines, without line ends.
        note: Why there are none, or which they are.
        failure: How the step failed, where it was the first to fail; else empty.
        telling: The line that says so, where it is among them.
    """

    step: str
    lines: Sequence[str]
    note: str = ""
    failure: str = ""
    telling: str = ""


@dataclass(frozen=True, slots=True)
class Happened:
    """An event: when, to what, why in one word, and in words."""

    time: datetime
    to: str
    reason: str
    message: str


@dataclass(frozen=True)
class JobPageData:
    """All that the page of a job shows. What could not be found out is in `gaps`.

    Attributes:
        kind: `"TrainJob"`.
        name: Its name.
        status: Its status.
        head: Runtime, nodes, times and the like.
        summary: One sentence: where it is, and why.
        findings: What is worth knowing.
        remedies: What to try.
        traceback: The traceback or the last lines of what failed first.
        result: What it returned, or how it failed, in words.
        lanes: Its steps.
        panels: Its metrics, drawn.
        metric_rows: Its metrics as a table: name, values, least, largest, last.
        metric_note: What is said below the metrics, such as where further files are.
        logs: The ends of its logs.
        events: What happened, oldest first.
        environment: What it ran in.
        variables: Environment variables, secrets hidden.
        document_title: What `document` is.
        document: The object that stands for it, as YAML; secrets are hidden.
        gaps: Why a section has nothing, by the section's key.
        notes: What holds for all of it.
        made: When it was looked at.
    """

    kind: str
    name: str
    status: str
    head: Mapping[str, Cell]
    summary: str = ""
    findings: Sequence[str] = ()
    remedies: Sequence[str] = ()
    traceback: Sequence[str] = ()
    result: str = ""
    lanes: Sequence[TimelineLane] = ()
    panels: Sequence[CurvePanel] = ()
    metric_rows: Sequence[Sequence[Cell]] = ()
    metric_note: Sequence[str] = ()
    logs: Sequence[LogTail] = ()
    events: Sequence[Happened] = ()
    environment: Mapping[str, Cell] = field(default_factory=dict[str, Cell])
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    document_title: str = "TrainJob"
    document: str = ""
    gaps: Mapping[str, str] = field(default_factory=dict[str, str])
    notes: Sequence[str] = ()
    made: datetime = field(default_factory=lambda: datetime.now(UTC))


def job_page(data: JobPageData, version: str) -> str:
    """Return the page of a job, at most 2 MB.

    Args:
        data: What it shows.
        version: Of this package, for the last line.
    """
    return report_page(data.kind, data.name, data.status, data.head, data.notes, _sections(data), data.made, version)


def _sections(data: JobPageData) -> Iterator[ReportSection]:
    yield ReportSection("diagnosis", "What came of it", _diagnosis(data))
    yield ReportSection("timeline", "Timeline", _or_gap(data, "timeline", _timeline(data), "No step has started."))
    yield ReportSection("metrics", "Metrics", _or_gap(data, "metrics", _metrics(data), "It has given no metric."))
    yield ReportSection("logs", "Logs", _or_gap(data, "logs", _logs(data.logs), "There is no log."))
    yield ReportSection("events", "Events", _or_gap(data, "events", _events(data), "There is none."))
    yield ReportSection("environment", "Environment", _or_gap(data, "environment", _environment(data), "Not known."))
    yield ReportSection("document", data.document_title, _or_gap(data, "document", _document(data), "Not known."))


def _or_gap(data: JobPageData, key: str, body: Html, nothing: str) -> Html:
    gap = said(cut(data.gaps[key], _WORDS)) if key in data.gaps else NOTHING
    return join([body, gap]) if str(body) or str(gap) else said(nothing)


def _diagnosis(data: JobPageData) -> Html:
    parts = [tag("p", f"{data.name} is {data.status}: {cut(data.summary, _WORDS)}" if data.summary else NOTHING)]
    if data.result:
        parts.append(tag("p", tag("strong", "Result: "), tag("code", cut(data.result, _WORDS))))
    parts.append(bullets(cut(finding, _FINDING) for finding in data.findings[:40]))
    if data.traceback:
        parts += [tag("p", tag("strong", "What failed first said:")), _tail(data.traceback, _TRACEBACK)]
    if data.remedies:
        parts += [tag("p", tag("strong", "What to try:")), bullets(cut(each, _FINDING) for each in data.remedies[:20])]
    if "diagnosis" in data.gaps:
        parts.append(said(cut(data.gaps["diagnosis"], _WORDS)))
    return join(parts)


def _timeline(data: JobPageData) -> Html:
    return timeline(data.lanes, data.made) if data.lanes else NOTHING


def _metrics(data: JobPageData) -> Html:
    drawn = [
        panel(
            cut(each.name, _NAME),
            curve_plot(each.curves, "step", f"{cut(each.name, _NAME)} by step, {len(each.curves)} line(s)"),
            notes=each.notes,
        )
        for each in data.panels
    ]
    rows = fitting([[cut(str(row[0]), _NAME), *row[1:]] for row in data.metric_rows], _TABLE)
    heads = ("metric", "values", "smallest", "largest", "last")
    listed = table(heads, rows, most=len(rows)) if rows else NOTHING
    more = len(data.metric_rows) - len(rows)
    rest = said(f"{more:,} more metrics are not shown.") if more else NOTHING
    files = bullets(cut(note, _WORDS) for note in data.metric_note)
    return join([panels(drawn) if drawn else NOTHING, listed, rest, files])


def _logs(logs: Sequence[LogTail]) -> Html:
    share = _LOGS // max(1, len(logs))
    return join([_log(tail, share) for tail in logs])


def _log(tail: LogTail, most: int) -> Html:
    title = [tag("strong", tail.step), f" {tail.note}" if tail.note else NOTHING]
    if tail.failure:
        title += [" ", status_mark("Failed"), f" first: {cut(tail.failure, _LINE)}"]
    body = _tail(tail.lines, most, tail.telling) if tail.lines else NOTHING
    # What failed is what a reader looks for; the rest is a click away.
    return details(join(title), body, opened=bool(tail.failure)) if tail.lines else tag("p", *title)


def _tail(lines: Sequence[str], most: int, telling: str = "") -> Html:
    """Return the last lines that fit, the telling one with a mark."""
    kept: list[str] = []
    left = most
    for line in reversed(lines):
        shown = cut(CODES.sub("", line), _LINE)
        left -= size(shown) + 1
        if left < 0:
            break
        kept.append(shown)
    kept.reverse()
    before = len(lines) - len(kept)
    first = [f"… {before:,} lines before"] if before else []
    place = max((index for index, line in enumerate(kept) if telling and telling in line), default=None)
    if place is None:
        return preformatted([*first, *kept], most=len(kept) + 1)
    marked = tag("strong", f"✕ {kept[place]}", class_="kf-bad", data_first_failure="yes")
    above = "\n".join([*first, *kept[:place], ""])
    return tag("pre", "\n", above, marked, "\n" + "\n".join(kept[place + 1 :]))


def _events(data: JobPageData) -> Html:
    rows: list[Sequence[Cell]] = [
        (_clock(event.time), cut(event.to, _NAME), cut(event.reason, _NAME), cut(event.message, _LINE))
        for event in data.events
    ]
    if not rows:
        return NOTHING
    kept = fitting(rows, _EVENTS, newest=True)
    before = said(f"{len(rows) - len(kept):,} events before these are not shown.") if len(kept) < len(rows) else NOTHING
    return join([before, table(("time", "what", "reason", "message"), kept, most=len(kept))])


def _clock(time: datetime) -> Html:
    return tag("span", moment(time), style="white-space: nowrap")


def _environment(data: JobPageData) -> Html:
    shown: dict[str, Cell] = {
        name: cut(value, _WORDS) if isinstance(value, str) else value for name, value in data.environment.items()
    }
    rows: list[Sequence[Cell]] = [(cut(name, _NAME), cut(value, _LINE)) for name, value in data.variables.items()]
    kept = fitting(rows, _VARIABLES)
    variables = NOTHING
    if rows:
        more = said(f"{len(rows) - len(kept):,} more are not shown.") if len(kept) < len(rows) else NOTHING
        variables = details(f"{len(rows)} environment variables", table(("name", "value"), kept, most=len(kept)), more)
    return join([facts(shown), variables])


def _document(data: JobPageData) -> Html:
    if not data.document:
        return NOTHING
    lines = data.document.splitlines()
    kept: list[str] = []
    left = _DOCUMENT
    for line in lines:
        shown = cut(line, _WORDS)
        left -= size(shown) + 1
        if left < 0:
            break
        kept.append(shown)
    more = said(f"{len(lines) - len(kept):,} more lines are not shown.") if len(kept) < len(lines) else NOTHING
    return details("YAML", preformatted(kept, most=len(kept)), more)
