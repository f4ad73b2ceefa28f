"""Exponential back-off: how long to wait before the next try."""

from __future__ import annotations

import random

_DOUBLINGS = 30  # 2.0 ** 1100 is an OverflowError, and no wait is doubled that often


def backoff(failures: int, *, first: float, longest: float, spread: float = 0.5, draw: float | None = None) -> float:
    """Return the seconds to wait after so many failures in a row: `first`, then twice as long each time.

    Args:
        failures: How many there have been, at least 1.
        first: Seconds after the first failure, before the spread.
        longest: Seconds at most.
        spread: The part of the wait that chance decides, from 0 (none) to 1 (all of it), so that clients that failed
            together do not come back together.
        draw: The chance, from 0 to 1. Default: random.
    """
    full = min(longest, first * 2.0 ** min(failures - 1, _DOUBLINGS))
    chance = random.random() if draw is None else draw
    return full * (1 - spread + spread * chance)
