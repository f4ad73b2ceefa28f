"""What one node gets: short names such as `"gpu"` are turned into the names that Kubernetes uses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import TypedDict, cast

from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.quantity import Quantity
from kubeflow.core.stdlib import re
from kubeflow.trainer.constants import constants


class NamedResources(TypedDict, total=False):
    """The short names of resources: editors offer them as keys."""

    cpu: str | int | float
    gpu: str | int | float
    memory: str | int | float
    npu: str | int | float
    storage: str | int | float
    tpu: str | int | float


Resources = NamedResources | Mapping[str, str | int | float]
"""Amount by resource, like `{"cpu": 4, "memory": "16Gi", "gpu": 1}`; memory without a unit is in bytes."""
Amounts = Mapping[str, str | int | float]
"""The same without names that are offered: what code sees of it."""

_SHORT_NAMES = {
    "cpu": constants.CPU_LABEL,
    "memory": "memory",
    "storage": "ephemeral-storage",
    "ephemeral-storage": "ephemeral-storage",
    "gpu": constants.GPU_LABEL,
    "tpu": constants.TPU_LABEL,
    "npu": constants.NPU_LABEL,
}

UNNAMED_GPUS = ("gpu.intel.com/i915", "gpu.intel.com/xe")
"""GPUs whose resource is named after their driver."""
# What names an accelerator. Other qualified resources are network cards and the like, which come beside one.
_ACCELERATORS = (
    *("gpu", "mig-", "tpu", "npu", "neuron", "gaudi", "ascend", "mlu", "dcu"),
    *("gcu", "ipu", "ppu", "xpu", "qaic", "warboy", "rngd", "spyre"),
)
_PART_OF_A_DEVICE = ("mem", "memory", "cores", "percentage")  # like nvidia.com/gpumem
# A whole number of bytes with a binary unit, as in "hugepages-2Mi".
# https://kubernetes.io/docs/tasks/manage-hugepages/scheduling-hugepages/
_HUGE_PAGES = re.compile(r"hugepages-[1-9]\d*(Ki|Mi|Gi)?", re.ASCII)
_QUALIFIED = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?", re.ASCII)


def normalise(resources: Resources, field: str = "resources_per_node") -> dict[str, str]:
    """Return `resources` with Kubernetes names and quantities, in the order given.

    Args:
        resources: Names are `cpu`, `memory`, `storage`, `gpu`, `tpu`, `npu` in any case, `mig-1g.5gb` and the
            like for a slice of a GPU, `hugepages-2Mi` and the like, or qualified names such as `amd.com/gpu`, which
            pass as they are.
        field: What the user gave them as; errors name it.

    Raises:
        InvalidInput: On a name or an amount that no cluster would accept.
    """
    if not isinstance(resources, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput(f"{field} must map resources to amounts, not {resources!r}.")
    amounts: dict[str, str] = {}
    for given, amount in cast(Amounts, resources).items():
        name = _name(given, field)
        if name in amounts:
            raise InvalidInput(f"{field} names {name!r} twice, the second time as {given!r}.")
        amounts[name] = _quantity(given, name, amount, field)
    return amounts


def is_device(name: str) -> bool:
    """Return True when a node has a whole number of the resource, which no two containers share."""
    return "/" in name


def is_accelerator(name: str) -> bool:
    """Return True when a resource is a device that computes, or a slice of one, whatever its vendor."""
    if name in UNNAMED_GPUS:
        return True
    device = name.lower().partition("/")[2]
    return any(word in device for word in _ACCELERATORS) and not device.endswith(_PART_OF_A_DEVICE)


def is_huge_pages(name: str) -> bool:
    """Return True for memory in pages of a size of its own, like `hugepages-2Mi`."""
    return name.startswith("hugepages-")


def _name(given: object, field: str) -> str:
    if isinstance(given, str):
        short = given.lower()
        if short in _SHORT_NAMES:
            return _SHORT_NAMES[short]
        if re.fullmatch(r"mig-\d+g\.\d+gb(\.[a-z0-9.]+)?", short):
            return f"nvidia.com/{short}"
        if _QUALIFIED.fullmatch(given) or _HUGE_PAGES.fullmatch(given):
            return given
        hint = (
            " The size of huge pages is written as in 'hugepages-2Mi'."
            if short.startswith("hugepages")
            else did_you_mean(short, _SHORT_NAMES)
        )
    else:
        hint = ""
    raise InvalidInput(
        f"{field} does not know {given!r}.{hint} Known: {', '.join(_SHORT_NAMES)}, mig-<slices>g.<size>gb, "
        "hugepages-<size>, or a qualified name such as 'amd.com/gpu'."
    )


def _quantity(given: str, name: str, amount: object, field: str) -> str:
    if isinstance(amount, bool) or not isinstance(amount, (int, float, str)):
        raise InvalidInput(f"{field}[{given!r}] must be a number or a quantity, not {amount!r}.")
    text = amount.strip() if isinstance(amount, str) else str(amount)
    try:
        if isinstance(amount, float) and math.isfinite(amount):
            text = f"{Decimal(text).normalize():f}"  # 1.0 is "1", and 1e-7 is written out
        value = Quantity(text).value
    except InvalidInput:
        raise InvalidInput(
            f"{field}[{given!r}] = {amount!r} is no amount that Kubernetes knows: write a number, "
            "or one with a unit such as '500m', '10G' (10^9) or '10Gi' (2^30)."
        ) from None
    if value < 0:
        raise InvalidInput(f"{field}[{given!r}] must not be negative, as {amount!r} is.")
    if is_device(name) and not text.isdigit():
        raise InvalidInput(f"{field}[{given!r}] counts devices: a whole number, not {amount!r}.")
    return text
