"""From a `JobSpec` to the command lines and environments of its nodes. Pure: nothing is started or looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kubeflow.local.devices import VISIBLE
from kubeflow.local.job import NodePlan
from kubeflow.local.ports import LOOPBACK
from kubeflow.packaging import OUTPUT_DIR, RUN_ID

if TYPE_CHECKING:
    from kubeflow.packaging import Bundle

TORCHRUN_LOG = "torchrun.log"
"""In a node's directory: what torchrun itself says. It repeats at length what the ranks' own logs say better."""

# $0 is the node's directory in all of these.
_CAPTURE_TORCHRUN = f'exec "$@" >>"$0/{TORCHRUN_LOG}" 2>&1'
_CAPTURE_RANK = 'exec "$@" >>"$0/rank-$RANK.log" 2>&1'
# Every rank: its outputs, in order, into one file of its own, by the shell that $1 is the script of; then its exit
# code, with the time, into another. The trap keeps the outer shell alive on TERM until the rank has ended by it, and
# its own remarks on that go nowhere. What is put into temporary files on the way to the rank goes with the job's
# directory; the rank itself has the user's TMPDIR again.
_RANK = (
    'if [ -n "$KUBEFLOW_TMPDIR" ]; then TMPDIR="$KUBEFLOW_TMPDIR"; else unset TMPDIR; fi; unset KUBEFLOW_TMPDIR; '
    'trap : INT TERM; capture=$1; shift; /bin/sh -c "$capture" "$0" "$@" 2>/dev/null; '
    'code=$?; echo "$code" >"$0/rank-$RANK.exit"; exit "$code"'
)

# What a launcher around this process has set for its own ranks is not meant for ours.
_LAUNCHER_PREFIXES = ("PET_", "TORCHELASTIC_", "ROLE_", "OMPI_COMM_WORLD_", "PMI_", "PMIX_")
_LAUNCHER_VARIABLES = frozenset(
    {"RANK", "LOCAL_RANK", "GROUP_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE"}
    | {"MASTER_ADDR", "MASTER_PORT", "SLURM_PROCID", "SLURM_LOCALID"}
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


@dataclass(frozen=True, slots=True)
class Places:
    """Where the parts of a job are, below its own directory."""

    directory: Path

    @property
    def outcomes(self) -> Path:
        """What the ranks report."""
        return self.directory / "outcomes"

    @property
    def temporary(self) -> Path:
        """What the launchers unpack."""
        return self.directory / "tmp"

    @property
    def environment(self) -> Path:
        """What is installed for the job alone."""
        return self.directory / "environment"

    def node(self, index: int) -> Path:
        """Logs and exit codes of one node."""
        return self.directory / f"node-{index}"


def torchrun(
    bundle: Bundle,
    layout: Layout,
    places: Places,
    *,
    python: str,
    install: bool,
    port: int,
    environ: Mapping[str, str],
    env: Mapping[str, str],
) -> list[NodePlan]:
    """Return one torchrun per node, with the environment that the control plane gives its nodes.

    Args:
        bundle: The train function.
        layout: Nodes, ranks and GPUs.
        places: Where the job's files are.
        python: The interpreter of the job.
        install: Whether the bundle's requirements are to be installed for that interpreter first.
        port: A loopback port for the rendezvous; node 0 listens on it.
        environ: The environment of this process.
        env: The job's own variables.
    """
    common = {
        **_inherited(environ),
        # torchrun would set the first by itself, and say so at length; without the second, prints reach the log
        # in blocks, long after they were made.
        "OMP_NUM_THREADS": environ.get("OMP_NUM_THREADS", "1"),
        "PYTHONUNBUFFERED": environ.get("PYTHONUNBUFFERED", "1"),
        **env,
        "PET_NNODES": str(layout.num_nodes),
        "PET_NPROC_PER_NODE": str(layout.num_proc_per_node),
        "PET_MASTER_ADDR": LOOPBACK,
        "PET_MASTER_PORT": str(port),
        "KUBEFLOW_TMPDIR": {**environ, **env}.get("TMPDIR", ""),
        "TMPDIR": str(places.temporary),
        OUTPUT_DIR: str(places.outcomes),
        RUN_ID: places.directory.name,  # the nodes share one installation
    }
    plans: list[NodePlan] = []
    for index in range(layout.num_nodes):
        node = str(places.node(index))
        launcher = ("/bin/sh", "-c", _CAPTURE_TORCHRUN, node, python, "-P", "-m", "torch.distributed.run")
        rank = ("--no-python", "/bin/sh", "-c", _RANK, node, _CAPTURE_RANK, python)
        loader, *arguments = bundle.command((*launcher, *rank), python=python, install=install)
        gpus = {VISIBLE: ",".join(layout.gpus[index])} if layout.gpus else {}
        # -P: a file of the user's that happens to be called random.py must not shadow the library for our programs.
        plans.append(NodePlan((loader, "-P", *arguments), {**common, **gpus, "PET_NODE_RANK": str(index)}))
    return plans


def _inherited(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environ.items()
        if name not in _LAUNCHER_VARIABLES and not name.startswith(_LAUNCHER_PREFIXES)
    }
