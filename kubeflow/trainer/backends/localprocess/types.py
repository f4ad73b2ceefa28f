"""How to run jobs as processes on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LocalProcessBackendConfig:
    """Jobs run in the interpreter that makes them, in its working directory, with its environment.

    What `packages_to_install` names and that interpreter lacks is installed into an environment on top of it, once for
    all jobs that ask for the same: `kubeflow.local.list_environments()` shows them.

    A job outlives the Python process that made it: a process of its own (its supervisor) runs it, and its state is in
    the state directory, where any other client finds it: a new notebook, another script, the next day. It ends when it
    is done, with `delete_job` or `suspend_job`, or with the machine.

    Attributes:
        cleanup_venv: Taken for compatibility with the published package, where every job built a virtual
            environment. Here jobs share them, and one that no job has used for 30 days is removed either way.
        state_dir: Where jobs are kept. Default: `$KUBEFLOW_STATE_DIR`, else the user's state directory.
        keep_days: Days after which a finished job is forgotten, with its logs. Default: `$KUBEFLOW_KEEP_DAYS`, else
            30. Jobs that run or are suspended are never cleaned up.
        keep_jobs: Finished jobs that are kept at most; the oldest go. Default: `$KUBEFLOW_KEEP_JOBS`, else 1,000.
        python: Another Python for jobs: its path, or a version like `"3.12"`. They run in an environment of their own
            then, which holds `packages_to_install` and nothing else. Default: the interpreter that makes them.
        grace: Seconds that processes get to end by themselves (after SIGTERM) when their job is ended. Default: 5.
    """

    cleanup_venv: bool = True
    state_dir: str | os.PathLike[str] | None = None
    keep_days: float | None = None
    keep_jobs: int | None = None
    grace: float = 5.0
    python: str | os.PathLike[str] | None = None
