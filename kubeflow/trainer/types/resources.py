"""What one node gets: short names such as `"gpu"` are turned into the names that Kubernetes uses."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal

from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.quantity import Quantity
from kubeflow.trainer.constants import constants

Resources = Mapping[str, str | int | float]
"""Amount by resource, like `{"cpu": 4, "memory": "16Gi", "gpu": 1}`; memory without a unit is in bytes."""

_SHORT_NAMES = {
    "cpu": constants.CPU_LABEL,
    "memory": "memory",
    "storage": "ephemeral-storage",
    "ephemeral-storage": "ephemeral-storage",
    "gpu": constants.GPU_LABEL,
    "tpu": constants.TPU_LABEL,
    "npu": constants.NPU_LABEL,
}

_QUALIFIED = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?", re.ASCII)


def normalise(resources: Resources) -> dict[str, str]:
    """Return `resources` with Kubernetes names and quantities, in the order given.

    Args:
        resources: Names are `cpu`, `memory`, `storage`, `gpu`, `tpu`, `npu` in any case, `mig-1g.5gb` and the
            like for a slice of a GPU, or qualified names such as `amd.com/gpu`, which pass as they are.

    Raises:
        InvalidInput: On a name or an amount that no cluster would accept.
    """
    if not isinstance(resources, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput(f"resources_per_node must map resources to amounts, not {resources!r}.")
    amounts: dict[str, str] = {}
    for given, amount in resources.items():
        name = _name(given)
        if name in amounts:
            raise InvalidInput(f"resources_per_node names {name!r} twice, the second time as {given!r}.")
        amounts[name] = _quantity(given, name, amount)
    return amounts


def _name(given: object) -> str:
    if isinstance(given, str):
        short = given.lower()
        if short in _SHORT_NAMES:
            return _SHORT_NAMES[short]
        if re.fullmatch(r"mig-\d+g\.\d+gb(\.[a-z0-9.]+)?", short):
            return f"nvidia.com/{short}"
        if _QUALIFIED.fullmatch(given):
            return given
        hint = did_you_mean(short, _SHORT_NAMES)
    else:
        hint = ""
    raise InvalidInput(
        f"resources_per_node does not know {given!r}.{hint} Known: {', '.join(_SHORT_NAMES)}, mig-<slices>g.<size>gb, "
        "or a qualified name such as 'amd.com/gpu'."
    )


def _quantity(given: str, name: str, amount: object) -> str:
    if isinstance(amount, bool) or not isinstance(amount, (int, float, str)):
        raise InvalidInput(f"resources_per_node[{given!r}] must be a number or a quantity, not {amount!r}.")
    text = amount.strip() if isinstance(amount, str) else str(amount)
    try:
        if isinstance(amount, float) and math.isfinite(amount):
            text = f"{Decimal(text).normalize():f}"  # 1.0 is "1", and 1e-7 is written out
        value = Quantity(text).value
    except InvalidInput:
        raise InvalidInput(
            f"resources_per_node[{given!r}] = {amount!r} is no amount that Kubernetes knows: write a number, "
            "or one with a unit such as '500m', '10G' (10^9) or '10Gi' (2^30)."
        ) from None
    if value < 0:
        raise InvalidInput(f"resources_per_node[{given!r}] must not be negative, as {amount!r} is.")
    if "/" in name and not text.isdigit():
        raise InvalidInput(f"resources_per_node[{given!r}] counts devices: a whole number, not {amount!r}.")
    return text
