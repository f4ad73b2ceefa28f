"""From a `JobSpec` to the command lines and environments of its nodes. Pure: nothing is started or looked up."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kubeflow.local.devices import VISIBLE
from kubeflow.local.job import NodePlan
from kubeflow.local.ports import LOOPBACK
from kubeflow.packaging import OUTPUT_DIR, Bundle

# Every rank: its outputs, in order, into one file of its own; its exit code, with the time, into another. The empty
# trap keeps the shell alive on TERM until the rank has ended by it. $0 is the node's directory.
_RANK_SHELL = (
    'trap : INT TERM; "$@" >>"$0/rank-$RANK.log" 2>&1; '
    'code=$?; echo "$code" >"$0/rank-$RANK.exit"; exit "$code"'
)

# What a launcher around this process has set for its own ranks is not meant for ours.
_LAUNCHER_PREFIXES = ("PET_", "TORCHELASTIC_", "ROLE_")
_LAUNCHER_VARIABLES = frozenset(
    ["RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK", "GROUP_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"]
)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a job lies on this machine.

    Attributes:
        num_nodes: Nodes.
        num_proc_per_node: Processes (ranks) of each node; rank = node * num_proc_per_node + local rank.
        gpus: For each node the GPUs it gets, as `CUDA_VISIBLE_DEVICES` names them; empty leaves the choice alone.
    """

    num_nodes: int
    num_proc_per_node: int
    gpus: tuple[tuple[str, ...], ...] = ()

    def node_of(self, rank: int) -> int:
        """Return the node that a global rank is on."""
        return rank // self.num_proc_per_node


def torchrun(
    bundle: Bundle,
    layout: Layout,
    *,
    port: int,
    node_dirs: Sequence[Path],
    outcomes: Path,
    environ: Mapping[str, str],
    env: Mapping[str, str],
) -> list[NodePlan]:
    """Return one torchrun per node, with the environment that the control plane gives its nodes.

    Args:
        bundle: The train function.
        layout: Nodes, ranks and GPUs.
        port: A loopback port for the rendezvous; node 0 listens on it.
        node_dirs: For each node the directory of its logs and exit codes.
        outcomes: Directory for what the ranks report.
        environ: The environment of this process.
        env: The job's own variables.
    """
    plans: list[NodePlan] = []
    for index in range(layout.num_nodes):
        # -P: a file of the user's that happens to be called random.py must not shadow the library for torchrun.
        torch = (sys.executable, "-P", "-m", "torch.distributed.run", "--no-python")
        rank = ("/bin/sh", "-c", _RANK_SHELL, str(node_dirs[index]), sys.executable)
        plans.append(
            NodePlan(
                argv=bundle.command((*torch, *rank), python=sys.executable),
                env={
                    **_inherited(environ),
                    # torchrun would set the first by itself, and say so at length; without the second, prints
                    # reach the log in blocks, long after they were made.
                    "OMP_NUM_THREADS": environ.get("OMP_NUM_THREADS", "1"),
                    "PYTHONUNBUFFERED": environ.get("PYTHONUNBUFFERED", "1"),
                    **({VISIBLE: ",".join(layout.gpus[index])} if layout.gpus else {}),
                    **env,
                    "PET_NNODES": str(layout.num_nodes),
                    "PET_NPROC_PER_NODE": str(layout.num_proc_per_node),
                    "PET_NODE_RANK": str(index),
                    "PET_MASTER_ADDR": LOOPBACK,
                    "PET_MASTER_PORT": str(port),
                    OUTPUT_DIR: str(outcomes),
                },
            )
        )
    return plans


def _inherited(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environ.items()
        if name not in _LAUNCHER_VARIABLES and not name.startswith(_LAUNCHER_PREFIXES)
    }
