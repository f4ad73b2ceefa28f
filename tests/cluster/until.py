"""Waiting for what a cluster will do, for tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, TypeVar

T = TypeVar("T")

DEADLINE = 90  # seconds; what is waited for takes well under one on a quiet machine


def until(found: Callable[[], T | Literal[False] | None]) -> T:
    """Return what `found` returns as soon as it is true.

    Raises:
        AssertionError: After 90 s.
    """
    deadline = time.monotonic() + DEADLINE
    while not (value := found()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)
    return value
