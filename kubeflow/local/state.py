"""Where local jobs are kept."""

from __future__ import annotations

import os
import sys
from pathlib import Path

STATE_DIR_VARIABLE = "KUBEFLOW_STATE_DIR"


def state_dir(given: str | os.PathLike[str] | None = None) -> Path:
    """Return the directory of this user's local jobs, absolute; it need not exist yet.

    The first of: `given`, the environment variable `KUBEFLOW_STATE_DIR`, the platform's place for user state:
    `$XDG_STATE_HOME/kubeflow`, by default `~/.local/state/kubeflow`, on macOS
    `~/Library/Application Support/kubeflow`.
    """
    chosen = given or os.environ.get(STATE_DIR_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    xdg = os.environ.get("XDG_STATE_HOME", "").strip()
    if sys.platform == "darwin" and not xdg:
        return Path.home() / "Library" / "Application Support" / "kubeflow"
    # The specification of XDG has a relative path ignored.
    return (Path(xdg) if Path(xdg).is_absolute() else Path.home() / ".local" / "state") / "kubeflow"
