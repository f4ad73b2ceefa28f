"""What the tests of jobs of this machine run in processes of their own: `python local_programs.py PART [NAME]`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from kubeflow.pipelines.component_runs import received, run_process_data
from kubeflow.spark import Driver, FileJob, KubeflowError, LocalProcessBackendConfig, SparkClient, SparkJobFailed
from kubeflow.spark.backends.localspark.java_check import check_java

FACTOR = 3


# What a session in this process sets while it starts, and nothing else of this process is to see.
DECIDED = (
    *("PYSPARK_SUBMIT_ARGS", "PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON", "SPARK_API_MODE", "SPARK_LOCAL_IP"),
    *("SPARK_LOCAL_DIRS", "SPARK_HOME"),
)


def triple(number: int) -> int:
    return number * FACTOR


def make_wheel() -> str:
    """Make a package that no index is asked for, and return the requirement of it."""
    path = Path("numbering-1.0-py3-none-any.whl").absolute()
    about = {
        "METADATA": "Metadata-Version: 2.1\nName: numbering\nVersion: 1.0\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("numbering.py", "FIRST = 100\n")
        for name, text in about.items():
            wheel.writestr(f"numbering-1.0.dist-info/{name}", text)
    return f"numbering @ {path.as_uri()}"


def numbered(number: int) -> int:
    import numbering  # type: ignore[import-not-found]  # pyright: ignore[reportMissingImports]

    return int(numbering.FIRST) + number


def work(spark: Any, rows: int) -> dict[str, object]:
    conf = spark.sparkContext.getConf()
    table = spark.range(rows)
    table.write.mode("overwrite").parquet(os.environ["KUBEFLOW_OUTPUT"])
    print("five rows are written")
    return {
        "master": spark.sparkContext.master,
        "heap": conf.get("spark.driver.memory"),
        "partitions": spark.conf.get("spark.sql.shuffle.partitions"),
        "hostile": conf.get("spark.hostile"),
        "numbered": [numbered(0), *table.rdd.map(lambda row: numbered(row.id)).collect()],
        "tripled": table.rdd.map(lambda row: triple(row.id)).collect(),
        "app": spark.sparkContext.appName,
    }


def wait_long(spark: Any) -> None:
    spark.range(4).rdd.foreach(lambda row: __import__("time").sleep(600))


def submit(client: SparkClient) -> dict[str, object]:
    name = client.process_data(
        work,
        args={"rows": 5},
        packages_to_install=[make_wheel()],
        num_executors=2,
        resources_per_executor={"memory": "512m"},
        driver=Driver(resources={"memory": "512Mi"}),
        spark_conf={"spark.sql.shuffle.partitions": 3, "spark.hostile": "a b; $(touch here) 'q'"},
    )
    return {"name": name}


def collect(client: SparkClient, name: str) -> dict[str, object]:
    log = list(client.get_job_logs(name, follow=True))
    job = client.wait_for_job_status(name, timeout=300)
    output = client.get_job_output(name, format="parquet")
    import pandas as pd

    return {
        "status": job.status and job.status.value,
        "result": client.get_job_result(name),
        "log": "\n".join(log),
        "events": [event.reason for event in client.get_job_events(name)],
        "output": {
            "kind": output.kind,
            "format": output.format,
            "rows": len(pd.read_parquet(output.path)),
            "job": output.metadata["job"],
        },
    }


def start_long(client: SparkClient) -> dict[str, object]:
    name = client.process_data(wait_long, name="long")
    for line in client.get_job_logs(name, follow=True):
        if "WARN" in line or "Spark" in line:  # the JVM talks
            break
    return {"name": name}


def delete(client: SparkClient, name: str) -> dict[str, object]:
    client.delete_job(name)
    return {"jobs": [job.name for job in client.list_jobs()]}


def session(client: SparkClient) -> dict[str, object]:
    with client.connect(num_executors=1, name="mine", timeout=300, connect_timeout=300) as opened:
        count = opened.spark.range(100).count()
        other = client.connect(attach="mine", connect_timeout=300)
        attached = other.spark.range(100).count()
        other.close()
        before = [info.state.value for info in client.list_sessions()]
    try:
        client.connect(base_url="sc://127.0.0.1:9", connect_timeout=1)
        lost = ""
    except KubeflowError as error:
        lost = type(error).__name__
    after = [info.name for info in client.list_sessions()]
    return {"count": count, "attached": attached, "before": before, "after": after, "lost": lost}


def classic(client: SparkClient) -> dict[str, object]:
    sys.modules["grpc"] = None  # type: ignore[assignment]  # as where pyspark is installed without [connect]
    before = dict(os.environ)
    with client.connect(num_executors=2, spark_conf={"spark.sql.shuffle.partitions": "3"}) as opened:
        spark = opened.spark
        first = [
            spark.sparkContext.master,
            spark.conf.get("spark.sql.shuffle.partitions"),
            spark.range(9).rdd.map(lambda row: triple(row.id)).sum(),
        ]
        listed = len(client.list_sessions())
        try:
            client.connect()
            second = ""
        except KubeflowError as error:
            second = f"{type(error).__name__}: {error}"
    try:
        client.connect(attach="mine")
        other = ""
    except KubeflowError as error:
        other = f"{type(error).__name__}: {error}"
    own = client.connect(driver=Driver(resources={"memory": "600m"}), name="again")
    heap = own.spark.sparkContext.getConf().get("spark.driver.memory")
    own.close()
    children = [child.name() for child in psutil.Process().children(recursive=True)]
    return {
        "first": first,
        "listed": listed,
        "second": second,
        "attach": other,
        "heap": heap,
        "children": children,
        "environment": [name for name in DECIDED if os.environ.get(name) != before.get(name)],
    }


ETL = """
package org.example

