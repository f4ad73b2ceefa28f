"""Rows: what the engine of local jobs costs: submitting, environments that are there, following logs, listing jobs."""

from pathlib import Path

from tests.bench.cases import Case, Metric, Place
from tests.bench.probes import scripting
from tests.bench.series import Missing
from tests.bench.yardsticks import POLL, ROWS, START

_JOBS = Path(__file__).parent / "jobs"

# Each job is ended before the next, so that none is measured beside the processes of another.
_SUBMIT = f"""
import os, statistics, sys, time
os.environ["KUBEFLOW_STATE_DIR"] = os.environ["BENCH_SCRATCH"]
sys.path.insert(0, {str(_JOBS)!r})
from allreduce import train
from kubeflow.trainer import LocalProcessBackendConfig, TrainerClient
client = TrainerClient(LocalProcessBackendConfig())
seconds = []
for _ in range(6):
    start = time.perf_counter()
    name = client.train(train_func=train)
    seconds.append(time.perf_counter() - start)
    client.delete_job(name)
report({{"first": seconds[0], "warm": statistics.median(seconds[1:])}})
"""

# It records nothing outside its own memory, and starts a thread that builds an environment.
_SUBMIT_PEER = f"""
import statistics, sys, time
sys.path.insert(0, {str(_JOBS)!r})
from allreduce import train
from kubeflow.trainer import CustomTrainer, LocalProcessBackendConfig, TrainerClient
client = TrainerClient(LocalProcessBackendConfig())
seconds = []
for _ in range(3):
    start = time.perf_counter()
    name = client.train(runtime="torch-distributed", trainer=CustomTrainer(func=train))
    seconds.append(time.perf_counter() - start)
    client.delete_job(name)
report({{"first": seconds[0], "warm": statistics.median(seconds[1:])}})
"""

_SPAWN = """
import subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen([sys.executable, "-c", "pass"])
seconds = time.perf_counter() - start
process.wait()
report({"first": seconds, "warm": seconds})
"""

_ENVIRONMENT = """
import os, statistics, sys, time
from pathlib import Path
from kubeflow.local.environments.cache import build, hold, ready
from kubeflow.local.job.plan import EnvironmentPlan
from tests.local.wheels import add_wheel
scratch = Path(os.environ["BENCH_SCRATCH"])
add_wheel(scratch / "index", "bench_tiny")
plan = EnvironmentPlan(("bench_tiny",), ((scratch / "index").as_uri(),))
cache, log = scratch / "environments", scratch / "log"
start = time.perf_counter()
build(plan, cache=cache, log=log)
built = time.perf_counter() - start
seconds = []
for _ in range(20):
    start = time.perf_counter()
    with hold(plan, cache):
        build(plan, cache=cache, log=log)
    seconds.append(time.perf_counter() - start)
report({"reused": statistics.median(seconds), "built": built})
"""

_FOLLOW = f"""
import os, statistics, sys, time
os.environ["KUBEFLOW_STATE_DIR"] = os.environ["BENCH_SCRATCH"]
sys.path.insert(0, {str(_JOBS)!r})
from speak import speak
from kubeflow.trainer import LocalProcessBackendConfig, TrainerClient
client = TrainerClient(LocalProcessBackendConfig())
name = client.train(train_func=speak)
seconds = [time.time() - float(line) for line in client.get_job_logs(name, follow=True)]
client.wait_for_job_status(name)
client.delete_job(name)
assert len(seconds) == 60
report({{"median": statistics.median(seconds), "longest": max(seconds)}})
"""

_FOLLOW_PIPE = f"""
import statistics, subprocess, sys, time
command = [sys.executable, {str(_JOBS / "speak.py")!r}]
with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
    seconds = [time.time() - float(line) for line in process.stdout]
report({{"median": statistics.median(seconds), "longest": max(seconds)}})
"""

# What a supervisor records of a job with one node that has succeeded.
_LIST = """
import os, statistics, sys, time
from pathlib import Path
os.environ["KUBEFLOW_STATE_DIR"] = os.environ["BENCH_SCRATCH"]
from kubeflow.local.job.process_identity import this_process
from kubeflow.local.store.journal import Journal
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import JobPlan, NodePlan
from kubeflow.local.job.records import Verdict
from kubeflow.local.store.store import Store
from kubeflow.trainer import LocalProcessBackendConfig, TrainerClient
from kubeflow.trainer.backends.machine.details import Details
state = Path(os.environ["BENCH_SCRATCH"])
client = TrainerClient(LocalProcessBackendConfig())
details = Details(client.get_runtime("torch-distributed"), 1, "cpu", 2).to_json()
store, me = Store(state), this_process()
for number in range(1000):
    plan = JobPlan(f"job-{number}", ((NodePlan("node-0", ("true",)),),), "/", details=details)
    job = store.add(plan, state / "jobs" / f"job-{number}-x", me)
    journal = Journal(store.database, job, me)
    journal.adopt()
    journal.started([("node-0", "1")])
    journal.exited("node-0", 0, "exited with code 0", ())
    journal.finish(Verdict("Complete"), ())
store.database.close()
def look(client):
    start = time.perf_counter()
    jobs = client.list_jobs()
    seconds = time.perf_counter() - start
    assert [job.status for job in jobs] == ["Complete"] * 1000
    return seconds
first = look(client)
report({"first": first, "list": statistics.median(look(client) for _ in range(9))})
"""

_FORGETS = "keeps its jobs in the memory of one process: another one lists none"

CASES = (
    Case(
        name="local: submit a job",
        metrics=(
            Metric("warm", "train() returns", requirement=START.bound(0.05)),
            Metric("first", "first call of a process"),
        ),
        ours=scripting(Place.CHECKOUT, _SUBMIT),
        peer=scripting(Place.PEER, _SUBMIT_PEER),
        limit=scripting(Place.BARE, _SPAWN),
        limit_is="starting a Python and nothing else",
        yardstick=START,
        rounds=7,
    ),
    Case(
        name="local: reuse an environment",
        metrics=(
            Metric("reused", "an environment that is there", requirement=START.bound(0.05)),
            Metric("built", "one of a small wheel, built"),
        ),
        ours=scripting(Place.CHECKOUT, _ENVIRONMENT),
        peer=Missing("builds an environment for every job, and deletes it"),
        limit=Missing("nothing to do"),
        limit_is="nothing",
        yardstick=START,
        rounds=3,
        warmup=0,
    ),
    Case(
        name="local: follow a log",
        metrics=(
            Metric("median", "print in the rank to the client's iterator", requirement=POLL.bound(0.1)),
            Metric("longest", "longest of 60 lines"),
        ),
        ours=scripting(Place.CHECKOUT, _FOLLOW),
        peer=Missing("reads its logs when the job is over"),
        limit=scripting(Place.BARE, _FOLLOW_PIPE),
        limit_is="a pipe between two processes",
        yardstick=POLL,
        rounds=3,
        warmup=0,
    ),
    Case(
        name="local: list 1,000 finished jobs",
        metrics=(
            Metric("list", "list_jobs()", requirement=ROWS.bound(0.05)),
            Metric("first", "first call of a process"),
        ),
        ours=scripting(Place.CHECKOUT, _LIST),
        peer=Missing(_FORGETS),
        limit=Missing("nothing to compare with"),
        limit_is="nothing",
        yardstick=ROWS,
        rounds=3,
        warmup=0,
    ),
)
