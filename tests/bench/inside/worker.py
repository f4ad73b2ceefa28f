"""Times statements in tight loops, in whatever interpreter it is started with; the request is JSON on stdin.

Request: `{"setup": code, "statements": {key: code}, "checks": {key: expression}, "inputs": {name: value},
"seconds": how long each statement is repeated}`. The setup runs once and sees the inputs by name, so that
every side works on equal objects. A check is evaluated once, before any timing, and reported as 1 or 0.
"""

import gc
import json
import sys
import time
import timeit
from pathlib import Path
from typing import Any

BATCH_SECONDS = 0.01


def seconds_per_run(statement: str, namespace: "dict[str, Any]", seconds: float) -> float:
    """Return the median time of one run of `statement`, over batches that together take `seconds`.

    The garbage collector stays on, unlike in plain `timeit`: its work is part of what building objects costs.
    """
    timer = timeit.Timer(statement, setup="import gc; gc.enable()", globals=namespace)
    timer.timeit(1)  # whatever is built on first use
    number = 1
    while (took := timer.timeit(number)) < BATCH_SECONDS:
        number = max(number * 2, int(number * BATCH_SECONDS / max(took, 1e-9)))
    gc.collect()
    batches: list[float] = []
    end = time.perf_counter() + seconds
    while not batches or time.perf_counter() < end:
        batches.append(timer.timeit(number) / number)
    return sorted(batches)[len(batches) // 2]


def main() -> None:
    """Serve the one request on stdin."""
    request = json.load(sys.stdin)
    namespace: dict[str, Any] = dict(request["inputs"])
    exec(request["setup"], namespace)
    figures = {key: float(bool(eval(check, namespace))) for key, check in request["checks"].items()}
    figures |= {
        key: seconds_per_run(statement, namespace, request["seconds"])
        for key, statement in request["statements"].items()
    }
    reporter: dict[str, Any] = {}
    exec(Path(__file__).with_name("report.py").read_text(encoding="utf-8"), reporter)
    reporter["report"](figures)


if __name__ == "__main__":
    main()
