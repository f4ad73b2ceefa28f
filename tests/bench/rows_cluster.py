"""Rows: what the client's verbs cost against a cluster that has 1,000 jobs, beside the published package.

Both sides ask the same real API server through the same proxy, which adds latency as a distant cluster has it. The server
is started once, for all cases, and stops with the benchmarks.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from kubeflow.trainer import CustomTrainer, KubernetesBackendConfig, TrainerClient
from tests.apiserver import own_server
from tests.bench.cases import Case, Metric, Place, Unit
from tests.bench.probes import scripting
from tests.bench.requirements import AtMost, BetterThanPeer
from tests.bench.series import Missing
from tests.cluster.proxy import Proxy
from tests.cluster.stage import MISSING, REASON, crds, install, namespace, runtimes
from tests.cluster.wire import Wire
from tests.trainer.kubernetes.stock import stock

JOBS = 1000
HOME = "bench"
LIST_FACTOR = 20
"""How many times faster than the published package the jobs must be listed."""
LIST_BYTES = 3_000_000
"""What may be read for it, on the way as the server sends it. The jobs have the code of this SDK, and so do their pods."""

_FOLDER = str(Path(__file__).parent / "jobs")

# Both packages know these names; the work is the same to the letter.
_CODE = """
import os, socket, sys, time
from kubeflow.trainer import CustomTrainer, TrainerClient
{config}
sys.path.insert(0, {jobs_folder!r})
from allreduce import train as function

class CountingSocket(socket.socket):
    read = 0
    def recv_into(self, *arguments):
        count = super().recv_into(*arguments)
        CountingSocket.read += count
        return count

socket.socket = CountingSocket

def timed(call):
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result

def new_client():
    return TrainerClient(KubernetesBackendConfig(config_file=os.environ["{variable}"], namespace="{home}"))

new_client()  # imports, and what is set up once in a process
construct, client = timed(new_client)
CountingSocket.read = 0
listing, jobs = timed(client.list_jobs)
read = CountingSocket.read
assert len(jobs) == {jobs}, len(jobs)
get, job = timed(lambda: client.get_job("job-00050"))
assert job.status == "Complete", job.status
trainer = CustomTrainer(func=function, num_nodes=2)
train, name = timed(lambda: client.train(runtime="torch-distributed", trainer=trainer))
again, second = timed(lambda: client.train(runtime="torch-distributed", trainer=trainer))
for made in (name, second):
    client.delete_job(made)
report({{"construct": construct, "list": listing, "read": read, "get": get, "train": train, "again": again}})
"""
_OURS = "from kubeflow.trainer import KubernetesBackendConfig"
_PEER = "from kubeflow.common.types import KubernetesBackendConfig"


def _code(config: str, milliseconds: int) -> str:
    return _CODE.format(config=config, variable=_variable(milliseconds), home=HOME, jobs=JOBS, jobs_folder=_FOLDER)


def _variable(milliseconds: int) -> str:
    return f"BENCH_KUBECONFIG_{milliseconds}"


@cache
def _cluster() -> tuple[Path, Path]:
    """Start the server, fill it, and return its kubeconfig and a folder."""
    stack = ExitStack()
    atexit.register(stack.close)
    folder = Path(tempfile.mkdtemp(prefix="bench-cluster-"))  # a TemporaryDirectory would be gone before the server is
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    kubeconfig = stack.enter_context(own_server(folder / "server"))
    wire = Wire(kubeconfig)
    stack.callback(wire.close)
    install(wire, crds("2.3"))
    for runtime in runtimes("2.3"):
        wire.send("POST", "/apis/trainer.kubeflow.org/v1alpha1/clustertrainingruntimes", runtime)
    home = namespace(wire, HOME)
    stock(wire, home, JOBS, with_pods=JOBS, create=_maker(kubeconfig))
    return kubeconfig, folder


def _maker(kubeconfig: Path) -> Callable[[str], object]:
    """Return what makes a job that has a function of this SDK, with arguments that no other job has."""
    client = TrainerClient(KubernetesBackendConfig(config_file=str(kubeconfig), namespace=HOME))
    script = Path(_FOLDER) / "allreduce.py"

    def create(name: str) -> object:
        trainer = CustomTrainer(str(script), args=[name])
        return client.train(runtime="torch-distributed", trainer=trainer, name=name)

    return create


def _beside(milliseconds: int) -> Callable[[], Missing | None]:
    def start() -> Missing | None:
        if MISSING:
            return Missing(REASON)
        if _variable(milliseconds) not in os.environ:
            kubeconfig, folder = _cluster()
            front = Proxy(kubeconfig, latency=milliseconds / 1000)
            atexit.register(front.stop)
            file = front.kubeconfig(folder / f"kubeconfig-{milliseconds}", namespace=HOME)
            os.environ[_variable(milliseconds)] = str(file)
        return None

    return start


def _case(milliseconds: int, *, rounds: int) -> Case:
    return Case(
        name=f"a cluster with {JOBS:,} jobs, {milliseconds} ms away",
        metrics=(
            Metric("list", f"list {JOBS:,} jobs", requirement=BetterThanPeer(LIST_FACTOR)),
            Metric("read", "read for that", unit=Unit.BYTES, requirement=AtMost(LIST_BYTES)),
            Metric("construct", "make a client"),
            Metric("get", "get a job"),
            Metric("train", "the first train() of a process returns"),
            Metric("again", "the second returns"),
        ),
        ours=scripting(Place.OURS, _code(_OURS, milliseconds)),
        peer=scripting(Place.PEER, _code(_PEER, milliseconds), timeout=300),
        limit=Missing("nothing cheaper asks the same"),
        limit_is="",
        rounds=rounds,
        weight=4,
        slow="the published package needs more than a minute for a listing",
        warmup=0,
        beside=_beside(milliseconds),
    )


CASES = (
    _case(0, rounds=5),
    _case(20, rounds=3),
)
