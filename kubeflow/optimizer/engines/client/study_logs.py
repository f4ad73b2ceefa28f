"""The log lines of a trial of a search that this machine drives."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from kubeflow.core.errors import InvalidInput
from kubeflow.optimizer.types.optimization_types import ENDED, OptimizationJob
from kubeflow.optimizer.types.trials import Trial
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.errors import JobNotFound
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.jobs.steps import FirstNode
from kubeflow.trainer.types.loglines import LogLines

_PAUSE = 0.1  # seconds between two looks for a trial that has not begun


def trial_logs_of_study(
    backend: Backend, look: Callable[[], OptimizationJob], trial_name: str | None, follow: bool
) -> LogLines:
    """Check the arguments at once, then yield the lines of a trial; see `Engine.get_job_logs`.

    Args:
        backend: Where the jobs of trials are.
        look: Returns the search as it is now.
        trial_name: The trial; `None` for the best one, else the first.
        follow: True waits for a trial that has not begun, and goes on until it ends.
    """
    search = look()
    trial = _chosen(search, trial_name)
    if trial is None and (not follow or search.status in ENDED):
        raise InvalidInput(
            f"Search {search.name!r} has no trial yet: wait until it is Running, or give follow=True."
            if search.status not in ENDED
            else f"Search {search.name!r} has no trial: call explain({search.name!r})."
        )
    if trial is not None and (not follow or trial.status not in ("Created", "Running")):
        return _lines(backend, trial, follow)
    return LogLines(_followed(backend, look, trial_name if trial is None else trial.name), lambda: "")


def _chosen(search: OptimizationJob, name: str | None) -> Trial | None:
    if name is None:
        return search.best_trial or next(iter(search.trials), None)
    found = next((trial for trial in search.trials if trial.name == name), None)
    if found is None:
        known = ", ".join(trial.name for trial in search.trials[:10]) or "none"
        raise InvalidInput(f"Search {search.name!r} has no trial {name!r}. There are: {known}.")
    return found


def _followed(backend: Backend, look: Callable[[], OptimizationJob], name: str | None) -> Iterator[str]:
    while True:
        search = look()
        trial = _chosen(search, name)
        if trial is not None and trial.status != "Created":
            yield from _lines(backend, trial, True)
            return
        if search.status in ENDED:
            return
        time.sleep(_PAUSE)


def _lines(backend: Backend, trial: Trial, follow: bool) -> LogLines:
    try:
        return backend.get_job_logs(trial.name, LogSelection(FirstNode.STEP), follow)
    except JobNotFound:
        if trial.status == "Created":
            raise InvalidInput(f"Trial {trial.name!r} has not begun: give follow=True to wait for it.") from None
        raise InvalidInput(
            f"The job of trial {trial.name!r} is gone, and its logs with it: searches keep them with "
            "TrialConfig(retain=True), which is the default."
        ) from None
