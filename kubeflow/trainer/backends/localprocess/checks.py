"""Whether a job can run on this machine, and how it would lie on it. Nothing is started here."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kubeflow.core.errors import InvalidInput
from kubeflow.trainer.backends.localprocess.launch import Layout
from kubeflow.trainer.constants import constants
from kubeflow.trainer.errors import RuntimeMissesPackage, Unsupported
from kubeflow.trainer.jobspec import JobSpec

if TYPE_CHECKING:
    from kubeflow.packaging import Bundle

_LIMITS = (constants.CPU_LABEL, "memory", "ephemeral-storage")


def check(spec: JobSpec) -> Bundle:
    """Return the function that `spec` runs, once it is sure that this backend can run it.

    Raises:
        Unsupported: For what this backend cannot do in this version.
        RuntimeMissesPackage: When the runtime's framework is neither installed nor asked for.
    """
    if spec.initializer is not None:
        raise Unsupported(
            "initializer= does not work with local processes in this version: fetch the data inside the train "
            "function, or give it the path of what you have fetched with func_args=."
        )
    if spec.bundle is None:
        raise Unsupported(
            "Local processes run functions in this version, not images or built-in trainers: give "
            "trainer=CustomTrainer(func=...) or train_func=."
        )
    framework = spec.runtime.trainer.framework
    if framework != "torch":
        raise Unsupported(
            f"Local processes run torch jobs in this version, and runtime {spec.runtime.name!r} is for "
            f"{framework}: leave runtime= out, or make the job for a cluster with dry_run=True."
        )
    if importlib.util.find_spec("torch") is None and "torch" not in _projects(spec.bundle.requirements):
        raise RuntimeMissesPackage(spec.runtime.name, "torch", sys.executable)
    return spec.bundle


def lay_out(spec: JobSpec, gpus: Sequence[str]) -> Layout:
    """Return nodes, ranks and GPUs of a job.

    Processes per node: `num_proc_per_node`, else the GPUs per node, else 1.

    Args:
        spec: The job.
        gpus: The GPUs of this machine. Each node gets its own; without a request all nodes see all of them.

    Raises:
        InvalidInput: When there are not enough GPUs.
        Unsupported: When other devices are asked for.
    """
    others = [name for name in spec.resources if name not in (*_LIMITS, constants.GPU_LABEL)]
    if others:
        raise Unsupported(
            f"resources_per_node asks for {', '.join(others)}; local processes know 'gpu' (NVIDIA), 'cpu' and "
            "'memory'. Leave it out, or make the job for a cluster with dry_run=True."
        )
    nodes = spec.num_nodes or spec.runtime.trainer.num_nodes
    wanted = int(spec.resources.get(constants.GPU_LABEL, "0"))
    if wanted * nodes > len(gpus):
        raise InvalidInput(
            f"The job asks for {wanted} GPU(s) on each of {nodes} node(s), and this machine has {len(gpus)} to "
            "give: ask for fewer nodes or GPUs, or leave 'gpu' out of resources_per_node."
        )
    return Layout(
        num_nodes=nodes,
        num_proc_per_node=spec.num_proc_per_node or wanted or 1,
        gpus=tuple(tuple(gpus[i * wanted : (i + 1) * wanted]) for i in range(nodes)) if wanted else (),
    )


def notes(spec: JobSpec) -> list[tuple[str, str]]:
    """Return what `spec` asks for and this backend leaves undone, each as an event's reason and message."""
    found: list[tuple[str, str]] = []
    limits = {name: amount for name, amount in spec.resources.items() if name in _LIMITS}
    if limits:
        listed = ", ".join(f"{name}={amount}" for name, amount in limits.items())
        found.append(("LimitsNotEnforced", f"{listed}: local processes share the whole machine"))
    if spec.image is not None:
        found.append(("ImageNotUsed", f"{spec.image}: local processes run in {sys.executable}"))
    return found


def _projects(requirements: Sequence[str]) -> set[str]:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    return {canonicalize_name(Requirement(text).name) for text in requirements}
