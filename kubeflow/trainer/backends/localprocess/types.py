"""How to run jobs as processes on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LocalProcessBackendConfig:
    """Jobs run in the interpreter that makes them, in its working directory, with its environment.

    A job lives no longer than the Python process that made it: when that exits, its jobs that still run are ended.
    (When it is killed, it cannot end them, and they go on unseen.) The logs stay in the state directory until
    `delete_job`.

    Attributes:
        cleanup_venv: Taken for compatibility with the published package, where every job built a virtual
            environment. None is built here, so there is nothing to clean up either way.
        state_dir: Where jobs are kept. Default: `$KUBEFLOW_STATE_DIR`, else the user's state directory.
    """

    cleanup_venv: bool = True
    state_dir: str | os.PathLike[str] | None = None
