"""Rows: what the client adds to a training job on this machine, beside plain torchrun."""

from pathlib import Path

from tests.bench.cases import Case, Metric, Place
from tests.bench.probes import scripting
from tests.bench.requirements import AtMostTimesLimit
from tests.bench.series import Missing

_JOB = Path(__file__).parent / "jobs" / "allreduce.py"

# Jobs are recorded below the scratch folder, not among those of whoever runs the benchmarks.
_OURS = f"""
import os, sys, time
os.environ["KUBEFLOW_STATE_DIR"] = os.environ["BENCH_SCRATCH"]
sys.path.insert(0, {str(_JOB.parent)!r})
from allreduce import train
from kubeflow.trainer import CustomTrainer, LocalProcessBackendConfig, TrainerClient
client = TrainerClient(LocalProcessBackendConfig())
start = time.perf_counter()
name = client.train(trainer=CustomTrainer(func=train, num_nodes={{nodes}}))
submitted = time.perf_counter()
try:
    client.wait_for_job_status(name)
    ended = time.perf_counter()
finally:
    client.delete_job(name)
report({{{{"submit": submitted - start, "job": ended - start}}}})
"""

# Its wait does not end when the job fails, so this looks at the job itself; it also wants the runtime named.
_PEER = f"""
import sys, time
sys.path.insert(0, {str(_JOB.parent)!r})
from allreduce import train
from kubeflow.trainer import CustomTrainer, LocalProcessBackendConfig, TrainerClient
client = TrainerClient(LocalProcessBackendConfig())
start = time.perf_counter()
name = client.train(runtime="torch-distributed", trainer=CustomTrainer(func=train, num_nodes={{nodes}}))
submitted = time.perf_counter()
while (status := client.get_job(name).status) not in ("Complete", "Failed"):
    time.sleep(0.02)
ended = time.perf_counter()
if status == "Failed":
    sys.exit("its job failed: " + " | ".join(list(client.get_job_logs(name))[-2:]).replace("\\n", " "))
report({{{{"submit": submitted - start, "job": ended - start}}}})
"""

# The quickest plain way: a fixed address (`--standalone` takes about a tenth longer), one thread as in our jobs.
_TORCHRUN = f"""
import os, socket, subprocess, sys, time
os.environ["OMP_NUM_THREADS"] = "1"
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
command = [sys.executable, "-m", "torch.distributed.run", "--nnodes={{nodes}}", "--nproc-per-node=1"]
command += ["--master-addr=127.0.0.1", f"--master-port={{{{port}}}}"]
start = time.perf_counter()
nodes = [subprocess.Popen([*command, f"--node-rank={{{{rank}}}}", {str(_JOB)!r}]) for rank in range({{nodes}})]
assert [node.wait() for node in nodes] == [0] * {{nodes}}
report({{{{"job": time.perf_counter() - start}}}})
"""


def _case(nodes: int, words: str, factor: float) -> Case:
    return Case(
        name=f"train on this machine, {words}",
        metrics=(
            Metric("submit", "train() returns"),
            Metric("job", "train() and wait for the end", requirement=AtMostTimesLimit(factor)),
        ),
        ours=scripting(Place.CHECKOUT, _OURS.format(nodes=nodes)),
        peer=scripting(Place.PEER, _PEER.format(nodes=nodes))
        if nodes == 1
        else Missing("runs one node, whatever is asked"),
        limit=scripting(Place.CHECKOUT, _TORCHRUN.format(nodes=nodes)),
        limit_is="plain torchrun of the same function as a script",
        rounds=7,
        weight=3,
        slow="" if nodes == 1 else "one node stands for both",
    )


# A single process goes without torchrun, whose start is most of the limit.
CASES = (_case(1, "one node", 0.8), _case(2, "two nodes", 1.15))
