"""Rows: what the Spark client's verbs cost against a cluster that has 1,000 applications, beside the published package.

The published client needs pyspark-connect: `locks/peer-spark.txt` has it.
"""

import atexit
import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.apiserver import own_server
from tests.bench.cases import Case, Metric, Place, Unit
from tests.bench.probes import scripting
from tests.bench.requirements import Always, AtMost, BetterThanPeer
from tests.bench.rows_import import import_case
from tests.bench.series import Missing
from tests.cluster.proxy import Proxy
from tests.cluster.spark.sparkaccounts import make_account
from tests.cluster.spark.sparkcontroller import APPLICATIONS, spark_crds
from tests.cluster.stage import MISSING, REASON, install, namespace
from tests.cluster.wire import Wire

JOBS = 1000
HOME = "bench"
RUNS = 5
"""Seconds for which the job runs that is waited for."""
SLOW = "the published package needs an environment of a gigabyte"
_VARIABLE = "BENCH_SPARK_KUBECONFIG"

# Both packages know these names; the work is the same to the letter. The operator's part is this script's, by requests
# that are not counted: the job that it waits for runs, and ends after some seconds.
_VERBS = f"""
import json, os, threading, time, urllib.request
import urllib3.connection
import yaml
from kubeflow.spark import FileJob, KubernetesBackendConfig, SparkClient, SparkJobStatus

sent = 0
class Counting(urllib3.connection.HTTPConnection):
    def putrequest(self, *arguments, **more):
        global sent
        sent += 1
        return super().putrequest(*arguments, **more)
urllib3.connectionpool.HTTPConnectionPool.ConnectionCls = Counting

figures = {{}}
def timed(key, call):
    global sent
    sent, start = 0, time.perf_counter()
    result = call()
    figures.update({{key: time.perf_counter() - start, key + "_requests": sent}})
    return result

def new_client():
    return SparkClient(KubernetesBackendConfig(config_file=os.environ["{_VARIABLE}"], namespace="{HOME}"))

config = yaml.safe_load(open(os.environ["{_VARIABLE}"]))
server, token = config["clusters"][0]["cluster"]["server"], config["users"][0]["user"]["token"]
def decide(name, state):
    path = "{APPLICATIONS}/namespaces/{HOME}/sparkapplications/" + name + "/status"
    status = {{"applicationState": {{"state": state}}, "driverInfo": {{"podName": name + "-driver"}}}}
    headers = {{"Authorization": "Bearer " + token, "Content-Type": "application/merge-patch+json"}}
    body = json.dumps({{"status": status}}).encode()
    urllib.request.urlopen(urllib.request.Request(server + path, body, headers, method="PATCH")).close()

ended = []
def end(name):
    ended.append(time.perf_counter())
    decide(name, "COMPLETED")

new_client().list_jobs()  # imports, and what is set up once in a process
client = timed("construct", new_client)
jobs = timed("list", client.list_jobs)
assert len(jobs) == {JOBS}, len(jobs)
job = timed("get", lambda: client.get_job("etl-00050"))
assert job.status == SparkJobStatus.COMPLETED, job.status
def submit():
    program = FileJob(file_source="local:///opt/etl.py", args=["--day", "today"])
    return client.submit_job(program, num_executors=2, resources_per_executor={{"cpu": "2", "memory": "8Gi"}})
made = [timed("submit", submit), timed("again", submit)]
decide(made[1], "RUNNING")
timer = threading.Timer({RUNS}, end, [made[1]])
timer.start()
job = timed("wait", lambda: client.wait_for_job_status(made[1], timeout=60))
figures["late"] = time.perf_counter() - ended[0]
assert job.status == SparkJobStatus.COMPLETED, job.status
timer.join()
for name in made:
    client.delete_job(name)
if hasattr(client, "explain"):
    timed("explain", lambda: client.explain("etl-00050"))
report(figures)
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
    kubeconfig = stack.enter_context(own_server(folder / "server"))
    wire = Wire(kubeconfig)
    stack.callback(wire.close)
    install(wire, spark_crds())
    namespace(wire, HOME)
    make_account(wire, HOME)
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
    import_case(
        "import kubeflow.spark, beside a published package with pyspark",
        "import kubeflow.spark",
        "import kubeflow.spark",
        peers=Place.SPARK_PEER,
        slow=SLOW,
    ),
    Case(
        name=f"a cluster with {JOBS:,} Spark applications",
        metrics=(
            Metric("list", f"list {JOBS:,} jobs", requirement=BetterThanPeer(1)),
            Metric("list_requests", "requests to list them", Unit.COUNT, requirement=Always(1)),
            Metric("construct", "make a client"),
            Metric("construct_requests", "requests to make a client", Unit.COUNT, requirement=Always(1)),
            Metric("get", "get a job"),
            Metric("get_requests", "requests to get a job", Unit.COUNT, requirement=Always(1)),
            Metric("submit", "submit the first job of a client"),
            Metric("submit_requests", "requests to submit it", Unit.COUNT, requirement=AtMost(8)),
            Metric("again", "submit the second"),
            Metric("again_requests", "requests to submit the second", Unit.COUNT, requirement=Always(1)),
            Metric("wait_requests", f"requests to wait for a job of {RUNS} s", Unit.COUNT, requirement=Always(3)),
            Metric("late", "from its end until waiting is over"),
            Metric("explain", "explain a job"),
            Metric("explain_requests", "requests to explain a job", Unit.COUNT, requirement=Always(3)),
        ),
        ours=scripting(Place.OURS, _VERBS),
        peer=scripting(Place.SPARK_PEER, _VERBS),
        limit=Missing("nothing cheaper asks the same"),
        limit_is="",
        rounds=5,
        weight=2,
        slow=SLOW,
        beside=_started,
    ),
)
