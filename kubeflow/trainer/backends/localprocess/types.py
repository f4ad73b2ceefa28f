"""How to run jobs as processes on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LocalProcessBackendConfig:
    """Jobs run in the interpreter that makes them, in its working directory, with its environment.

    Attributes:
        cleanup_venv: Taken for compatibility with the published package, where every job built a virtual
            environment. None is built here, so there is nothing to clean up either way.
        state_dir: Where jobs are kept. Default: `$KUBEFLOW_STATE_DIR`, else the user's state directory.
    """

    cleanup_venv: bool = True
    state_dir: str | os.PathLike[str] | None = None
