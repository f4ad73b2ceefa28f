"""How a job lies on this machine: nodes, ranks, GPUs, limits. Nothing is started here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubeflow.core.errors import InvalidInput
from kubeflow.core.quantity import Quantity
from kubeflow.local.store.leases import whole_cpus
from kubeflow.trainer.backends.machine import frameworks
from kubeflow.trainer.backends.machine.launch import Layout
from kubeflow.trainer.constants import constants
from kubeflow.trainer.errors import Unsupported
from kubeflow.trainer.jobs.jobspec import JobSpec

MEMORY = "memory"
STORAGE = "ephemeral-storage"
_LIMITS = (constants.CPU_LABEL, MEMORY, STORAGE)


def check_processes(spec: JobSpec) -> None:
    """Refuse several processes for each node where the runtime starts one.

    Raises:
        InvalidInput: With what to write instead.
    """
    framework = spec.runtime.trainer.framework
    if (spec.num_proc_per_node or 1) > 1 and framework not in ("torch", *constants.MPI_FRAMEWORKS):
        raise InvalidInput(
            f"Runtime {spec.runtime.name!r} ({framework}) runs one process on each node: set num_nodes="
            f"{spec.num_proc_per_node} instead of num_proc_per_node."
        )


def lay_out(
    spec: JobSpec, resources: Mapping[str, str], gpus: Sequence[str], *, cpus: bool = True, memory: bool = True
) -> Layout:
    """Return nodes, ranks, GPUs and limits of a job.

    Processes per node: `num_proc_per_node`, else the GPUs per node, else 1; frameworks that start no processes by
    themselves have one.

    Args:
        spec: The job.
        resources: Quantity by Kubernetes resource name, per node.
        gpus: The GPUs of this machine. Each node leases its own; without a request all nodes see all of them.
        cpus: Whether nodes can be held to CPUs here.
        memory: Whether nodes can be held to an amount of memory here.

    Raises:
        InvalidInput: When this machine does not have that many GPUs.
        Unsupported: When other devices are asked for.
    """
    others = [name for name in resources if name not in (*_LIMITS, constants.GPU_LABEL)]
    if others:
        raise Unsupported(
            f"resources_per_node asks for {', '.join(others)}; jobs of this machine know 'gpu' (NVIDIA), 'cpu' and "
            "'memory'. Leave it out, or make the job for a cluster with dry_run=True."
        )
    nodes = spec.num_nodes or spec.runtime.trainer.num_nodes
    wanted = int(resources.get(constants.GPU_LABEL, "0"))
    if wanted * nodes > len(gpus):
        raise InvalidInput(
            f"The job asks for {wanted} GPU(s) on each of {nodes} node(s), and this machine has {len(gpus)} to "
            "give: ask for fewer nodes or GPUs, or leave 'gpu' out of resources_per_node."
        )
    cpu, bytes_ = resources.get(constants.CPU_LABEL), resources.get(MEMORY)
    return Layout(
        num_nodes=nodes,
        num_proc_per_node=frameworks.processes_per_node(spec.runtime.trainer.framework, spec.num_proc_per_node, wanted),
        gpus=wanted,
        cpus=whole_cpus(float(Quantity(cpu))) if cpu and cpus else None,
        memory=int(Quantity(bytes_)) if bytes_ and memory else None,
    )
