"""Rows: what the Spark client costs: its import, and its verbs against a cluster that has 1,000 applications.

`kubeflow.spark` of the published package imports pyspark-connect, which is not among what this project compares with (the
lock `peer` is `kubeflow==0.5.0` without extras: with it, an environment of a gigabyte). Its side is missing, and said so.
"""

import atexit
import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.bench.cases import Case, Metric, Place, Unit
from tests.bench.probes import scripting
from tests.bench.requirements import Always
from tests.bench.series import Missing
from tests.cluster.proxy import Proxy
from tests.cluster.spark.sparkcontroller import APPLICATIONS, spark_crds
from tests.cluster.stage import MISSING, REASON, install, namespace, server
from tests.cluster.wire import Wire

JOBS = 1000
HOME = "bench"
NO_PEER = Missing("kubeflow.spark of the published package needs pyspark-connect, which the lock `peer` does not have")
_VARIABLE = "BENCH_SPARK_KUBECONFIG"

_VERBS = f"""
import os, time
import urllib3.connection
from kubeflow.spark import KubernetesBackendConfig, SparkClient

sent = 0
class Counting(urllib3.connection.HTTPConnection):
    def putrequest(self, *arguments, **more):
        global sent
        sent += 1
        return super().putrequest(*arguments, **more)
urllib3.connectionpool.HTTPConnectionPool.ConnectionCls = Counting

def timed(call):
    global sent
    sent, start = 0, time.perf_counter()
    result = call()
    return time.perf_counter() - start, sent, result

def new_client():
    return SparkClient(KubernetesBackendConfig(config_file=os.environ["{_VARIABLE}"], namespace="{HOME}"))

new_client().list_jobs()  # imports, and what is set up once in a process
construct, construct_requests, client = timed(new_client)
listing, list_requests, jobs = timed(client.list_jobs)
assert len(jobs) == {JOBS}, len(jobs)
get, get_requests, job = timed(lambda: client.get_job("etl-00050"))
assert job.status.value == "Completed", job.status
explained, explain_requests, _ = timed(lambda: client.explain("etl-00050"))
report({{
    "construct": construct, "list": listing, "get": get, "explain": explained,
    "construct_requests": construct_requests, "list_requests": list_requests, "get_requests": get_requests,
    "explain_requests": explain_requests,
}})
"""


def _started() -> Missing | None:
    if MISSING:
        return Missing(REASON)
    if _VARIABLE in os.environ:
        return None
    stack = ExitStack()
    atexit.register(stack.close)
    folder = Path(tempfile.mkdtemp(prefix="bench-spark-"))  # a TemporaryDirectory would be gone before the server is
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    kubeconfig = stack.enter_context(server(folder / "server", "--gc=false"))
    wire = Wire(kubeconfig)
    stack.callback(wire.close)
    install(wire, spark_crds())
    namespace(wire, HOME)
    for number in range(JOBS):
        _make(wire, f"etl-{number:05}")
    front = Proxy(kubeconfig)
    atexit.register(front.stop)
    os.environ[_VARIABLE] = str(front.kubeconfig(folder / "kubeconfig", namespace=HOME))
    return None


def _make(wire: Wire, name: str) -> None:
    path = f"{APPLICATIONS}/namespaces/{HOME}/sparkapplications"
    body = {
        "apiVersion": "sparkoperator.k8s.io/v1beta2",
        "kind": "SparkApplication",
        "metadata": {"name": name, "labels": {"team": "data"}},
        "spec": {
            "type": "Python",
            "mode": "cluster",
            "sparkVersion": "4.0.4",
            "image": "apache/spark:4.0.4",
            "mainApplicationFile": "local:///opt/kubeflow/job/main.py",
            "driver": {"cores": 1, "memory": "4096m", "serviceAccount": "spark-operator-spark"},
            "executor": {"instances": 20, "cores": 2, "memory": "8192m"},
        },
    }
    wire.send("POST", path, body)
    executors = {f"{name}-0a1b2c3d-exec-{number}": "COMPLETED" for number in range(1, 21)}
    status = {
        "applicationState": {"state": "COMPLETED"},
        "driverInfo": {"podName": f"{name}-driver"},
        "executorState": executors,
        "executionAttempts": 1,
        "submissionAttempts": 1,
    }
    wire.patch(f"{path}/{name}/status", {"status": status})


CASES = (
    Case(
        name=f"a cluster with {JOBS:,} Spark applications",
        metrics=(
            Metric("list", f"list {JOBS:,} jobs"),
            Metric("list_requests", "requests to list them", Unit.COUNT, requirement=Always(1)),
            Metric("construct", "make a client"),
            Metric("construct_requests", "requests to make a client", Unit.COUNT, requirement=Always(1)),
            Metric("get", "get a job"),
            Metric("get_requests", "requests to get a job", Unit.COUNT, requirement=Always(1)),
            Metric("explain", "explain a job"),
            Metric("explain_requests", "requests to explain a job", Unit.COUNT, requirement=Always(3)),
        ),
        ours=scripting(Place.OURS, _VERBS),
        peer=NO_PEER,
        limit=Missing("nothing cheaper asks the same"),
        limit_is="",
        rounds=5,
        weight=2,
        beside=_started,
    ),
)
