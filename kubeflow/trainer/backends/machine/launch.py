"""From a torch job to the command lines and environments of its nodes. Pure: nothing is started or looked up."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubeflow.local.executors.ports import LOOPBACK
from kubeflow.local.executors.processes import MARK, SUPERVISES
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import NodePlan
from kubeflow.local.logs.ranks import watched
from kubeflow.packaging import OUTPUT_DIR, RUN_ID
from kubeflow.trainer.backends.machine.profile import TORCHRUN_LOG
from kubeflow.trainer.jobs.steps import node_step

if TYPE_CHECKING:
    from kubeflow.packaging import Bundle

# $0 is the node's directory in all of these.
_CAPTURE_TORCHRUN = f'exec "$@" >>"$0/{TORCHRUN_LOG}" 2>&1'
# What is put into temporary files on the way to a rank goes with the job's directory, and a file of the user's called
# random.py must not shadow the library for our programs. (The option -P is unknown to Python before 3.11; there this
# variable is no error.) The rank itself has the user's values again.
_SET_ASIDE = ("TMPDIR", "PYTHONSAFEPATH")
_GIVE_BACK = "".join(
    f'if [ -n "$KUBEFLOW_{name}" ]; then {name}="$KUBEFLOW_{name}"; else unset {name}; fi; unset KUBEFLOW_{name}; '
    for name in _SET_ASIDE
)
# Every rank: both its outputs, in order, into one file of its own. One that torchrun starts again begins with a clean
# slate.
_CAPTURE_RANK = (
    '[ ! -e "$0/rank-$RANK.exit" ] || rm -f "$0/rank-$RANK.exit" "$KUBEFLOW_OUTPUT_DIR/rank-$RANK.json"; '
    f'{_GIVE_BACK}exec "$@" >>"$0/rank-$RANK.log" 2>&1'
)

# What a launcher around this process has set for its own ranks is not meant for ours.
_LAUNCHER_PREFIXES = ("PET_", "TORCHELASTIC_", "ROLE_", "OMPI_COMM_WORLD_", "PMI_", "PMIX_")
_LAUNCHER_VARIABLES = frozenset(
    {"JAX_NUM_PROCESSES", "JAX_PROCESS_ID", "JAX_COORDINATOR_ADDRESS", "JOB_COMPLETION_INDEX"}
    | {"DMLC_TRACKER_URI", "DMLC_TRACKER_PORT", "DMLC_TASK_ID", "DMLC_NUM_WORKER"}
    | {"RANK", "LOCAL_RANK", "GROUP_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE"}
    | {"MASTER_ADDR", "MASTER_PORT", "SLURM_PROCID", "SLURM_LOCALID", MARK, SUPERVISES}
)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a job lies on this machine.

    Attributes:
        num_nodes: Nodes.
        num_proc_per_node: Processes (ranks) of each node; rank = node * num_proc_per_node + local rank.
        gpus: GPUs that each node leases for itself; 0 leaves all of them to be seen.
        cpus: CPUs that each node may use, `None` for all.
        memory: Bytes that each process may use, `None` for all there is.
    """

    num_nodes: int
    num_proc_per_node: int
    gpus: int = 0
    cpus: int | None = None
    memory: int | None = None


def torchrun(
    bundle: Bundle,
    layout: Layout,
    places: Places,
    *,
    python: str,
    environ: Mapping[str, str],
    env: Mapping[str, str],
    max_restarts: int = 0,
) -> tuple[NodePlan, ...]:
    """Return one torchrun per node, with the environment that the control plane gives its nodes.

    Args:
        bundle: The train function.
        layout: Nodes, ranks and GPUs.
        places: Where the job's files are.
        python: The interpreter of the job.
        environ: The environment of this process.
        env: The job's own variables.
        max_restarts: How often torchrun starts all ranks anew after one of them failed.
    """
    run_id = places.directory.name
    common = {
        **inherited(environ),
        # torchrun would set the first by itself, and say so at length; without the second, prints reach the log
        # in blocks, long after they were made.
        "OMP_NUM_THREADS": environ.get("OMP_NUM_THREADS", "1"),
        "PYTHONUNBUFFERED": environ.get("PYTHONUNBUFFERED", "1"),
        **env,
        "PET_NNODES": str(layout.num_nodes),
        "PET_NPROC_PER_NODE": str(layout.num_proc_per_node),
        **({"PET_MAX_RESTARTS": str(max_restarts)} if max_restarts else {}),
        **set_aside({**environ, **env}),
        "TMPDIR": str(places.temporary),
        OUTPUT_DIR: str(places.outcomes),
        RUN_ID: run_id,
    }
    plans: list[NodePlan] = []
    for index in range(layout.num_nodes):
        name = node_step(index)
        directory = str(places.node(name))
        launcher = ("/bin/sh", "-c", _CAPTURE_TORCHRUN, directory, python, "-m", "torch.distributed.run")
        rank = ("--no-python", *captured_rank(directory, "$RANK"), python)
        plans.append(
            NodePlan(
                name,
                argv=tuple(bundle.command((*launcher, *rank), python=python, install=False)),
                env={**common, "PET_NODE_RANK": str(index)},
                rendezvous=_elastic(index, run_id) if max_restarts else _static(),
                ranks=tuple(range(index * layout.num_proc_per_node, (index + 1) * layout.num_proc_per_node)),
                restarts=max_restarts,
                gpus=layout.gpus,
                cpus=layout.cpus,
                memory=layout.memory,
            )
        )
    return tuple(plans)


def _static() -> dict[str, str]:
    """As the control plane sets it up: node 0 listens, and each node has the rank that it is told."""
    return {"PET_MASTER_ADDR": "{host}", "PET_MASTER_PORT": "{port}"}


def _elastic(index: int, run_id: str) -> dict[str, str]:
    """What restarts need: nodes that agree on one, and ranks that do not read what those before them left in the store.

    PyTorch 2.13 lets all attempts share the store of the agents, without a prefix: they get a fresh one each instead.

    The elastic rendezvous gives ranks to nodes in the order of their addresses, as texts. Linux has 127.0.0.0/8 on
    loopback; elsewhere the order of their pids decides, which is mostly that of their start.
    """
    address = f"127.0.1.{100 + index}" if sys.platform == "linux" and index < 150 else LOOPBACK
    return {
        "PET_RDZV_BACKEND": "c10d",
        "PET_RDZV_ENDPOINT": "{host}:{port}",
        "PET_RDZV_ID": run_id,
        "PET_LOCAL_ADDR": address,
        "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
    }


def captured_rank(directory: str, rank: str) -> tuple[str, ...]:
    """Return what a rank's command line is appended to, so that it leaves its log and its exit code.

    Args:
        directory: Of the node.
        rank: The rank's number, or the variable that holds it when it starts, like `"$RANK"`.
    """
    return (*watched(directory, rank), "/bin/sh", "-c", _CAPTURE_RANK.replace("$RANK", rank), directory)


def set_aside(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that programs of ours have on the way to a rank, with those that `captured_rank` gives back.

    `TMPDIR` is for the caller to set.

    Args:
        environ: What the rank shall have.
    """
    return {"PYTHONSAFEPATH": "1", **{f"KUBEFLOW_{name}": environ.get(name, "") for name in _SET_ASIDE}}


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a job takes over from this process's environment: all but what concerns this process alone."""
    return {
        name: value
        for name, value in environ.items()
        if name not in _LAUNCHER_VARIABLES and not name.startswith(_LAUNCHER_PREFIXES)
    }
