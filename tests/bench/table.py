"""The results as a table that people read: aligned text, with the reason for every gap below it."""

from collections.abc import Sequence
from functools import partial
from itertools import groupby

from tests.bench.cases import Unit
from tests.bench.requirements import AtMostTimesYardstick
from tests.bench.rows import Row, Verdict
from tests.bench.series import Missing, Series, Side, Spread, spread

_SCALES: dict[Unit, tuple[tuple[float, str], ...]] = {
    Unit.SECONDS: ((1.0, " s"), (1e-3, " ms"), (1e-6, " us")),
    Unit.BYTES: ((1e6, " MB"),),
    Unit.COUNT: ((1.0, ""),),
}

_HEAD = ("", "ours", "peer", "limit", "yardstick", "peer/ours", "ours/limit", "ours/yard", "n", "bound", "")
_MARKS = {Verdict.MET: "holds", Verdict.MISSED: "MISSED", Verdict.UNKNOWN: "NOT SHOWN"}


def figure(value: float, unit: Unit) -> str:
    """Write `value` to three digits in the largest scale of `unit` in which it is at least one."""
    if unit is Unit.TRUTH:
        return "yes" if value == 1 else "no" if value == 0 else f"{value:.2f}"
    scale, name = _scale(value, unit)
    return f"{_digits(value / scale)}{name}"


def table(rows: Sequence[Row]) -> str:
    """Write `rows` by case as an aligned table, and below it the reason for every gap."""
    notes: list[str] = []
    lines = [_HEAD, *(_line(row, notes) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    head, *aligned = [_align(line, widths) for line in lines]
    text = [head, "-" * max(map(len, (head, *aligned)))]
    for (case, limit, yardstick), group in groupby(
        zip(rows, aligned, strict=True), key=lambda pair: (pair[0].case, pair[0].limit_is, pair[0].yardstick_is)
    ):
        means = [f"{what}: {words}" for what, words in (("limit", limit), ("yardstick", yardstick)) if words]
        text.append(f"{case}   ({'; '.join(means)})" if means else case)
        text.extend(line for _, line in group)
    text += ["", "Medians [quartiles] over n rounds; ratios are medians over pairs of the same round."]
    text += [f"[{number}] {note}" for number, note in enumerate(notes, 1)]
    return "\n".join(text)


def _line(row: Row, notes: list[str]) -> tuple[str, ...]:
    sides = (("ours", row.sides.ours), ("peer", row.sides.peer), ("limit", row.sides.limit))
    cells = [_cell(name, side, row.unit, notes) for name, side in sides]
    judged = isinstance(row.requirement, AtMostTimesYardstick)
    cells.append(_cell("yardstick", row.sides.yardstick, Unit.SECONDS, notes) if judged else "")
    rounds = max((len(side.values) for _, side in sides if isinstance(side, Series)), default=0)
    ratios = (_times(row.peer_to_ours), _times(row.ours_to_limit), _times(row.ours_to_yardstick) if judged else "")
    return (f"  {row.metric}", *cells, *ratios, str(rounds), *_bound(row))


def _bound(row: Row) -> tuple[str, str]:
    if row.requirement is None or row.verdict is None:
        return "", ""
    return row.requirement.text(partial(figure, unit=row.unit)), _MARKS[row.verdict]


def _cell(name: str, side: Side, unit: Unit, notes: list[str]) -> str:
    if isinstance(side, Missing):
        note = f"{name}: {side.reason}"
        if note not in notes:
            notes.append(note)
        return f"- [{notes.index(note) + 1}]"
    return _with_quartiles(spread(side.values), unit)


def _with_quartiles(figures: Spread, unit: Unit) -> str:
    if unit is Unit.TRUTH:
        return figure(figures.low, unit)  # one round in which it did not hold is a no
    scale, name = _scale(figures.median, unit)
    median, q1, q3 = (_digits(value / scale) for value in (figures.median, figures.q1, figures.q3))
    return f"{median}{name}" if q1 == median == q3 else f"{median}{name} [{q1}..{q3}]"


def _times(figures: Spread | None) -> str:
    return "-" if figures is None else f"{_digits(figures.median)}x"


def _scale(value: float, unit: Unit) -> tuple[float, str]:
    scales = _SCALES[unit]
    return next((each for each in scales if abs(value) >= each[0]), scales[0] if value == 0 else scales[-1])


def _digits(value: float) -> str:
    """Write three significant digits without an exponent, and whole numbers as such."""
    if value == round(value) or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.4f}"


def _align(line: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
