"""Curves and scattered points as SVG. Lines differ by colour, dashes and marks; what is no number is a cross."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kubeflow.core.html import Html, join, tag
from kubeflow.reporting.plot_frame import PlotAxis, axis_of, cross_path, framed, mark_path, x_of, y_of

COLOURS = 8
_DASHES = (None, "7 3", "2 3", "9 3 2 3")
_MARKS = 6  # marks of a line
_CROSSES = 40  # crosses of a line


@dataclass(frozen=True, slots=True)
class PlotCurve:
    """A line of a plot.

    Attributes:
        label: Whose it is, like `"rank 0"`.
        xs: Where each value is.
        ys: The values; they may be NaN or infinite.
    """

    label: str
    xs: Sequence[float]
    ys: Sequence[float]


@dataclass(frozen=True, slots=True)
class PlotPoint:
    """A point of a plot: `kind` is its mark and colour, from 0; the title is shown where a reader points at it."""

    x: float
    y: float
    title: str
    kind: int = 0


def curve_plot(curves: Sequence[PlotCurve], label: str, described: str) -> Html:
    """Return lines in one frame, with a legend below."""
    x = axis_of((value for curve in curves for value in curve.xs), whole=True)
    y = axis_of(value for curve in curves for value in curve.ys)
    drawn = [part for number, curve in enumerate(curves) for part in _curve(number, curve, x, y)]
    return join([framed(x, y, label, described, drawn), _legend(curves)])


def point_plot(
    points: Sequence[PlotPoint],
    label: str,
    described: str,
    *,
    x: PlotAxis | None = None,
    steps: Sequence[PlotPoint] = (),
) -> Html:
    """Return points in one frame.

    Args:
        points: The points.
        label: What the lower side has.
        described: What is shown, for those who do not see it.
        x: The lower side. Default: as much as the points take.
        steps: Corners of a staircase that is drawn below them, like the best so far.
    """
    across = axis_of(point.x for point in points) if x is None else x
    y = axis_of(point.y for point in (*points, *steps))
    drawn = [_staircase(steps, across, y)] if steps else []
    for point in points:
        path = mark_path(point.kind, x_of(across, point.x), y_of(y, point.y), 4)
        drawn.append(
            tag("path", tag("title", point.title), d=path, fill=_colour(point.kind), class_="kf-point")
        )  # fmt: skip
    return framed(across, y, label, described, drawn)


def sample(number: int, *, line: bool = True) -> Html:
    """Return how line or mark `number` looks, for a legend."""
    parts = [_stroke(number, "M1 7H35")] if line else []
    parts.append(tag("path", d=mark_path(number, 18, 7), fill=_colour(number)))
    return tag("svg", *parts, width=36, height=14, aria_hidden="true", style="vertical-align: middle")


def _legend(curves: Sequence[PlotCurve]) -> Html:
    entries = [
        tag("span", sample(number), f" {curve.label}", style="display: inline-block; margin-right: 14px")
        for number, curve in enumerate(curves)
    ]
    return tag("div", *entries, class_="kf-legend")


def _curve(number: int, curve: PlotCurve, x: PlotAxis, y: PlotAxis) -> Iterator[Html]:
    path: list[str] = []
    places: list[tuple[float, float]] = []
    crosses: list[str] = []
    pen_down = False
    for at, value in zip(curve.xs, curve.ys, strict=True):
        across = x_of(x, at)
        if not math.isfinite(value):
            pen_down = False
            if len(crosses) < _CROSSES:
                crosses.append(cross_path(across, y_of(y, y.high if value == math.inf else y.low)))
            continue
        down = y_of(y, value)
        path.append(f"{'L' if pen_down else 'M'}{across:.1f} {down:.1f}")
        places.append((across, down))
        pen_down = True
    if places:
        yield _stroke(number, "".join(path))
        step = max(1, len(places) // _MARKS)
        marks = "".join(mark_path(number, *place) for place in places[step // 2 :: step])
        yield tag("path", d=marks, fill=_colour(number))
    if crosses:
        yield tag("path", d="".join(crosses), stroke="var(--kf-bad)", stroke_width=2, fill="none", class_="kf-cross")


def _staircase(corners: Sequence[PlotPoint], x: PlotAxis, y: PlotAxis) -> Html:
    first, *others = corners
    path = f"M{x_of(x, first.x):.1f} {y_of(y, first.y):.1f}"
    path += "".join(f"H{x_of(x, corner.x):.1f}V{y_of(y, corner.y):.1f}" for corner in others)
    return tag("path", d=path, stroke="var(--kf-muted)", stroke_width=1.5, fill="none", class_="kf-best")


def _stroke(number: int, path: str) -> Html:
    return tag(
        "path", d=path, fill="none", stroke=_colour(number), stroke_width=1.6,
        stroke_dasharray=_DASHES[(number // 2) % len(_DASHES)], stroke_linejoin="round", class_="kf-curve",
    )  # fmt: skip


def _colour(number: int) -> str:
    return f"var(--kf-series-{number % COLOURS})"
