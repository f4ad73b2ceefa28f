"""From a torch job to the command lines and environments of its nodes. Pure: nothing is started or looked up."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubeflow.core.stdlib import base64, re
from kubeflow.local.executors.ports import LOOPBACK
from kubeflow.local.executors.processes import MARK, SUPERVISES
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import FilesPlan, NodePlan
from kubeflow.local.logs.ranks import watched
from kubeflow.packaging import OUTPUT_DIR, RUN_ID
from kubeflow.trainer.backends.machine.profile import TORCHRUN_LOG
from kubeflow.trainer.jobs.steps import node_step

if TYPE_CHECKING:
    from kubeflow.packaging import Bundle

_PLAN_FILES = 256 * 1024  # bytes of a bundle that go into a plan as they are; the loader has them compressed

ENTRY = ".kubeflow/entry.json"
"""In a bundle: what it runs, and with which arguments."""

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

# Code that has to do with the agent that torchrun is: its store, its error file, itself.
_AGENT_WORDS = re.compile(
    rb"TORCHELASTIC_(?:ERROR_FILE|USE_AGENT_STORE)|TCPStore|distributed(?:\.| import )(?:elastic|run|launch)\b"
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


def torch_nodes(
    bundle: Bundle,
    layout: Layout,
    places: Places,
    *,
    python: str,
    environ: Mapping[str, str],
    env: Mapping[str, str],
    max_restarts: int = 0,
    install: bool = False,
    own_hosts: bool = False,
) -> tuple[NodePlan, ...]:
    """Return the nodes of a torch job: Python alone for a single process, which saves seconds, else torchrun.

    Arguments as for `torchrun`.
    """
    if layout.num_nodes == layout.num_proc_per_node == 1 and not max_restarts and not needs_agent(bundle):
        return (_alone(bundle, layout, places, python=python, environ=environ, env=env, install=install),)
    return torchrun(
        bundle,
        layout,
        places,
        python=python,
        environ=environ,
        env=env,
        max_restarts=max_restarts,
        install=install,
        own_hosts=own_hosts,
    )


def needs_agent(bundle: Bundle) -> bool:
    """Return True when code of the bundle names what only the agent of torchrun has, such as the agent's store.

    In doubt the answer is True: a job under torchrun is slower to start, and has all of it.
    """
    own = (text for path, text in bundle.files().items() if not path.startswith(".kubeflow/") or path == ENTRY)
    return any(_AGENT_WORDS.search(text) for text in own)


def single_rank(run_id: str = "none") -> tuple[dict[str, str], dict[str, str]]:
    """Return what torchrun sets for the only rank of a job: variables, and those with `{host}` or `{port}` in them.

    As torchrun of PyTorch 2.13 does, with one difference: nobody has a store at the rendezvous yet, so the rank makes
    one (`TORCHELASTIC_USE_AGENT_STORE`).

    Args:
        run_id: Of the rendezvous; torchrun says `"none"` for a static one.
    """
    zero = ("RANK", "LOCAL_RANK", "GROUP_RANK", "ROLE_RANK", "PET_NODE_RANK")
    one = ("WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE", "ROLE_WORLD_SIZE", "PET_NNODES", "PET_NPROC_PER_NODE")
    variables = {
        **dict.fromkeys(zero, "0"),
        **dict.fromkeys(one, "1"),
        "ROLE_NAME": "default",
        "TORCHELASTIC_RESTART_COUNT": "0",
        "TORCHELASTIC_MAX_RESTARTS": "0",
        "TORCHELASTIC_RUN_ID": run_id,
        "TORCHELASTIC_USE_AGENT_STORE": "False",
        "TORCH_NCCL_ASYNC_ERROR_HANDLING": "1",
    }
    return variables, {"MASTER_ADDR": "{host}", "MASTER_PORT": "{port}", **static_rendezvous()}


def torchrun(
    bundle: Bundle,
    layout: Layout,
    places: Places,
    *,
    python: str,
    environ: Mapping[str, str],
    env: Mapping[str, str],
    max_restarts: int = 0,
    install: bool = False,
    own_hosts: bool = False,
) -> tuple[NodePlan, ...]:
    """Return one torchrun per node, with the environment that the control plane gives its nodes.

    Args:
        bundle: The train function.
        layout: Nodes, ranks and GPUs.
        places: Where the job's files are.
        python: The interpreter of the job.
        environ: What the job takes over of the environment of this process.
        env: The job's own variables.
        max_restarts: How often torchrun starts all ranks anew after one of them failed.
        install: Whether each node installs what the bundle requires, before it starts.
        own_hosts: True when each node has a host of its own, which is called like the node.
    """
    run_id = places.directory.name
    common = _common(places, environ, env)
    plans: list[NodePlan] = []
    for index in range(layout.num_nodes):
        name = node_step(index)
        directory = str(places.node(name))
        launcher = ("/bin/sh", "-c", _CAPTURE_TORCHRUN, directory, python, "-m", "torch.distributed.run")
        rank = ("--no-python", *captured_rank(directory, "$RANK"), python)
        plans.append(
            NodePlan(
                name,
                argv=tuple(bundle.command((*launcher, *rank), python=python, install=install)),
                env={**common, **node_environment(layout, index, max_restarts)},
                rendezvous=_elastic(index, run_id, own_hosts=own_hosts) if max_restarts else static_rendezvous(),
                ranks=tuple(range(index * layout.num_proc_per_node, (index + 1) * layout.num_proc_per_node)),
                restarts=max_restarts,
                gpus=layout.gpus,
                cpus=layout.cpus,
                memory=layout.memory,
            )
        )
    return tuple(plans)


def node_environment(layout: Layout, index: int, max_restarts: int = 0) -> dict[str, str]:
    """Return what the control plane sets for one node of a torch job, but for `static_rendezvous`.

    Args:
        layout: Nodes and ranks.
        index: The node's.
        max_restarts: How often torchrun starts all ranks anew after one of them failed.
    """
    return {
        "PET_NNODES": str(layout.num_nodes),
        "PET_NPROC_PER_NODE": str(layout.num_proc_per_node),
        **({"PET_MAX_RESTARTS": str(max_restarts)} if max_restarts else {}),
        "PET_NODE_RANK": str(index),
    }


def _alone(
    bundle: Bundle,
    layout: Layout,
    places: Places,
    *,
    python: str,
    environ: Mapping[str, str],
    env: Mapping[str, str],
    install: bool,
) -> NodePlan:
    name = node_step(0)
    variables, rendezvous = single_rank()
    rank = (*captured_rank(str(places.node(name)), "0"), python)
    common = {**_common(places, environ, env), **variables}
    files = None if install or python != sys.executable else _files(bundle, places)
    if files is None:
        argv = tuple(bundle.command(rank, python=python, install=install))
    else:
        program, modules = bundle.program(files.directory)
        argv = (*rank, program)
        common["PYTHONPATH"] = os.pathsep.join(filter(None, [modules, common.get("PYTHONPATH")]))
    return NodePlan(
        name,
        argv=argv,
        env=common,
        rendezvous=rendezvous,
        files=files,
        ranks=(0,),
        gpus=layout.gpus,
        cpus=layout.cpus,
        memory=layout.memory,
    )


def _files(bundle: Bundle, places: Places) -> FilesPlan | None:
    """Return a bundle as files that the supervisor writes, which saves the loader, an interpreter before the job's own.

    The loader stays for a copy of a folder, whose files have permissions, and for what is too large for a plan.
    """
    if bundle.has_folder or sum(map(len, bundle.files().values())) > _PLAN_FILES:
        return None
    contents = {path: base64.b64encode(content).decode("ascii") for path, content in bundle.files().items()}
    return FilesPlan(str(places.temporary / f"kubeflow-{bundle.digest[:16]}"), contents)


def _common(places: Places, environ: Mapping[str, str], env: Mapping[str, str]) -> dict[str, str]:
    return {
        **inherited(environ),
        # torchrun would set the first by itself, and say so at length; without the second, prints reach the log
        # in blocks, long after they were made.
        "OMP_NUM_THREADS": environ.get("OMP_NUM_THREADS", "1"),
        "PYTHONUNBUFFERED": environ.get("PYTHONUNBUFFERED", "1"),
        **env,
        **set_aside({**environ, **env}),
        "TMPDIR": str(places.temporary),
        OUTPUT_DIR: str(places.outcomes),
        RUN_ID: places.directory.name,
    }


def static_rendezvous() -> dict[str, str]:
    """As the control plane sets it up: node 0 listens, and each node has the rank that it is told."""
    return {"PET_MASTER_ADDR": "{host}", "PET_MASTER_PORT": "{port}"}


def _elastic(index: int, run_id: str, *, own_hosts: bool) -> dict[str, str]:
    """What restarts need: nodes that agree on one, and ranks that do not read what those before them left in the store.

    PyTorch 2.13 lets all attempts share the store of the agents, without a prefix: they get a fresh one each instead.

    The elastic rendezvous gives ranks to nodes in the order of their addresses, as texts. Linux has 127.0.0.0/8 on
    loopback; elsewhere the order of their pids decides, which is mostly that of their start. Nodes with hosts of their
    own are ordered by their names.
    """
    loopback = f"127.0.1.{100 + index}" if sys.platform == "linux" and index < 150 else LOOPBACK
    address = node_step(index) if own_hosts else loopback
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
