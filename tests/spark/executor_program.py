"""Prints the command line of a packaged function whose executors need a module of the user's: `python executor_program.py`."""

from __future__ import annotations

import json
import sys
from typing import Any

import own_numbers  # type: ignore[import-not-found]  # found beside this program

from kubeflow.packaging import bundle


def work(spark: Any) -> dict[str, object]:
    numbers = spark.range(3).repartition(1).rdd.map(lambda row: own_numbers.quadruple(row.id)).collect()
    return {"numbers": numbers, "master": spark.sparkContext.master}


if __name__ == "__main__":
    print(json.dumps(bundle(work, session="spark").command(("python",), python=sys.executable)))
