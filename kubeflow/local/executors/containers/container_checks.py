"""What is wrong with a job in containers is said before anything of it is kept or started."""

from __future__ import annotations

from pathlib import Path

from kubeflow.core.errors import InvalidInput
from kubeflow.local.executors.containers import container_images
from kubeflow.local.executors.containers.container_engine import ContainerEngine, EngineFacts
from kubeflow.local.job.container_plan import ContainerPlan, EnginePlan
from kubeflow.local.job.plan import JobPlan, NodePlan

_GIB = 1 << 30


def check(plan: JobPlan) -> None:
    """Refuse a job that its engine cannot run.

    Raises:
        InvalidInput: A node names no image, a source of a mount that is not there, or asks for more than there is.
        ImageUnavailable: An image that may not be pulled is not there.
        EngineUnreachable: The engine does not answer.
    """
    with ContainerEngine.of(engine_of(plan)) as engine:
        sized = [node for node in plan.nodes if node.memory is not None or _cpus(node) is not None]
        facts = engine.facts() if sized else None  # podman takes a second for them
        for node in plan.nodes:
            part = container_of(node)
            _check_mounts(node.name, part)
            if facts is not None:
                _check_size(node, facts)
            if part.pull == "Never" and engine.image(part.image) is None:
                raise container_images.missing(part.image)


def engine_of(plan: JobPlan) -> EnginePlan:
    """Return the engine of a job.

    Raises:
        InvalidInput: Its plan names none.
    """
    if plan.engine is None:
        raise InvalidInput(f"Job {plan.name!r} runs in containers, and its plan names no engine.")
    return plan.engine


def container_of(node: NodePlan) -> ContainerPlan:
    """Return what the container of a node is made of.

    Raises:
        InvalidInput: Its plan does not say.
    """
    if node.container is None:
        raise InvalidInput(f"{node.name} runs in a container, and its plan names no image.")
    return node.container


def _check_mounts(node: str, part: ContainerPlan) -> None:
    for mount in part.mounts:
        if not mount.target.startswith("/"):
            raise InvalidInput(f"{node} mounts {mount.source!r} at {mount.target!r}: write an absolute path.")
        if not mount.is_volume and not Path(mount.source).exists():
            raise InvalidInput(
                f"{node} mounts {mount.source!r} at {mount.target!r}, and there is no such path on this machine: make "
                "it first, or correct it."
            )


def _cpus(node: NodePlan) -> float | None:
    cpus = None if node.container is None else node.container.cpus
    return node.cpus if cpus is None else cpus


def _check_size(node: NodePlan, facts: EngineFacts) -> None:
    if node.memory is not None and node.memory > facts.memory > 0:
        raise InvalidInput(
            f"{node.name} asks for {node.memory / _GIB:,.1f} GiB of memory, and containers have "
            f"{facts.memory / _GIB:,.1f} GiB on this machine: ask for less, or run it on a cluster."
        )
    cpus = _cpus(node)
    if cpus is not None and cpus > facts.cpus > 0:
        raise InvalidInput(
            f"{node.name} asks for {cpus:g} CPUs, and containers have {facts.cpus} on this machine: ask for fewer, or "
            "run it on a cluster."
        )
