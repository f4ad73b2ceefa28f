"""Flowcharts that pages write as Mermaid, drawn as SVG when the site is built: Mermaid comes from another host.

Known is what our pages use: boxes with and without a text, arrows with and without one, chains, several ends by `&`.
Layers run from top to bottom. A layer with more than five boxes takes several rows.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field
from itertools import combinations
from xml.sax.saxutils import escape

_BOX, _GAP, _ROW_GAP, _LINE, _PER_ROW, _CHARACTERS = 176, 22, 58, 15, 5, 25
_ARROW = re.compile(r"\s*(?:--\s*(?:\"([^\"]*)\"|([^->\"]+?))\s*-->|-->)\s*")
_NODE = re.compile(r"([\w.]+)(?:\[\(?\"([^\"]*)\"\)?\])?\Z")


@dataclass
class Flowchart:
    """Boxes and arrows.

    Attributes:
        texts: What stands in each box, by its name, in the order of the source.
        arrows: From which box to which, with a text.
    """

    texts: dict[str, str] = field(default_factory=dict[str, str])
    arrows: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])


def flowchart(source: str) -> Flowchart:
    """Read the source of a flowchart.

    Raises:
        ValueError: A line of it is not understood.
    """
    chart = Flowchart()
    for line in source.splitlines()[1:]:
        text = line.strip()
        if not text or text.startswith("%%"):
            continue
        labels = [quoted or plain or "" for quoted, plain in _ARROW.findall(text)]
        groups = [_nodes(part, chart) for part in _ARROW.sub("\0", text).split("\0")]
        for starts, label, ends in zip(groups, labels, groups[1:], strict=False):
            chart.arrows += [(start, end, label) for start in starts for end in ends]
    return chart


def _nodes(text: str, chart: Flowchart) -> list[str]:
    names: list[str] = []
    for part in text.split(" & "):
        match = _NODE.match(part.strip())
        if not match:
            raise ValueError(f"not understood in a flowchart: {part.strip()!r}")
        names.append(match[1])
        if match[2] or match[1] not in chart.texts:
            chart.texts[match[1]] = match[2] or match[1]
    return names


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle in pixels, from its left upper corner."""

    left: float
    top: float
    width: float
    height: float

    def overlaps(self, other: Area) -> bool:
        """Return True when both share some room."""
        across = self.left < other.left + other.width and other.left < self.left + self.width
        return across and self.top < other.top + other.height and other.top < self.top + self.height


def draw(chart: Flowchart) -> str:
    """Return HTML: an SVG in the colours of the page, and below it the texts of arrows that have no room in it."""
    boxes = _places(chart)
    width = max(box.left + box.width for box in boxes.values()) + _GAP
    height = max(box.top + box.height for box in boxes.values()) + 8
    arrows = [(boxes[start], boxes[end], label) for start, end, label in chart.arrows if start != end]
    labels = [(_middle(start, end), _wrapped(label, 24)) for start, end, label in arrows if label]
    crowded = _crowded([_label_area(middle, lines) for middle, lines in labels], list(boxes.values()))
    if crowded:
        labels = _apart(labels)
    parts = [_curve(start, end) for start, end, _ in arrows]
    for name, box in boxes.items():
        place = f'x="{box.left:.0f}" y="{box.top:.0f}" width="{box.width:.0f}" height="{box.height:.0f}"'
        parts.append(f'<rect {place} rx="5" class="box"/>')
        center = (box.left + box.width / 2, box.top + box.height / 2)
        parts.append(_text(center, _wrapped(chart.texts[name], _CHARACTERS), _LINE))
    for number, (middle, lines) in enumerate(labels, 1):
        if crowded:
            parts.append(f'<circle cx="{middle[0]:.0f}" cy="{middle[1]:.0f}" r="8" class="number"/>')
        parts.append(_text(middle, [str(number)] if crowded else lines, 12, "label"))
    words = escape("; ".join(f"{start} to {end}" for start, end, _ in chart.arrows), {'"': "&quot;"})
    marker = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="currentColor"/></marker></defs>'
    )
    below = "".join(f"<li>{escape(label)}</li>" for _, _, label in arrows if label)
    return (
        f'<svg class="drawing" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'style="width:{width:.0f}px" role="img" aria-label="{words}">{marker}{"".join(parts)}</svg>'
        + (f"<ol>{below}</ol>" if crowded else "")
    )


def _places(chart: Flowchart) -> dict[str, Area]:
    """Return where each box stands."""
    rows = _rows(chart)
    lines = {name: len(_wrapped(text, _CHARACTERS)) for name, text in chart.texts.items()}
    width = max(len(row) for row in rows) * (_BOX + _GAP) + _GAP
    boxes: dict[str, Area] = {}
    top = 8.0
    for row in rows:
        height = float(max(lines[name] for name in row) * _LINE + 14)
        left = (width - len(row) * (_BOX + _GAP) + _GAP) / 2
        for name in row:
            boxes[name] = Area(left, top, _BOX, height)
            left += _BOX + _GAP
        top += height + _ROW_GAP
    return boxes


