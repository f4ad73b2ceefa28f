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


STAYS = Script(lines=("the driver runs",), stays=None)
WELL = Script(lines=("first", "second"))
OOM = Script(lines=("collecting",), exit_code=137, reason="OOMKilled")
BAD = Script(lines=("Traceback (most recent call last):", "KeyError: 'x'"), exit_code=1)
