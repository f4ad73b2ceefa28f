"""GPUs that jobs on this machine may use."""

from __future__ import annotations

import os
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"


def visible_gpus() -> list[str]:
    """Return the NVIDIA GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` names them.

    That variable decides when it is set; otherwise the device files of the driver do. No CUDA library is loaded.
    """
    chosen = os.environ.get(VISIBLE)
    if chosen is not None:
        return [device.strip() for device in chosen.split(",") if device.strip() not in ("", "-1")]
    names = (file.name.removeprefix("nvidia") for file in Path("/dev").glob("nvidia[0-9]*"))
    return sorted((name for name in names if name.isdigit()), key=int)
