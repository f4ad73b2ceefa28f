"""How to run jobs as processes on this machine."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.tracebacks import thin_all
from kubeflow.trainer.types.checks import check_count


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
        max_jobs: Jobs that run at once on this machine; the rest wait in the order of their submission, and say so.
            A job also waits while those that run have asked for all CPUs or all memory (`resources_per_node`). 0 is
            no limit. Default: `$KUBEFLOW_MAX_JOBS`, else the number of CPUs, but at least 4.
        python: Another Python for jobs: its path, or a version like `"3.12"`. They run in an environment of their own
            then, which holds `packages_to_install` and nothing else. Default: the interpreter that makes them.
        grace: Seconds that processes get to end by themselves (after SIGTERM) when their job is ended. Default: 5.

    Raises:
        InvalidInput: For a path that is none, a grace that is no number of seconds, or a number of jobs that is none.
    """

    cleanup_venv: bool = True
    state_dir: str | os.PathLike[str] | None = None
    keep_days: float | None = None
    keep_jobs: int | None = None
    grace: float = 5.0
    python: str | os.PathLike[str] | None = None
    max_jobs: int | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        takes = {"state_dir": "a path", "python": "a path, or a version as text like '3.12'"}
        for field, path in (("state_dir", self.state_dir), ("python", self.python)):
            if path is not None and (not isinstance(path, (str, os.PathLike)) or not os.fspath(path)):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise InvalidInput(f"{field} takes {takes[field]}, not {path!r}. Leave it out for the default.")
        number = isinstance(self.grace, (int, float)) and not isinstance(self.grace, bool)  # pyright: ignore[reportUnnecessaryIsInstance]
        if not number or not 0 <= self.grace < math.inf:
            raise InvalidInput(f"grace is in seconds, at least 0, not {self.grace!r}.")
        if self.max_jobs is not None:
            check_count("max_jobs", self.max_jobs, least=0)


thin_all(globals())
