"""Curves, points and timelines of any numbers: their labels are readable, nothing sticks out, and nothing is lost."""

from __future__ import annotations

import math
import random
import sys
from datetime import UTC, datetime, timedelta

from kubeflow.core.html import join, page
from kubeflow.reporting.curves import PlotCurve, PlotPoint, curve_plot, point_plot
from kubeflow.reporting.plot_frame import PlotAxis, axis_of
from kubeflow.reporting.report_page import panels
from kubeflow.reporting.timeline import LANES, TimelineBar, TimelineLane, timeline
from tests.browser import Chromium

NOW = datetime(2026, 11, 29, 8, 30, 15, tzinfo=UTC)
LARGEST = sys.float_info.max
SERIES: list[list[float]] = [
    [0, 1, 2],
    [],
    [5],
    [0, 0, 0],
    [math.nan, math.inf, -math.inf],
    [-LARGEST, LARGEST, 0],
    [1e-300, 3e-300],
    [5e-324, 0],
    [1_000_000.001, 1_000_000.002, 1_000_000.0015],
    [-3, -2.5, math.nan, -1],
    [123_456_789, 987_654_321],
    [1e-5, 1e5],
    [0.1 + 0.2, 0.3],
]


def test_plots_of_any_numbers_can_be_read(chromium: Chromium) -> None:
    rng = random.Random(3)
    drawn_series = [*SERIES, *([rng.gauss(0, 10 ** rng.randint(-9, 9)) for _ in range(50)] for _ in range(8))]
    drawn = [curve_plot([PlotCurve("a", list(range(len(ys))), ys)], "step", "curve") for ys in drawn_series]
    drawn += [
        curve_plot([PlotCurve(f"rank {n}", [*range(-5, 300, 7)], [math.sin(x) + n for x in range(-5, 300, 7)]) for n in range(8)], "step", "many"),
        point_plot([PlotPoint(0, 1, "a"), PlotPoint(9, 2, "b", 4)], "kind", "points", x=PlotAxis(-0.5, 29.5, categories=["x" * 40] * 30)),
        point_plot([PlotPoint(0, 1, "a")], "kind", "points", x=PlotAxis(-0.5, 3.5, categories=["漢字" * 9, "a" * 30, "b", "Kind.BIG"])),
        point_plot([PlotPoint(1e-9, 1, "a"), PlotPoint(1e9, 2, "b")], "lr", "log", x=PlotAxis(1e-9, 1e9, logarithmic=True)),
        point_plot([PlotPoint(2, 1, "a"), PlotPoint(3, 2, "b")], "lr", "short log", x=PlotAxis(2, 3, logarithmic=True)),
        point_plot([], "lr", "none"),
    ]  # fmt: skip
    for dark in (False, True):
        with chromium.open(page("plots", panels(drawn)), dark=dark, width=1200) as shown:
            assert shown.errors() == []
            plots = shown.elements(".kf-plot")
            assert len(plots) == len(drawn)
            labels = shown.texts("svg text")
            for label in labels:
                assert any(label.within(plot) for plot in plots), label.text
            assert shown.overlapping("svg text") == []
            assert shown.hardly_readable("svg text") == []
            boxes = shown.elements(".kf-box")
            for mark in shown.elements(".kf-plot .kf-curve, .kf-point, .kf-best"):
                assert any(mark.within(box, by=6) for box in boxes), mark
            assert len(shown.elements(".kf-cross")) == 2


def test_ticks_are_in_the_axis_and_tell_values_apart() -> None:
    for ys in SERIES:
        axis = axis_of(ys)
        ticks = axis.ticks(5)
        assert 1 <= len(ticks) <= 7
        assert all(axis.low <= value <= axis.high or axis.part(value) in (0.0, 1.0) for value, _ in ticks)
        assert len({label for _, label in ticks}) == len(ticks), (ys, ticks)
        for value in filter(math.isfinite, ys):
            assert 0 <= axis.part(value) <= 1
    assert [label for _, label in PlotAxis(0.001, 10, logarithmic=True).ticks(5)] == ["0.001", "0.01", "0.1", "1", "10"]
    assert [label for _, label in PlotAxis(0, 600).ticks(4)] == ["0", "200", "400", "600"]


def test_a_timeline_shows_restarts_and_what_goes_on(chromium: Chromium) -> None:
    def bar(begin: float, end: float | None, status: str) -> TimelineBar:
        finish = None if end is None else NOW + timedelta(seconds=end)
        return TimelineBar(NOW + timedelta(seconds=begin), finish, status)

    lanes = [
        TimelineLane("node-0", "Running", [bar(0, 4, "Failed"), bar(6, None, "Running")]),
        TimelineLane("node-1-with-a-very-long-name-of-its-job", "Pending"),
        TimelineLane("node-2", "Succeeded", [bar(0, 0, "Succeeded")], note="on another cluster"),
    ]
    for width in (400, 1200):
        with chromium.open(page("times", timeline(lanes, NOW + timedelta(seconds=10))), width=width) as shown:
            assert (shown.errors(), shown.overflow()) == ([], 0)
            assert shown.hardly_readable() == []
            assert shown.overlapping("svg text") == []
            (first, second, short), canvas = shown.elements(".kf-life"), shown.elements(".kf-lane")[0]
            assert round(first.width / canvas.width, 1) == 0.4
            assert round((second.x - canvas.x) / canvas.width, 1) == 0.6
            assert round(second.right) == round(canvas.right)
            assert short.width > 0
            assert len(shown.elements(".kf-restart")) == 1
            assert "started 2 times" in shown.text()
            assert "on another cluster" in shown.text()
            assert "▶ Running" in shown.text()


def test_of_very_many_steps_those_that_failed_are_shown() -> None:
    lanes = [TimelineLane(f"node-{index}", "Failed" if index == 999 else "Succeeded") for index in range(1000)]
    shown = str(join([timeline(lanes, NOW)]))
    assert "node-999" in shown
    assert shown.count("<svg") == LANES
    assert "960 more steps" in shown
