"""Rows: what a container costs over a process: a job from train() to its end, and lines of its log. On a podman of its own.

The published package runs the same function in the same image on the same podman.
"""

import atexit
import os
from pathlib import Path

import pytest

from tests import container_engines
from tests.bench.cases import Case, Metric, Place
from tests.bench.probes import scripting
from tests.bench.series import Missing
from tests.bench.yardsticks import POLL, START

_JOBS = Path(__file__).parent / "jobs"
_HOST = "BENCH_PODMAN"

_RUNTIME = """
apiVersion: trainer.kubeflow.org/v1alpha1
kind: ClusterTrainingRuntime
metadata: {name: torch-distributed, labels: {trainer.kubeflow.org/framework: torch}}
spec:
  mlPolicy: {numNodes: 1, torch: {numProcPerNode: auto}}
  template:
    spec:
      replicatedJobs:
        - name: node
          template:
            metadata: {labels: {trainer.kubeflow.org/trainjob-ancestor-step: trainer}}
            spec: {template: {spec: {containers: [{name: node, image: "localhost/host-python:1"}]}}}
"""

_OURS = f"""
import os, statistics, sys, time
os.environ["KUBEFLOW_STATE_DIR"] = os.environ["BENCH_SCRATCH"]
sys.path.insert(0, {str(_JOBS)!r})
from say import say
from kubeflow.trainer import ContainerBackendConfig, CustomTrainer, LocalProcessBackendConfig, TrainerClient
def seconds(client, image):
    start = time.perf_counter()
    name = client.train(trainer=CustomTrainer(say, image=image))
    client.wait_for_job_status(name)
    taken = time.perf_counter() - start
    client.delete_job(name)
    return taken
contained = TrainerClient(ContainerBackendConfig(container_host=os.environ[{_HOST!r}], pull_policy="Never"))
local = TrainerClient(LocalProcessBackendConfig())
pairs = [(seconds(contained, {container_engines.IMAGE!r}), seconds(local, None)) for _ in range(4)][1:]
report({{
    "whole": statistics.median(container for container, _ in pairs),
    "added": statistics.median(container - process for container, process in pairs),
}})
"""

_PEER = f"""
import os, pathlib, statistics, sys, time
sys.path.insert(0, {str(_JOBS)!r})
from say import say
os.environ["DOCKER_HOST"] = os.environ[{_HOST!r}]
from kubeflow.trainer import ContainerBackendConfig, CustomTrainer, TrainerClient
from kubeflow.trainer.backends.container.types import TrainingRuntimeSource
folder = pathlib.Path(os.environ["BENCH_SCRATCH"]) / "runtime.yaml"
folder.write_text({_RUNTIME!r})
client = TrainerClient(ContainerBackendConfig(
    container_runtime="docker", container_host=os.environ[{_HOST!r}], pull_policy="Never",
    runtime_source=TrainingRuntimeSource(sources=[f"file://{{folder}}"]),
))
def seconds():
    start = time.perf_counter()
    name = client.train(runtime=client.get_runtime("torch-distributed"), trainer=CustomTrainer(func=say))
    client.wait_for_job_status(name, polling_interval=1)
    taken = time.perf_counter() - start
    client.delete_job(name)
    return taken
report({{"whole": statistics.median([seconds() for _ in range(3)][1:])}})
"""

_FOLLOW = f"""
import os, statistics, sys, time
os.environ["KUBEFLOW_STATE_DIR"] = os.environ["BENCH_SCRATCH"]
sys.path.insert(0, {str(_JOBS)!r})
from speak import speak
from kubeflow.trainer import ContainerBackendConfig, CustomTrainer, TrainerClient
client = TrainerClient(ContainerBackendConfig(container_host=os.environ[{_HOST!r}], pull_policy="Never"))
name = client.train(trainer=CustomTrainer(speak, image={container_engines.IMAGE!r}))
seconds = [time.time() - float(line) for line in client.get_job_logs(name, follow=True)]
client.wait_for_job_status(name)
client.delete_job(name)
assert len(seconds) == 60
report({{"median": statistics.median(seconds), "longest": max(seconds)}})
"""


def _podman() -> Missing | None:
    if _HOST not in os.environ:
        container_engines.begin()
        try:
            os.environ[_HOST] = container_engines.engine("podman").host
        except pytest.skip.Exception as skipped:
            return Missing(str(skipped))
        finally:
            atexit.register(container_engines.finish)
    return None


CASES = (
    Case(
        name="containers: a job of one line",
        metrics=(
            Metric("whole", "from train() to its end"),
            Metric("added", "more than as a process"),
        ),
        ours=scripting(Place.CHECKOUT, _OURS),
        peer=scripting(Place.PEER, _PEER),
        limit=Missing("no other client of podman has jobs"),
        limit_is="nothing",
        yardstick=START,
        rounds=3,
        warmup=0,
        slow="starts podman",
        beside=_podman,
    ),
    Case(
        name="containers: follow a log",
        metrics=(
            Metric("median", "print in the container to the client's iterator", requirement=POLL.bound(0.1)),
            Metric("longest", "longest of 60 lines"),
        ),
        ours=scripting(Place.CHECKOUT, _FOLLOW),
        peer=Missing("yields fragments of lines on podman"),
        limit=Missing("as for local jobs"),
        limit_is="nothing",
        yardstick=POLL,
        rounds=3,
        warmup=0,
        slow="starts podman",
        beside=_podman,
    ),
)