import java.nio.file.{Files, Path}
import org.apache.spark.sql.SparkSession

object Etl {
  def main(args: Array[String]): Unit = {
    if (args(0) == "--from")
      try Files.readString(Path.of(args(1)))
      catch { case error: Exception => throw new IllegalStateException("no table\\nto read", error) }
    val spark = SparkSession.builder().getOrCreate()
    spark.range(args(0).toLong).write.mode("overwrite").parquet(sys.env("KUBEFLOW_OUTPUT"))
    println(s"written by ${spark.sparkContext.master}")
  }
}
"""
CLASS = "org.example.Etl"


def make_jar() -> str:
    """Compile a program for the JVM with the compiler that pyspark ships, and return its jar."""
    import pyspark

    Path("Etl.scala").write_text(ETL, "utf-8")
    quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    path = [*quick, "-cp", f"{pyspark.__path__[0]}/jars/*", "scala.tools.nsc.Main", "-usejavacp"]
    subprocess.run([check_java(os.environ), *path, "-d", "etl.jar", "Etl.scala"], check=True)
    return "etl.jar"


def jar(client: SparkClient) -> dict[str, object]:
    program = make_jar()
    good = client.process_data(jar=program, main_class=CLASS, args=[5], num_executors=1)
    bad = client.submit_job(FileJob(program, ["--from", "/nowhere/x"], CLASS))
    lost = client.process_data(jar=program, main_class="org.example.Elt")
    failures = {}
    for name in (bad, lost):
        try:
            client.wait_for_job_status(name, timeout=300)
        except SparkJobFailed as error:
            failures[str(name)] = [error.reason, error.exception, *error.log]
    done = client.wait_for_job_status(good, timeout=300)
    try:
        client.get_job_result(good)
        no_result = ""
    except KubeflowError as error:
        no_result = str(error)
    return {
        "status": done.status and done.status.value,
        "log": list(client.get_job_logs(good)),
        "files": len(list(client.get_job_output(good).path.glob("*.parquet"))),
        "no_result": no_result,
        "failures": list(failures.values()),
        "explained": [client.explain(name) for name in (bad, lost)],
    }


def without_spark(client: SparkClient) -> dict[str, object]:
    try:
        client.process_data(work, args={"rows": 1})
        error = ""
    except KubeflowError as refused:
        error = type(refused).__name__
    return {"error": error, "jobs": len(client.list_jobs())}


@dataclass
class StepOutput:
    """What kfp gives a step for an output: a folder, and facts for the next step."""

    uri: str
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])


def count(spark: Any, rows: int) -> int:
    spark.range(rows).write.mode("overwrite").parquet(os.environ["KUBEFLOW_OUTPUT"])
    return rows


def step(client: SparkClient) -> dict[str, object]:
    os.environ["KUBEFLOW_BACKEND"] = "localprocess"
    output = StepOutput(str(Path.cwd() / "cleaned"))
    returned = run_process_data(count, {"rows": 5}, {"num_executors": 1}, makes="dataset", output=output)
    made = received(output, "dataset")
    return {
        "returned": returned,
        "kind": made.kind,
        "place": str(made.path),
        "files": len(list(made.path.glob("*.parquet"))),
        "job": made.metadata["job"],
        "listed": [job.name for job in client.list_jobs()] == [made.metadata["job"]],
    }


PARTS: dict[str, Any] = {
    "step": step,
    "submit": submit,
    "collect": collect,
    "start-long": start_long,
    "delete": delete,
    "session": session,
    "classic": classic,
    "jar": jar,
    "without-spark": without_spark,
}

if __name__ == "__main__":
    print(json.dumps(PARTS[sys.argv[1]](SparkClient(LocalProcessBackendConfig()), *sys.argv[2:])))
