# run: train()
# form: script
from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch.utils.data import Dataset

try:
    import a_tracker_that_is_not_installed as tracker

    HAS_TRACKER = True
except ImportError:
    HAS_TRACKER = False

try:
    from another_missing_package import fused_kernel
except ImportError:
    HAS_KERNEL = False
else:
    HAS_KERNEL = True


def step(x: npt.NDArray, data: Dataset | None = None) -> Dataset:
    scaled: Undefined = x
    if HAS_TRACKER:
        tracker.log(scaled)
    return fused_kernel(scaled) if HAS_KERNEL else scaled


def train():
    return step(3)
