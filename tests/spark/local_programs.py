"""What the tests of jobs of this machine run in processes of their own: `python local_programs.py PART [NAME]`."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from kubeflow.spark import Driver, KubeflowError, LocalProcessBackendConfig, SparkClient

FACTOR = 3


def triple(number: int) -> int:
    return number * FACTOR


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
        "tripled": table.rdd.map(lambda row: triple(row.id)).collect(),
        "app": spark.sparkContext.appName,
    }


def wait_long(spark: Any) -> None:
    spark.range(4).rdd.foreach(lambda row: __import__("time").sleep(600))


def submit(client: SparkClient) -> dict[str, object]:
    name = client.process_data(
        work,
        args={"rows": 5},
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


def without_spark(client: SparkClient) -> dict[str, object]:
    try:
        client.process_data(work, args={"rows": 1})
        error = ""
    except KubeflowError as refused:
        error = type(refused).__name__
    return {"error": error, "jobs": len(client.list_jobs())}


PARTS: dict[str, Any] = {
    "submit": submit,
    "collect": collect,
    "start-long": start_long,
    "delete": delete,
    "session": session,
    "without-spark": without_spark,
}

if __name__ == "__main__":
    print(json.dumps(PARTS[sys.argv[1]](SparkClient(LocalProcessBackendConfig()), *sys.argv[2:])))
