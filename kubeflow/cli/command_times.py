"""Times and durations on a command line: as people write them, and as they read them."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta

from kubeflow.core.display import moment
from kubeflow.core.errors import InvalidInput
from kubeflow.core.terminal_text import is_terminal

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


def seconds_of(text: str, option: str) -> float:
    """Return the seconds of a duration like `90`, `90s`, `5m`, `1h30m` or `2d`.

    Raises:
        InvalidInput: For another form, naming the option, and for 0.
    """
    number = re.fullmatch(r"\d+(?:\.\d+)?", text)
    if number is None and not _DURATION.fullmatch(text):
        raise InvalidInput(f"{option} takes a duration like 90s, 5m, 1h30m or 2d, not {text!r}.")
    total = float(text) if number else sum(float(part) * _UNITS[unit] for part, unit in _PART.findall(text))
    if total <= 0:
        raise InvalidInput(f"{option} is more than 0 seconds, not {text!r}.")
    return total


def since_of(text: str, option: str) -> datetime | timedelta:
    """Return a duration like `5m`, or a time with its offset from UTC like `2025-01-31T12:00:00Z`.

    Raises:
        InvalidInput: For another form, naming the option.
    """
    if _DURATION.fullmatch(text) or text.isdigit():
        return timedelta(seconds=seconds_of(text, option))
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise InvalidInput(
            f"{option} takes a duration like 5m or 1h30m, or a time with its offset from UTC like "
            f"2025-01-31T12:00:00Z, not {text!r}."
        )
    return time


def when(time: datetime | None) -> str:
    """Return a time for a table: how long ago for a person at a terminal, the time in UTC for a pipe."""
    if time is None:
        return ""
    return f"{in_short((datetime.now(UTC) - time).total_seconds())} ago" if is_terminal(sys.stdout) else moment(time)


def in_short(seconds: float) -> str:
    """Return a duration in one unit, or two where the number is small: `45s`, `12m`, `3h20m`, `5d`."""
    left = max(0, int(seconds))
    if left < 2 * _UNITS["m"]:
        return f"{left}s"
    if left < 2 * _UNITS["h"]:
        return f"{left // 60}m"
    if left < 2 * _UNITS["d"]:
        hours, minutes = left // 3600, left % 3600 // 60
        return f"{hours}h{minutes}m" if minutes and hours < 10 else f"{hours}h"
    return f"{left // 86400}d"