def _ends(start: Area, end: Area) -> tuple[float, float, float, float]:
    """Return where an arrow begins and ends; those that lead upwards stand beside those that lead down."""
    down = end.top > start.top
    aside = 0 if down else 40
    y, to_y = (start.top + start.height, end.top) if down else (start.top, end.top + end.height)
    return start.left + _BOX / 2 + aside, y, end.left + _BOX / 2 + aside, to_y


def _curve(start: Area, end: Area) -> str:
    x, y, to_x, to_y = _ends(start, end)
    bend = _ROW_GAP * (0.55 if to_y > y else -0.55)
    curve = f"M{x:.0f} {y:.0f}C{x:.0f} {y + bend:.0f} {to_x:.0f} {to_y - bend:.0f} {to_x:.0f} {to_y:.0f}"
    return f'<path d="{curve}" class="arrow" marker-end="url(#tip)"/>'


def _middle(start: Area, end: Area) -> tuple[float, float]:
    """Return where the text of an arrow stands: half-way to the next row."""
    x, y, to_x, to_y = _ends(start, end)
    along = min(0.5, _ROW_GAP / 2 / (abs(to_y - y) or 1))
    aside = along if along == 0.5 else along * 0.7  # a curve begins upright
    return x + (to_x - x) * aside, y + (to_y - y) * along


def _label_area(middle: tuple[float, float], lines: list[str]) -> Area:
    width = max(map(len, lines)) * 5.6
    return Area(middle[0] - width / 2, middle[1] - len(lines) * 6, width, len(lines) * 12)


def _crowded(labels: list[Area], boxes: list[Area]) -> bool:
    """Return True when a text would lie over another one, or over a box."""
    over_boxes = any(label.overlaps(box) for label in labels for box in boxes)
    return over_boxes or any(one.overlaps(other) for one, other in combinations(labels, 2))


def _apart(labels: list[tuple[tuple[float, float], list[str]]]) -> list[tuple[tuple[float, float], list[str]]]:
    """Return numbers side by side that would lie over each other."""
    placed: list[tuple[tuple[float, float], list[str]]] = []
    for (wanted, y), lines in labels:
        x = wanted
        while any(abs(x - other_x) < 18 and abs(y - other_y) < 18 for (other_x, other_y), _ in placed):
            x += 19
        placed.append(((x, y), lines))
    return placed


def _text(center: tuple[float, float], lines: list[str], line_height: int, kind: str = "") -> str:
    first = center[1] - (len(lines) - 1) * line_height / 2 + 4
    spans = "".join(
        f'<tspan x="{center[0]:.0f}" y="{first + index * line_height:.0f}">{escape(line)}</tspan>'
        for index, line in enumerate(lines)
    )
    return f'<text class="{kind}" text-anchor="middle">{spans}</text>'


def _wrapped(text: str, characters: int) -> list[str]:
    """Return text in lines; paths break after their slashes."""
    lines = textwrap.wrap(re.sub(r"/(?=\w)", "/\0 ", text), characters)
    return [line.replace("\0 ", "").rstrip("\0") for line in lines]


def _rows(chart: Flowchart) -> list[list[str]]:
    """Return the boxes row by row: each below those that lead to it, as far as arrows lead in no circle."""
    depth = dict.fromkeys(chart.texts, 0)
    ahead = _without_circles(chart)
    for _ in chart.texts:
        for start, end in ahead:
            depth[end] = max(depth[end], depth[start] + 1)
    rows: list[list[str]] = []
    place: dict[str, float] = {}
    for level in range(max(depth.values(), default=0) + 1):
        layer = [name for name in chart.texts if depth[name] == level]
        before = {name: [place[start] for start, end in ahead if end == name and start in place] for name in layer}
        layer.sort(key=lambda name: sum(before[name]) / len(before[name]) if before[name] else 0.5)
        count = -(-len(layer) // _PER_ROW)
        size = -(-len(layer) // count)
        for at in range(0, len(layer), size):
            row = layer[at : at + size]
            rows.append(row)
            place |= {name: (index + 0.5) / len(row) for index, name in enumerate(row)}
    return rows


def _without_circles(chart: Flowchart) -> list[tuple[str, str]]:
    """Return the arrows without those that lead back to a box that leads to them."""
    chosen: list[tuple[str, str]] = []
    for start, end, _ in chart.arrows:
        reached, new = {end}, {end}
        while new := {after for before, after in chosen if before in new} - reached:
            reached |= new
        if start not in reached:
            chosen.append((start, end))
    return chosen
