"""What the driver or one executor gets: cores, memory and GPUs, in the terms that Spark has for them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.quantity import Quantity
from kubeflow.spark.types.memory_sizes import memory_bytes
from kubeflow.trainer.types.resources import Amounts, Resources, is_accelerator, normalise

_SPARK_HAS = ("cpu", "memory")


@dataclass(frozen=True, slots=True)
class NodeSize:
    """What the driver or one executor gets. What is not given is Spark's own default: one core, 1 GiB.

    Attributes:
        cores: Tasks that run at once: a whole number of CPUs, rounded up; `None` when not given.
        cpu: The CPUs that were asked for, as Kubernetes has them, where that is not `cores`: `"500m"`.
        memory: Bytes of the JVM's heap; Spark adds an overhead of its own to what the pod gets.
        gpus: Devices.
        gpu_name: What the cluster calls them, like `"nvidia.com/gpu"`; empty where there are none.
    """

    cores: int | None = None
    cpu: str | None = None
    memory: int | None = None
    gpus: int = 0
    gpu_name: str = ""

    __repr__ = repr_of_fields


def node_size(resources: Resources | None, field: str) -> NodeSize:
    """Return what resources mean to Spark.

    Args:
        resources: As Trainer's `resources_per_node`, like `{"cpu": 2, "memory": "8Gi", "gpu": 1}`. Memory is taken in
            the notation of Kubernetes and in that of Spark.
        field: What the user gave them as; errors name it.

    Raises:
        InvalidInput: A resource or an amount is none, or Spark has no place for it.
    """
    if resources is None:
        return NodeSize()
    if not isinstance(resources, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput(f"{field} must map resources to amounts, not {resources!r}.")
    memory: int | None = None
    others: dict[str, str | int | float] = {}
    for name, amount in cast(Amounts, resources).items():
        if isinstance(name, str) and name.lower() == "memory":  # pyright: ignore[reportUnnecessaryIsInstance]
            if memory is not None:
                raise InvalidInput(f"{field} names 'memory' twice, the second time as {name!r}.")
            memory = memory_bytes(amount, f"{field}[{name!r}]")
        else:
            others[name] = amount
    amounts = normalise(others, field)
    devices = {name: int(amount) for name, amount in amounts.items() if is_accelerator(name)}
    _check_places([name for name in amounts if name not in _SPARK_HAS and name not in devices], field)
    if len(devices) > 1:
        raise InvalidInput(
            f"{field} asks for {' and '.join(devices)}; driver and executors of Spark get one kind of device each: "
            "leave the others out."
        )
    cpus = amounts.get("cpu")
    cores = None if cpus is None else _cores(cpus, field)
    name, count = next(iter(devices.items()), ("", 0))
    return NodeSize(
        cores=cores,
        cpu=None if cpus is None or Quantity(cpus) == Quantity(str(cores)) else cpus,
        memory=memory,
        gpus=count,
        gpu_name=name if count else "",
    )


def _cores(cpus: str, field: str) -> int:
    amount = float(Quantity(cpus))
    if amount <= 0:
        raise InvalidInput(f"{field}['cpu'] must be greater than 0, not {cpus!r}: each task of Spark takes a core.")
    return math.ceil(amount)


def _check_places(names: list[str], field: str) -> None:
    if not names:
        return
    if "ephemeral-storage" in names:
        raise InvalidInput(
            f"{field} asks for storage, which a SparkApplication cannot reserve: leave it out, and give driver and "
            "executors a volume with options=[options.ScratchVolume('/scratch', size='100Gi')]."
        )
    raise InvalidInput(
        f"{field} asks for {', '.join(names)}, for which Spark has no place: it knows 'cpu', 'memory' and one kind of "
        "device, such as 'gpu' or 'amd.com/gpu'. The rest is for options=[options.PodTemplateOverride(...)]."
    )
