"""Functions that the jobs of these tests run, and programs that stand for drivers."""

from __future__ import annotations

from typing import Any

from tests.cluster.scenarios import Script


def count(spark: Any, rows: int) -> dict[str, object]:
    print(f"counting {rows} rows with Spark {spark.version}")
    return {"rows": len(spark.range(rows))}


def fail(spark: Any) -> None:
    print("about to fail")
    raise ValueError("no column 'price'")


def sleep_quietly(seconds: float) -> None:
    import time

    time.sleep(seconds)


def end_when_told(folder: str) -> None:
    """Its first run goes on after TERM until there is a file `go`; the next one ends at once."""
    import signal
    import sys
    import time
    from pathlib import Path

    go = Path(folder) / "go"
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    (Path(folder) / "ready").touch()
    while not go.exists():
        time.sleep(0.02)
    if asked:
        sys.exit(1)


STAYS = Script(lines=("the driver runs",), stays=None)
WELL = Script(lines=("first", "second"))
OOM = Script(lines=("collecting",), exit_code=137, reason="OOMKilled")
BAD = Script(lines=("Traceback (most recent call last):", "KeyError: 'x'"), exit_code=1)
