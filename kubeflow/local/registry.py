"""The jobs of this process. A new client finds the jobs that another one started; the interpreter's exit ends them."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from pathlib import Path

from kubeflow.local.job import LocalJob

logger = logging.getLogger(__name__)


class Registry:
    """Jobs by name, oldest first, of one state directory."""

    def __init__(self) -> None:
        self._jobs: dict[str, LocalJob | None] = {}
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def claim(self, name: str) -> bool:
        """Take a name for a job that is about to start; whether it was free."""
        with self._lock:
            if name in self._jobs:
                return False
            self._jobs[name] = None
            return True

    def fill(self, name: str, job: LocalJob) -> None:
        """Put the started job under its claimed name."""
        with self._lock:
            self._jobs[name] = job

    def release(self, name: str) -> None:
        """Forget a name."""
        with self._lock:
            self._jobs.pop(name, None)

    def get(self, name: str) -> LocalJob | None:
        """Return a job that was started, by name."""
        with self._lock:
            return self._jobs.get(name)

    def jobs(self) -> list[LocalJob]:
        """Return all jobs that were started, oldest first."""
        with self._lock:
            return [job for job in self._jobs.values() if job is not None]

    def end_all(self) -> None:
        """End the jobs that still run. Does nothing in a fork: they belong to its parent."""
        if os.getpid() != self._pid:
            return
        running = [job for job in self.jobs() if not job.state.finished]
        if running:
            logger.warning(
                "the interpreter exits: ending %s. Wait for a job with client.wait_for_job_status(name).",
                ", ".join(job.name for job in running),
            )
        for job in running:  # all at once; new threads cannot be started any more
            job.ask_to_stop()
        for job in running:
            job.stop()


_registries: dict[Path, Registry] = {}
_lock = threading.Lock()


def registry(state: Path) -> Registry:
    """Return the registry of a state directory, the same one for every caller in this process."""
    with _lock:
        if state not in _registries:
            _registries[state] = Registry()
            atexit.register(_registries[state].end_all)
        return _registries[state]
