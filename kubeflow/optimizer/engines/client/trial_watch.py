"""The jobs of a search's trials as they are now, at a cost that does not grow with their number, on any backend."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

from kubeflow.optimizer.constants import constants
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.backends.machine.backend import MachineBackend
from kubeflow.trainer.errors import JobNotFound
from kubeflow.trainer.types.jobs import TrainJob

_POLL = 0.01  # seconds between two looks at whether a store has changed; a look takes microseconds
_CHECK = 0.25  # seconds between two looks at jobs whose processes may have been killed
_CLUSTER = 2.0  # seconds between two listings of a cluster's jobs


class TrialWatch:
    """Looks at the jobs of one search.

    Args:
        backend: Where they run.
        study: The name of the search.
        changed: Says whether the store of searches has changed since it was last asked.
    """

    def __init__(self, backend: Backend, study: str, changed: Callable[[], bool]) -> None:
        self._backend = backend
        self._study = study
        self._changed = changed
        self._jobs_changed = backend.change_token() if isinstance(backend, MachineBackend) else None

    def look(self, names: Collection[str]) -> Mapping[str, TrainJob | None]:
        """Return the jobs by name, `None` for those that are not there."""
        if self._jobs_changed is None:
            listed = {job.name: job for job in self._backend.list_jobs(f"{constants.OPTIMIZATION_LABEL}={self._study}")}
            return {name: listed.get(name) for name in names}
        found: dict[str, TrainJob | None] = {}
        for name in names:
            try:
                found[name] = self._backend.get_job(name)
            except JobNotFound:
                found[name] = None
        return found

    def wait(self, timeout: float) -> None:
        """Return when something may have changed, or after `timeout` seconds."""
        pause = _CLUSTER if self._jobs_changed is None else _CHECK
        deadline = time.monotonic() + min(timeout, pause)
        while (now := time.monotonic()) < deadline:
            if self._changed() or (self._jobs_changed is not None and self._jobs_changed()):
                return
            time.sleep(min(_POLL, deadline - now))
