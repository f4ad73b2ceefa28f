"""Times as findings show them."""

from __future__ import annotations

from datetime import datetime


def at(time: datetime | None) -> str:
    """Return a time in the time zone of this machine, like `", at 2026-11-29 10:06:00+00:00"`; empty when unknown."""
    return "" if time is None else f", at {time.astimezone().isoformat(sep=' ', timespec='seconds')}"
