"""A cluster's job and session with a real pyspark and a real JVM behind the played operator."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubeflow.local.executors.ports import ReservedPort
from tests.cluster.spark.sparkcontroller import SparkScenario
from tests.cluster.spark.sparkstage import Home, config_of
from tests.locked_environment import ROOT
from tests.spark.kubernetes.cluster_programs import write_squares
from tests.spark.spark_environment import spark_python

__all__ = ["spark_python"]
pytestmark = pytest.mark.slow

# What spark-submit sets of a driver that it starts.
SUBMITTED = {"PYSPARK_SUBMIT_ARGS": "--master local[1] --conf spark.ui.enabled=false pyspark-shell", "PYTHONPATH": ""}


def test_the_mounted_code_runs_with_a_real_session(home: Home, spark_python: Path, tmp_path: Path) -> None:
    target = tmp_path / "squares.parquet"
    home.operator.scenarios["squares"] = SparkScenario(python=str(spark_python), environment=SUBMITTED)

    job = home.client.process_data(write_squares, args={"target": str(target)}, name="squares")
    home.client.wait_for_job_status(job, timeout=300)

    assert home.client.get_job_result(job) == {"rows": 100, "largest": 9801}
    assert any(line.startswith("written by Spark 4.") for line in home.client.get_job_logs(job))
    assert list(target.glob("*.parquet"))


@pytest.fixture
def reserved() -> Iterator[ReservedPort]:
    with ReservedPort() as port:
        yield port


def test_a_session_talks_to_a_real_server_through_the_tunnel(
    home: Home, spark_python: Path, reserved: ReservedPort
) -> None:
    found = subprocess.run(
        [str(spark_python), "-c", "import pyspark; print(pyspark.__path__[0], pyspark.__version__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    spark_home, version = found.stdout.split()
    settings = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(reserved.number),
        "spark.ui.enabled": "false",
    }
    words = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    server = ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "--master", "local[1]"]
    home.operator.scenarios["real"] = SparkScenario(
        server=(f"{spark_home}/bin/spark-submit", *server, *words, "spark-internal"),
        environment={"PYTHONPATH": "", "PYSPARK_PYTHON": str(spark_python)},
    )
    forwarded = home.cluster.front.forwarded
    assert forwarded is not None
    forwarded.ports[home.namespace, "real-server", 15002] = reserved.number

    config = config_of(home.cluster, home.namespace)
    program = Path(__file__).with_name("cluster_programs.py")
    done = subprocess.run(
        [str(spark_python), str(program), str(config.config_file), home.namespace],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "generated")])},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"rows": 500, "version": version, "left": 0}
