"""Programs that a Python with a real pyspark runs, as clients of the test cluster, and functions of their jobs."""

from __future__ import annotations

import json
import sys
from typing import Any

from kubeflow.spark import KubernetesBackendConfig, SparkClient


def write_squares(spark: Any, target: str) -> dict[str, object]:
    frame = spark.range(100).selectExpr("id", "id * id AS square")
    frame.write.mode("overwrite").parquet(target)
    print("written by Spark", spark.version)
    return {"rows": spark.read.parquet(target).count(), "largest": frame.agg({"square": "max"}).first()[0]}


def session(kubeconfig: str, namespace: str) -> None:
    client = SparkClient(KubernetesBackendConfig(config_file=kubeconfig, namespace=namespace))
    with client.connect(name="real", timeout=300) as connected:
        rows = connected.spark.range(1000).filter("id % 2 = 0").count()
        version = connected.spark.version
    print(json.dumps({"rows": rows, "version": version, "left": len(client.list_sessions())}))


if __name__ == "__main__":
    session(*sys.argv[1:])
