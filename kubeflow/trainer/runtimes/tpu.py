"""How many nodes a job over TPU slices has."""

from __future__ import annotations

import math

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import re
from kubeflow.trainer.types.checks import check_count


def get_tpu_num_nodes(num_slices: int, topology: str, chips_per_host: int = 4) -> int:
    """Return the hosts of all slices together, which is the `num_nodes` of a job over them.

    Args:
        num_slices: TPU slices.
        topology: Chips of one slice along each axis, like `"4x4"` or `"2x2x4"`.
        chips_per_host: Chips of one host; 4 or 8, depending on the machine type.

    Raises:
        InvalidInput: For a topology that is none, or one that does not divide into whole hosts.

    Example:
        >>> get_tpu_num_nodes(num_slices=2, topology="4x4")
        8
    """
    check_count("num_slices", num_slices)
    check_count("chips_per_host", chips_per_host)
    if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*){1,2}", str(topology), re.ASCII | re.IGNORECASE):
        raise InvalidInput(f"topology must be two or three counts of chips, like '4x4' or '2x2x4', not {topology!r}.")
    chips = math.prod(int(count) for count in topology.lower().split("x"))
    if chips % chips_per_host:
        raise InvalidInput(
            f"A slice of topology {topology!r} has {chips} chips, which is no multiple of "
            f"chips_per_host={chips_per_host}: check the machine type of the slice."
        )
    return num_slices * (chips // chips_per_host)
