"""The frame of a plot as SVG: its box, grid, ticks and labels. Sizes are pixels, whatever the width of the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kubeflow.core.html import Html, tag
from kubeflow.core.terminal_text import columns, cut

WIDTH, HEIGHT = 360, 214
LEFT, RIGHT, TOP, BOTTOM = 66.0, 350.0, 10.0, 176.0
"""The box that values are drawn in."""

_FONT = 11
_DIGITS = 9
_COLUMN = 8.8  # pixels of a column of text; a wide character takes two
_X_TICKS, _Y_TICKS = 4, 5


@dataclass(frozen=True, slots=True)
class PlotAxis:
    """What stands along one side of a plot.

    Attributes:
        low: The least value.
        high: The largest value, not below `low`.
        logarithmic: True when equal ratios are equally far apart; then both are above 0.
        categories: Names instead of numbers: the value of each is its index.
    """

    low: float
    high: float
    logarithmic: bool = False
    categories: Sequence[str] = ()

    def part(self, value: float) -> float:
        """Return where a value is, from 0 to 1; what is outside of the axis is at its end."""
        if self.logarithmic:
            low, high, at = math.log10(self.low), math.log10(self.high), math.log10(max(value, self.low))
        else:  # halves, as the difference of two large numbers may be no number
            low, high, at = self.low / 2, self.high / 2, value / 2
        return 0.5 if high <= low else min(1.0, max(0.0, (at - low) / (high - low)))

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """Return values with their labels, ascending, at most so many."""
        if self.categories:
            each = math.ceil(len(self.categories) / most)
            shown = [(index, name) for index, name in enumerate(self.categories) if index % each == 0]
            room = int((RIGHT - LEFT) / len(shown) / _COLUMN)
            return [(index, cut(name, room)) for index, name in shown]
        if self.high <= self.low:
            return [(self.low, f"{self.low:.6g}")]
        if self.logarithmic:
            return self._powers(most)
        step = _round_step(self.high / most - self.low / most)
        if step <= 0:  # too close for numbers between them
            return [(self.low, f"{self.low:.6g}")]
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        values = sorted({index * step for index in range(first, min(last, first + most) + 1)})
        if len(values) < 2:
            return [(self.low, f"{self.low:.6g}")]
        largest = max(abs(self.low), abs(self.high))
        digits = min(_DIGITS, max(3, math.ceil(math.log10(largest / step)) + 1))
        labels = [f"{value:.{digits}g}" for value in values]
        if len(set(labels)) < len(labels):  # what differs is too far behind the point: the others count from the first
            labels = [f"{values[0]:.6g}", *(f"+{value - values[0]:.3g}" for value in values[1:])]
        return list(zip(values, labels, strict=True))

    def _powers(self, most: int) -> list[tuple[float, str]]:
        first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
        if last <= first:
            return [(value, f"{value:.3g}") for value in (self.low, self.high)]
        step = math.ceil((last - first + 1) / most)
        powers = range(first, last + 1, step)
        return [(10.0**power, f"1e{power}" if abs(power) > 3 else f"{10.0**power:g}") for power in powers]


def axis_of(values: Iterable[float], *, whole: bool = False) -> PlotAxis:
    """Return an axis that has room for all finite ones of `values`; where there is one only, for some more.

    Args:
        values: What is drawn.
        whole: True for numbers like steps: no room is added where there are several.
    """
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    if low == high:
        room = abs(low) / 10 or 1.0
        return PlotAxis(max(low - room, -1e308), min(high + room, 1e308))
    room = 0.0 if whole else (high / 2 - low / 2) / 10
    return PlotAxis(max(low - room, -1.79e308), min(high + room, 1.79e308))


def x_of(axis: PlotAxis, value: float) -> float:
    """Return where a value is along the lower side, in pixels."""
    return LEFT + axis.part(value) * (RIGHT - LEFT)


def y_of(axis: PlotAxis, value: float) -> float:
    """Return where a value is along the left side, in pixels."""
    return BOTTOM - axis.part(value) * (BOTTOM - TOP)


def framed(x: PlotAxis, y: PlotAxis, label: str, described: str, drawn: Sequence[Html]) -> Html:
    """Return a plot.

    Args:
        x: The lower side.
        y: The left side.
        label: What the lower side has, in a word or two.
        described: What the plot shows, for those who do not see it.
        drawn: What is drawn in the box.
    """
    parts: list[Html] = []
    for value, shown in y.ticks(_Y_TICKS):
        at = y_of(y, value)
        parts.append(_line(LEFT, at, RIGHT, at))
        parts.append(_text(shown, LEFT - 6, at + 4, "end"))
    for value, shown in x.ticks(_X_TICKS):
        at = x_of(x, value)
        parts.append(_line(at, TOP, at, BOTTOM))
        sticks_out = at + columns(shown) * _COLUMN / 2 > WIDTH
        parts.append(_text(shown, at, BOTTOM + 18, "end" if sticks_out else "middle"))
    parts.append(_text(label, (LEFT + RIGHT) / 2, BOTTOM + 34, "middle"))
    box = tag(
        "rect", x=LEFT, y=TOP, width=RIGHT - LEFT, height=BOTTOM - TOP, fill="none", stroke="var(--kf-muted)",
        class_="kf-box",
    )  # fmt: skip
    return tag(
        "svg", *parts, box, *drawn, width=WIDTH, height=HEIGHT, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img",
        aria_label=described, style="max-width: 100%; height: auto", class_="kf-plot",
    )  # fmt: skip


def mark_path(shape: int, x: float, y: float, size: float = 3.5) -> str:
    """Return the path of a mark: circle, square, triangle, diamond, and their turned forms, by number."""
    s, d = size, size * 0.7
    outlines: Sequence[Sequence[tuple[float, float]]] = (
        [(-s, 0), (-d, d), (0, s), (d, d), (s, 0), (d, -d), (0, -s), (-d, -d)],
        [(-s, -s), (s, -s), (s, s), (-s, s)],
        [(-s, s), (0, -s), (s, s)],
        [(0, -s * 1.3), (s * 1.3, 0), (0, s * 1.3), (-s * 1.3, 0)],
        [(-s, -s), (0, s), (s, -s)],
        [(-s, -s), (s, 0), (-s, s)],
        [(s, -s), (-s, 0), (s, s)],
        [(-s * 0.4, -s * 1.3), (s * 0.4, -s * 1.3), (s * 0.4, s * 1.3), (-s * 0.4, s * 1.3)],
    )  # fmt: skip
    corners = outlines[shape % len(outlines)]
    return "M" + "L".join(f"{x + dx:.1f} {y + dy:.1f}" for dx, dy in corners) + "Z"


def cross_path(x: float, y: float, size: float = 4.0) -> str:
    """Return the path of a cross: a value that is no number."""
    left, right, above, below = (f"{value:.1f}" for value in (x - size, x + size, y - size, y + size))
    return f"M{left} {above}L{right} {below}M{left} {below}L{right} {above}"


def _round_step(step: float) -> float:
    if not step > 1e-300:
        return 0.0
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10, 20) if factor * power >= step * 0.999)


def _line(x1: float, y1: float, x2: float, y2: float) -> Html:
    return tag("line", x1=f"{x1:.1f}", y1=f"{y1:.1f}", x2=f"{x2:.1f}", y2=f"{y2:.1f}", stroke="var(--kf-line)")


def _text(shown: str, x: float, y: float, anchor: str) -> Html:
    return tag("text", shown, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, font_size=_FONT, fill="var(--kf-muted)")
