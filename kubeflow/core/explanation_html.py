"""An explanation, which is text with titled parts, as notebooks show it."""

from __future__ import annotations

from kubeflow.core import html
from kubeflow.core.stdlib import re

# "TrainJob 'a' is Failed: rank 0 ..." as every explanation begins.
_FIRST = re.compile(r"(?P<what>.*?) is (?P<status>[A-Z][A-Za-z]*)\b[.:]? ?(?P<why>.*)")
_AS_THEY_ARE = ("Log", "Timeline")  # what titles begin with whose lines are no sentences
_SHOWN = 200  # lines of a part


def explanation_html(text: str) -> str:
    """Return an explanation as a view: its first sentence with the status, and its parts below their titles.

    Args:
        text: Lines. One without indentation that ends in a colon is a title; the indented ones behind it are its part,
            in which logs and timelines stay as they are and every other line is a point.
    """
    lines = text.splitlines()
    intro: list[str] = []
    parts: list[tuple[str, list[str]]] = []
    for line in lines[1:]:
        if line and not line[0].isspace() and line.endswith(":"):
            parts.append((line[:-1], []))
        else:
            (parts[-1][1] if parts else intro).append(line[2:] if line.startswith("  ") else line)
    return html.view(
        _beginning(lines[0] if lines else ""),
        html.join(html.tag("p", line, class_="kf-muted") for line in intro),
        html.join(html.section(title, _part(title, inside)) for title, inside in parts),
    )


def _beginning(line: str) -> html.Html:
    said = _FIRST.fullmatch(line)
    if said is None:
        return html.heading(line)
    return html.join([html.heading(said["what"], said["status"]), html.tag("p", said["why"]) if said["why"] else None])


def _part(title: str, lines: list[str]) -> html.Html:
    if title.startswith(_AS_THEY_ARE) or any(line.startswith(" ") for line in lines):
        return html.preformatted(lines, most=_SHOWN)
    return html.bullets(line for line in lines[:_SHOWN] if line)
