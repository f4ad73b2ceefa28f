"""Nodes of jobs that torchrun does not start: JAX, XGBoost, MPI, plain Python, with what the control plane gives them.

Pure: nothing is started or looked up. What the control plane puts into a node's environment is a fact of Trainer 2.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import NodePlan
from kubeflow.packaging import OUTPUT_DIR, RUN_ID
from kubeflow.trainer.backends.machine.launch import Layout, captured_rank, inherited, set_aside
from kubeflow.trainer.constants import constants
from kubeflow.trainer.jobs.steps import node_step

if TYPE_CHECKING:
    from kubeflow.packaging import Bundle

_JOB_TMPDIR = "KUBEFLOW_JOB_TMPDIR"
_MPI_RANK = "$OMPI_COMM_WORLD_RANK"
# $0 is the node's directory, $1 the line of the host file.
_HOSTFILE = 'echo "$1" >"$0/hostfile"; shift; exec "$@"'
# mpirun itself keeps the user's TMPDIR, and each rank gets it back: sockets that they make there have short paths.
# Between them is the loader, which unpacks into the job's own directory.
_OWN_TMPDIR = f'TMPDIR="${_JOB_TMPDIR}"; export TMPDIR; exec "$@"'
_USERS_TMPDIR = (
    'import os, sys; del os.environ["TMPDIR"]; given = os.environ.pop("KUBEFLOW_TMPDIR", ""); '
    'os.environ.update({"TMPDIR": given} if given else {}); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])'
)


def processes_per_node(framework: str, wanted: int | None, gpus: int) -> int:
    """Return how many processes a runtime starts on each node: JAX, XGBoost and plain Python have one.

    Args:
        framework: Of the runtime.
        wanted: `num_proc_per_node`.
        gpus: GPUs of each node.
    """
    return (wanted or gpus or 1) if framework in ("torch", "torchtune", *constants.MPI_FRAMEWORKS) else 1


def environment(framework: str, layout: Layout, index: int) -> tuple[dict[str, str], dict[str, str]]:
    """Return what the control plane sets for one node: variables, and those with `{host}` or `{port}` in them.

    Args:
        framework: Of the runtime.
        layout: Nodes, ranks and GPUs.
        index: The node's.
    """
    # Kubernetes' own, in every pod of an indexed Job.
    variables = {"JOB_COMPLETION_INDEX": str(index)}
    if framework == "jax":
        variables |= {"JAX_NUM_PROCESSES": str(layout.num_nodes), "JAX_PROCESS_ID": str(index)}
        return variables, {"JAX_COORDINATOR_ADDRESS": "{host}:{port}"}
    if framework == "xgboost":
        workers = layout.num_nodes * max(layout.gpus, 1)
        variables |= {"DMLC_TASK_ID": str(index), "DMLC_NUM_WORKER": str(workers)}
        return variables, {"DMLC_TRACKER_URI": "{host}", "DMLC_TRACKER_PORT": "{port}"}
    return variables, {}


def nodes(
    framework: str,
    bundle: Bundle,
    layout: Layout,
    places: Places,
    *,
    python: str,
    environ: Mapping[str, str],
    env: Mapping[str, str],
    install: bool = False,
) -> tuple[NodePlan, ...]:
    """Return the nodes of a job that torchrun does not start.

    Args:
        framework: Of the runtime: `"jax"`, `"xgboost"`, `"plain"`, or one of `MPI_FRAMEWORKS`.
        bundle: The train function.
        layout: Nodes, ranks and GPUs.
        places: Where the job's files are.
        python: The interpreter of the job.
        environ: What the job takes over of the environment of this process.
        env: The job's own variables.
        install: Whether each node installs what the bundle requires, before it starts.
    """
    common = {
        **inherited(environ),
        "PYTHONUNBUFFERED": environ.get("PYTHONUNBUFFERED", "1"),  # else prints reach the log long after they are made
        **env,
        OUTPUT_DIR: str(places.outcomes),
        RUN_ID: places.directory.name,
        **set_aside({**environ, **env}),
    }
    if framework in constants.MPI_FRAMEWORKS:
        return (_mpirun(bundle, layout, places, python, common, install=install),)
    plans: list[NodePlan] = []
    for index in range(layout.num_nodes):
        name = node_step(index)
        rank = captured_rank(str(places.node(name)), str(index))
        variables, rendezvous = environment(framework, layout, index)
        plans.append(
            NodePlan(
                name,
                argv=tuple(bundle.command((*rank, python), python=python, install=install)),
                env={**common, "TMPDIR": str(places.temporary), **variables},
                rendezvous=rendezvous,
                ranks=(index,),
                gpus=layout.gpus,
                cpus=layout.cpus,
                memory=layout.memory,
            )
        )
    return tuple(plans)


def _mpirun(
    bundle: Bundle, layout: Layout, places: Places, python: str, common: Mapping[str, str], *, install: bool
) -> NodePlan:
    """One mpirun for the ranks of all nodes: they are all on this machine, which has no ssh to itself."""
    name = node_step(0)
    directory = str(places.node(name))
    ranks = layout.num_nodes * layout.num_proc_per_node
    # More ranks than cores are the user's choice here, so none is bound to one.
    launcher = ("mpirun", "-np", str(ranks), "--bind-to", "none", *captured_rank(directory, _MPI_RANK))
    launcher = (*launcher, "/bin/sh", "-c", _OWN_TMPDIR, "sh", python, "-ISc", _USERS_TMPDIR)
    command = bundle.command(launcher, python=python, install=install)
    variables = {
        "OMPI_MCA_orte_default_hostfile": f"{directory}/hostfile",
        "OMPI_MCA_orte_keep_fqdn_hostnames": "true",
        "OMPI_MCA_orte_set_default_slots": str(layout.num_proc_per_node),
        "OMPI_MCA_plm_rsh_args": "-o ConnectionAttempts=10",
        "PRTE_MCA_prte_default_hostfile": f"{directory}/hostfile",  # what Open MPI 5 calls it
        _JOB_TMPDIR: str(places.temporary),
    }
    # mpirun refuses to run as root, which in a container of one's own is what one is.
    as_root = {f"{prefix}_ALLOW_RUN_AS_ROOT{suffix}": "1" for prefix in ("OMPI", "PRTE") for suffix in ("", "_CONFIRM")}
    return NodePlan(
        name,
        argv=("/bin/sh", "-c", _HOSTFILE, directory, f"localhost slots={ranks}", *command),
        env={**as_root, **common, **variables, "JOB_COMPLETION_INDEX": "0"},
        ranks=tuple(range(ranks)),
        gpus=layout.gpus * layout.num_nodes,
        cpus=None if layout.cpus is None else layout.cpus * layout.num_nodes,
        memory=layout.memory,
    )
