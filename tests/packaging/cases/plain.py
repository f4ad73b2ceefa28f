"""Functions that run on every Python the loader supports, from 3.8."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any

HELD: Any = []


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


def end(how: str) -> None:
    """Fail, exit, be killed, have a thread fail, or leave a file open."""

    def fail() -> None:
        try:
            raise KeyError("inner")  # noqa: TRY301
        except KeyError as error:
            raise ValueError("outer") from error

    if how == "raise":
        fail()
    if how == "exit":
        sys.exit(3)
    if how == "signal":
        os.kill(os.getpid(), 15)
    if how == "thread":
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
    HELD.append(open("left.txt", "w"))  # noqa: PTH123, SIM115
    HELD[-1].write("left open")
