"""How a Spark job lies on this machine: threads in place of executors, and one heap for all of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.spark.errors import Unsupported
from kubeflow.spark.types.memory_sizes import MEBIBYTE
from kubeflow.spark.types.node_sizes import NodeSize
from kubeflow.trainer.constants import constants

DEFAULT_HEAP = 1024 * MEBIBYTE
"""https://spark.apache.org/docs/4.0.0/configuration.html: `spark.driver.memory` and `spark.executor.memory`."""
_MOST = 0.75  # of the machine's memory: the rest is for Python, its workers, and what else runs here


@dataclass(frozen=True, slots=True)
class LocalSize:
    """What a job gets of this machine.

    Attributes:
        threads: Tasks at once.
        pinned: True when the job asked for so many, and is held to them.
        heap: Bytes of the JVM's heap; `None` leaves it to Spark.
        gpus: GPUs that it leases.
        notes: What it asks for and does not get, each as an event's reason and message.
    """

    threads: int
    pinned: bool
    heap: int | None
    gpus: int = 0
    notes: tuple[tuple[str, str], ...] = ()

    __repr__ = repr_of_fields


def local_size(
    executors: int | None, driver: NodeSize, executor: NodeSize, *, cpus: int, memory: int, gpus: int
) -> LocalSize:
    """Return what a job gets of a machine.

    Its threads are the cores of all executors, at most the CPUs that there are; all CPUs where nothing is said. Its
    heap is the memory of the driver and of all executors, at most three quarters of what there is.

    Args:
        executors: Executors; `None` when not given.
        driver: What the driver asks for.
        executor: What each executor asks for.
        cpus: CPUs that can be used.
        memory: Bytes that the machine has.
        gpus: GPUs that it has.

    Raises:
        InvalidInput: It does not have that many GPUs.
        Unsupported: Other devices are asked for.
    """
    notes: list[tuple[str, str]] = []
    count = executors or 1
    asked = executors is not None or executor.cores is not None
    wanted = count * (executor.cores or 1)
    threads = min(wanted, cpus) if asked else cpus
    if asked and wanted > cpus:
        notes.append(("CPUsNotThere", f"{wanted} cores of executors are asked for, and this machine has {cpus}"))
    heap: int | None = None
    if driver.memory is not None or executor.memory is not None:
        whole = (driver.memory or DEFAULT_HEAP) + count * (executor.memory or 0)
        most = int(memory * _MOST) // MEBIBYTE * MEBIBYTE
        heap = min(whole, most)
        if whole > most:
            notes.append(
                (
                    "MemoryNotThere",
                    f"driver and executors ask for {whole:,} bytes together; the JVM gets {most:,}, three quarters of "
                    "what this machine has",
                )
            )
    devices = driver.gpus + count * executor.gpus
    names = {size.gpu_name for size in (driver, executor) if size.gpus}
    if names - {constants.GPU_LABEL}:
        raise Unsupported(
            f"The job asks for {', '.join(sorted(names))}; jobs of this machine know 'gpu' (NVIDIA). Leave it out, or "
            "make the job for a cluster with dry_run=True."
        )
    if devices > gpus:
        raise InvalidInput(
            f"The job asks for {devices} GPU(s), and this machine has {gpus} to give: ask for fewer, or leave 'gpu' "
            "out."
        )
    return LocalSize(threads, asked, heap, devices, tuple(notes))
