"""Horizontal bars as an SVG that is read on any background: it brings its own, and needs no script and no font."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_ROW, _TOP, _LEFT, _WIDTH, _BAR = 22, 56, 430, 860, 330
_PAPER, _INK, _FAINT, _FILL, _OVER = "#ffffff", "#1f2430", "#5b6270", "#3f51b5", "#b3261e"


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar.

    Attributes:
        name: What stands left of it.
        value: Its length, above 0.
        label: What stands right of it.
    """

    name: str
    value: float
    label: str


def bar_chart(title: str, bars: Sequence[Bar], *, mark: float, logarithmic: bool = False) -> str:
    """Return an SVG.

    Args:
        title: What the bars show; also for those who cannot see them.
        bars: From top to bottom; at least one.
        mark: Value of the vertical line. On a logarithmic scale, bars begin there; else those beyond it are red.
        logarithmic: True for a scale on which equal factors have equal lengths.
    """
    height = _TOP + _ROW * len(bars) + 18
    place = _logarithmic(bars, mark) if logarithmic else _linear(bars, mark)
    line = place(mark)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="12"><title>{escape(title)}</title>',
        f'<rect width="{_WIDTH}" height="{height}" rx="8" fill="{_PAPER}"/>',
        f'<text x="20" y="32" font-size="16" fill="{_INK}">{escape(title)}</text>',
    ]
    for index, bar in enumerate(bars):
        y = _TOP + _ROW * index
        start, end = sorted((place(bar.value), line if logarithmic else place(0)))
        beyond = bar.value < mark if logarithmic else bar.value > mark
        parts += [
            f'<text x="{_LEFT - 8}" y="{y + 14}" text-anchor="end" fill="{_INK}">{escape(bar.name)}</text>',
            f'<rect x="{start:.1f}" y="{y + 3}" width="{max(end - start, 1):.1f}" height="14" rx="2" '
            f'fill="{_OVER if beyond else _FILL}"/>',
            f'<text x="{max(end, line) + 6:.1f}" y="{y + 14}" fill="{_FAINT}">{escape(bar.label)}</text>',
        ]
    bottom = _TOP + _ROW * len(bars) + 4
    parts.append(f'<path d="M{line:.1f} {_TOP - 6}V{bottom}" stroke="{_FAINT}" stroke-dasharray="3 3"/>')
    return "\n".join([*parts, "</svg>", ""])


def _linear(bars: Sequence[Bar], mark: float) -> Callable[[float], float]:
    longest = max(mark, *(bar.value for bar in bars))
    return lambda value: _LEFT + _BAR * value / longest


def _logarithmic(bars: Sequence[Bar], mark: float) -> Callable[[float], float]:
    ends = [math.log(mark), *(math.log(bar.value) for bar in bars)]
    low, high = min(ends), max(ends)
    return lambda value: _LEFT + _BAR * (math.log(value) - low) / ((high - low) or 1)
