"""Executors that are processes of their own, as on a cluster, find the modules that a job brings."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.spark.spark_environment import spark_python

__all__ = ["spark_python"]
pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).parent / "executor_program.py"


def test_executors_with_a_working_directory_of_their_own_find_modules_of_the_user(
    spark_python: Path, tmp_path: Path
) -> None:
    made = subprocess.run([str(spark_python), str(PROGRAM)], capture_output=True, text=True, check=True, timeout=120)
    environ = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        # A cluster of one worker and one executor, each a JVM of its own.
        "PYSPARK_SUBMIT_ARGS": "--master local-cluster[1,1,1024] --conf spark.executor.memory=600m pyspark-shell",
        "PYSPARK_PYTHON": str(spark_python),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "KUBEFLOW_OUTPUT_DIR": str(tmp_path / "outcomes"),
    }
    done = subprocess.run(
        json.loads(made.stdout.splitlines()[-1]),
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    outcome = json.loads((tmp_path / "outcomes" / "rank-0.json").read_text("utf-8"))
    assert outcome["result"] == {"numbers": [0, 4, 8], "master": "local-cluster[1,1,1024]"}
