"""When the steps of a job ran: a lane for each, with a bar for each time that it was started."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kubeflow.core.display import moment
from kubeflow.core.durations import duration_text
from kubeflow.core.html import NOTHING, Html, join, status_mark, tag
from kubeflow.core.status_marks import tone

LANES, BARS = 40, 400
_TITLE = 100  # characters
_HEIGHT = 22
_COLUMNS = "display: grid; grid-template-columns: 7.5em minmax(0, 1fr) 8.5em; column-gap: 8px; align-items: center"
_NICE = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


@dataclass(frozen=True, slots=True)
class TimelineBar:
    """One life of a step.

    Attributes:
        start: When it began.
        end: When it ended; `None` while it goes on.
        status: `"Running"`, `"Succeeded"`, `"Failed"`, or what else ended it, like `"Suspended"`.
        title: What a reader sees who points at it.
    """

    start: datetime
    end: datetime | None
    status: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class TimelineLane:
    """A step: its lives, oldest first, and how it is now."""

    name: str
    status: str
    bars: Sequence[TimelineBar] = ()
    note: str = ""


def timeline(lanes: Sequence[TimelineLane], now: datetime) -> Html:
    """Return the lanes below one scale of time; of more than 40, those that failed and the first ones.

    Args:
        lanes: The steps, in order.
        now: Where bars end that go on.
    """
    chosen = _chosen(lanes)
    bars = [bar for lane in lanes for bar in lane.bars]
    most = max(4, BARS // max(1, len(chosen)))
    start = min((bar.start for bar in bars), default=now)
    end = max((bar.end or now for bar in bars), default=now)
    length = max(end - start, timedelta(milliseconds=100))
    rows = [_scale(length)] if bars else []
    for lane in chosen:
        shown = lane.bars[-most:]
        drawn = [part for number, bar in enumerate(shown) for part in _bar(bar, number, start, length, now)]
        canvas = tag(
            "svg", tag("line", x1="0", x2="100%", y1=_HEIGHT / 2, y2=_HEIGHT / 2, stroke="var(--kf-line)"), *drawn,
            width="100%", height=_HEIGHT, role="img", aria_label=_described(lane), class_="kf-lane",
        )  # fmt: skip
        again = f"started {len(lane.bars)} times" if len(lane.bars) > 1 else ""
        below = ", ".join(filter(None, [again, lane.note]))
        said = tag("div", below, class_="kf-muted", style="font-size: 0.9em") if below else NOTHING
        status = tag("div", status_mark(lane.status), said)
        rows.append(tag("div", tag("div", lane.name), canvas, status, style=_COLUMNS))
    left = len(lanes) - len(chosen)
    words = f"… {left:,} more steps: those that failed, and those that were started again, are shown first"
    rest = tag("p", words, class_="kf-muted")
    return join([*rows, rest if left else NOTHING])


def _chosen(lanes: Sequence[TimelineLane]) -> list[TimelineLane]:
    def rank(index: int) -> tuple[bool, bool, int]:
        return tone(lanes[index].status) != "bad", len(lanes[index].bars) < 2, index

    return [lanes[index] for index in sorted(sorted(range(len(lanes)), key=rank)[:LANES])]


def _scale(length: timedelta) -> Html:
    seconds = length.total_seconds()
    step = next((nice for nice in _NICE if seconds / nice <= 3), _NICE[-1] * math.ceil(seconds / _NICE[-1] / 3))
    marks = [number * step for number in range(int(seconds / step) + 1)] if seconds >= 1 else [0.0]
    parts: list[Html] = []
    for at in marks:
        part = at / seconds
        if part > 0.75:
            continue  # its text would stick out, or lie over the one before
        parts.append(_tick(duration_text(at) if at else "0", f"{part:.2%}", "middle" if at else "start"))
    whole = _tick(duration_text(seconds), "100%", "end")
    canvas = tag("svg", *parts, whole, width="100%", height=16, aria_hidden="true")
    return tag("div", tag("div"), canvas, tag("div"), style=_COLUMNS)


def _bar(bar: TimelineBar, number: int, start: datetime, length: timedelta, now: datetime) -> list[Html]:
    left = (bar.start - start) / length
    width = max(0.004, ((bar.end or now) - bar.start) / length)
    colour = f"var(--kf-{tone(bar.status)})"
    words = bar.title or f"{bar.status}: {moment(bar.start)} to {'now' if bar.end is None else moment(bar.end)}"
    drawn = [
        tag(
            "rect", tag("title", words[:_TITLE]), x=f"{left:.2%}", y=5, width=f"{min(width, 1 - left):.2%}",
            height=_HEIGHT - 10, rx=2, fill=colour, fill_opacity=0.35, stroke=colour, class_="kf-life",
        )
    ]  # fmt: skip
    if number:  # it was started again: a mark over the bar, as well seen without colours
        at = f"{left:.2%}"
        line = tag("line", x1=at, x2=at, y1=0, y2=_HEIGHT, stroke="var(--kf-text)", stroke_width=2, class_="kf-restart")
        drawn.append(line)
    return drawn


def _tick(shown: str, x: str, anchor: str) -> Html:
    return tag("text", shown, x=x, y=12, text_anchor=anchor, font_size=11, fill="var(--kf-muted)")


def _described(lane: TimelineLane) -> str:
    lives = "; ".join(f"{bar.status} from {moment(bar.start)}" for bar in lane.bars[-4:])
    return f"{lane.name}: {lives or 'not started'}"
