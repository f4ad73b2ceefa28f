"""Functions that run on every Python the loader supports, from 3.8."""

from __future__ import annotations

import os
import sys
import time
from typing import Any


def version() -> list[int]:
    """Where this runs."""
    return list(sys.version_info[:2])


def who() -> dict[str, Any]:
    """As whom, and with which home."""
    return {"uid": os.getuid(), "home": os.environ.get("HOME", ""), "pid": os.getpid()}


def import_installed() -> list[Any]:
    """Use what the loader installed."""
    import tinypkg  # type: ignore[import-not-found]

    return [tinypkg.VALUE, os.environ.get("OMPI_COMM_WORLD_RANK", "")]


def sleep_until_told() -> None:
    """Say who runs, then wait for a signal."""
    print(os.getpid(), flush=True)
    time.sleep(60)


def leave(code: int) -> None:
    """Exit like a script."""
    sys.exit(code)


def fail(depth: int = 2) -> None:
    """Raise from some lines down."""
    if depth:
        fail(depth - 1)
    raise ValueError("lost $HOME and `date`\nsecond line")


def tuned(lr: float, size: int = 1, mode: str = "a") -> list[Any]:
    """Take what a tuner fills in."""
    print(f"loss={lr * 2}")
    return [lr, size, mode]
