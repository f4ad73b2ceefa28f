"""Rows: what reading a search costs that Katib runs, with 40 and with 400 trials, beside the published package.

Both sides ask the same real API server, which has Trainer's and Katib's kinds and finished searches.
"""

import atexit
import os
import shutil
import tempfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from tests.apiserver import own_server
from tests.bench.cases import Case, Metric, Place, Unit
from tests.bench.probes import scripting
from tests.bench.requirements import AtMost
from tests.bench.series import Missing
from tests.cluster.katib.katibcontroller import katib_crds
from tests.cluster.stage import MISSING, REASON, crds, install, namespace, runtimes
from tests.cluster.wire import Wire
from tests.optimizer.katib.stock import stock_search

HOME = "searches"
TRIALS = (40, 400)
REQUESTS = 4
"""What a search may cost, whatever its number of trials."""
_VARIABLE = "BENCH_SEARCHES_KUBECONFIG"

_CODE = """
import http.client, os, time
{make}

class Counting:
    requests = 0

putrequest = http.client.HTTPConnection.putrequest
def counted(self, *arguments, **more):
    Counting.requests += 1
    return putrequest(self, *arguments, **more)
http.client.HTTPConnection.putrequest = counted

client = new_client(os.environ["{variable}"], "{home}")
client.get_job("search-{trials}")  # imports, and what is set up once in a process
Counting.requests = 0
start = time.perf_counter()
job = client.get_job("search-{trials}")
seconds = time.perf_counter() - start
assert len(job.trials) == {trials}, len(job.trials)
report({{"requests": Counting.requests, "seconds": seconds}})
"""
_OURS = """
from kubeflow.optimizer.engines.katib.katib_engine import KatibEngine
from kubeflow.trainer import KubernetesBackendConfig
from kubeflow.trainer.backends.kubernetes.backend import KubernetesBackend

def new_client(file, namespace):
    return KatibEngine(KubernetesBackend(KubernetesBackendConfig(config_file=file, namespace=namespace)))
"""
_PEER = """
from kubeflow.common.types import KubernetesBackendConfig
from kubeflow.optimizer import OptimizerClient

def new_client(file, namespace):
    return OptimizerClient(KubernetesBackendConfig(config_file=file, namespace=namespace))
"""


def _code(make: str, trials: int) -> str:
    return _CODE.format(make=make, variable=_VARIABLE, home=HOME, trials=trials)


@cache
def _cluster() -> Path:
    """Start the server, fill it, and return its kubeconfig."""
    stack = ExitStack()
    atexit.register(stack.close)
    folder = Path(tempfile.mkdtemp(prefix="bench-searches-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    kubeconfig = stack.enter_context(own_server(folder / "server"))
    wire = Wire(kubeconfig)
    stack.callback(wire.close)
    install(wire, [*crds("2.3"), *katib_crds()])
    for runtime in runtimes("2.3"):
        wire.send("POST", "/apis/trainer.kubeflow.org/v1alpha1/clustertrainingruntimes", runtime)
    home = namespace(wire, HOME)
    for trials in TRIALS:
        stock_search(wire, home, f"search-{trials}", trials)
    return kubeconfig


def _start() -> Missing | None:
    if MISSING:
        return Missing(REASON)
    if _VARIABLE not in os.environ:
        os.environ[_VARIABLE] = str(_cluster())
    return None


def _case(trials: int) -> Case:
    return Case(
        name=f"a search of Katib with {trials} trials",
        metrics=(
            Metric("requests", "requests of get_job", unit=Unit.COUNT, requirement=AtMost(REQUESTS)),
            Metric("seconds", "get_job returns"),
        ),
        ours=scripting(Place.OURS, _code(_OURS, trials)),
        peer=scripting(Place.PEER, _code(_PEER, trials), timeout=300),
        limit=Missing("nothing cheaper asks the same"),
        limit_is="",
        rounds=3,
        weight=2,
        slow="the published package asks for each trial",
        warmup=0,
        beside=_start,
    )


CASES = tuple(_case(trials) for trials in TRIALS)
