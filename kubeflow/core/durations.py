"""Lengths of time in the few characters that people read: `42 s`, `3 min`, `5 h`, `2 d`."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = ((172_800.0, 86_400.0, "d"), (6_000.0, 3_600.0, "h"), (100.0, 60.0, "min"))  # from so many seconds on


def duration_text(seconds: float) -> str:
    """Return a length of time, rounded: seconds up to 100, then minutes, from 100 minutes on hours, then days.

    Args:
        seconds: The length; a negative one, as of clocks that differ, counts as none.
    """
    length = max(0.0, seconds)
    for least, unit, name in _UNITS:
        if length >= least:
            amount = length / unit
            shown = f"{amount:.1f}".removesuffix(".0") if name == "h" and amount < 10 else f"{amount:.0f}"
            return f"{shown} {name}"
    return f"{length:.0f} s"


def age_text(time: datetime, now: datetime | None = None) -> str:
    """Return how long ago something was.

    Args:
        time: When it was; without a zone it is in UTC.
        now: When it is asked. Default: this moment.
    """
    moment = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
    return duration_text(((datetime.now(UTC) if now is None else now) - moment).total_seconds())
