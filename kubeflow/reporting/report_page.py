"""A report as one page of bounded size: a head, links to its sections, and words where something is left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kubeflow.core.display import moment
from kubeflow.core.html import Cell, Content, Html, facts, heading, join, link, page, tag, text
from kubeflow.reporting.report_file import MARK

LIMIT = 2_000_000
"""Bytes of a report at most."""


@dataclass(frozen=True, slots=True)
class ReportSection:
    """A part of a report.

    Attributes:
        key: What its link points to, a word.
        title: Its heading.
        body: What it shows.
    """

    key: str
    title: str
    body: Html


def report_page(
    kind: str,
    name: str,
    status: str,
    head: Mapping[str, Cell],
    notes: Sequence[str],
    sections: Iterable[ReportSection],
    made: datetime,
    version: str,
) -> str:
    """Return a report as the text of a file, of at most 2 MB: the largest sections give way, and say so.

    Args:
        kind: What it is of, like `"TrainJob"`.
        name: Its name.
        status: Its status.
        head: Facts that come first.
        notes: What a reader must know of all of it.
        sections: The parts, in order.
        made: When it was made.
        version: Of this package, which made it.
    """
    kept = list(sections)
    last = f"Made {moment(made)} by kubeflow {version}. Times are in UTC."
    while True:
        written = _page(kind, name, status, head, notes, kept, last)
        if len(written.encode("utf-8")) <= LIMIT:
            return written
        largest = max(range(len(kept)), key=lambda index: len(str(kept[index].body)))
        gone = kept[largest]
        words = f"Left out: this part is {len(str(gone.body)):,} characters long, and a report has 2 MB at most."
        kept[largest] = ReportSection(gone.key, gone.title, tag("p", words, class_="kf-muted"))


def _page(
    kind: str,
    name: str,
    status: str,
    head: Mapping[str, Cell],
    notes: Sequence[str],
    sections: Sequence[ReportSection],
    made: str,
) -> str:
    links = join([link(section.title, f"#{section.key}") for section in sections], " · ")
    parts = [
        tag("p", kind, class_="kf-muted"),
        heading(name, status, level=1),
        facts(head),
        *(tag("p", note, class_="kf-warn") for note in notes),
        tag("nav", links, aria_label="Sections"),
        *(
            tag("section", tag("h2", section.title, id=section.key), section.body, style="margin-top: 18px")
            for section in sections
        ),
        tag("p", made, class_="kf-muted", style="margin-top: 18px"),
    ]
    body = tag("div", *parts, style="max-width: 1120px; margin: 0 auto", **{MARK: kind})
    return page(f"{kind} {name}", body)


def said(words: str) -> Html:
    """Return a line that says why something is not there."""
    return tag("p", words, class_="kf-muted")


def panels(drawn: Iterable[Html]) -> Html:
    """Return plots side by side where the page is wide, below each other where it is not."""
    return tag("div", *drawn, style="display: flex; flex-wrap: wrap; gap: 12px 20px; align-items: flex-start")


def panel(title: Content, *contents: Content, notes: Sequence[str] = ()) -> Html:
    """Return a plot with a title that wraps, and notes below it."""
    below = [tag("div", note, class_="kf-muted", style="font-size: 0.9em") for note in notes]
    style = "margin: 0; width: 360px; max-width: 100%"
    return tag("figure", tag("figcaption", tag("strong", title)), *contents, *below, style=style)


def cut(value: str, most: int) -> str:
    """Return a text, or its beginning and how long it was."""
    return value if len(value) <= most else f"{value[:most]}… ({len(value):,} characters)"


def fitting(rows: Sequence[Sequence[Cell]], most: int, *, newest: bool = False) -> list[Sequence[Cell]]:
    """Return as many rows as fit into so many bytes of a page: the first ones, or with `newest` the last ones."""
    kept: list[Sequence[Cell]] = []
    left = most
    for row in reversed(rows) if newest else rows:
        left -= sum(size(str(cell)) + 20 for cell in row)
        if left < 0:
            break
        kept.append(row)
    return kept[::-1] if newest else kept


def size(value: str) -> int:
    """Return how many bytes a text takes in a page."""
    return len(str(text(value)).encode("utf-8"))
