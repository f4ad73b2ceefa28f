"""The log lines of a trial: those that Katib's collector repeats, as the trial itself has no log under it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing

from kubeflow.cluster import wire
from kubeflow.cluster.wire import Json
from kubeflow.core.errors import InvalidInput
from kubeflow.optimizer.constants import constants
from kubeflow.optimizer.engines.katib.metric_lines import repeated
from kubeflow.optimizer.types.optimization_types import ENDED, OptimizationJob
from kubeflow.optimizer.types.trials import Trial
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.errors import JobNotFound
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.jobs.steps import FirstNode
from kubeflow.trainer.types.loglines import LogLines

_PAUSE = 1.0  # seconds between two looks for a trial that has not begun


def trial_logs(
    backend: Backend, look: Callable[[], tuple[Json, OptimizationJob]], trial_name: str | None, follow: bool
) -> LogLines:
    """Check the arguments at once, then yield the lines of a trial; see `Engine.get_job_logs`.

    Args:
        backend: Where the jobs of trials are.
        look: Returns the Experiment, and the search, as they are now.
        trial_name: The trial; `None` for the best one, else the first.
        follow: True waits for a trial that has not begun, and goes on until it ends.
    """
    experiment, search = look()
    trial = _chosen(search, trial_name, required=not follow)
    collected = wire.text(experiment, "spec", "metricsCollectorSpec", "collector", "kind") in ("", "StdOut")
    if trial is not None and not follow:
        lines = _lines(backend, trial, collected, follow=False)
        return LogLines(lines, lambda: lines.position)
    reading = _followed(backend, look, trial_name, collected)
    return LogLines(reading, lambda: "")


def _chosen(search: OptimizationJob, name: str | None, *, required: bool) -> Trial | None:
    if name is None:
        found = search.best_trial or next(iter(search.trials), None)
        if found is None and (required or search.status in ENDED):
            raise InvalidInput(f"Search {search.name!r} has no trials yet: call explain({search.name!r}).")
        return found
    found = next((trial for trial in search.trials if trial.name == name), None)
    if found is None:
        names = ", ".join(trial.name for trial in search.trials[-5:]) or "none"
        raise InvalidInput(f"Search {search.name!r} has no trial {name!r}. Newest trials: {names}.")
    return found


def _followed(
    backend: Backend, look: Callable[[], tuple[Json, OptimizationJob]], name: str | None, collected: bool
) -> Iterator[str]:
    while True:
        _, search = look()
        trial = _chosen(search, name, required=False)
        if trial is not None:
            name = trial.name
            try:
                lines = _lines(backend, trial, collected, follow=True)
            except InvalidInput:
                if trial.status in ENDED:
                    raise
            else:
                yield from lines
                return
        time.sleep(_PAUSE)


def _lines(backend: Backend, trial: Trial, collected: bool, *, follow: bool) -> LogLines:
    container = constants.METRICS_COLLECTOR_CONTAINER if collected else None
    try:
        lines = backend.get_job_logs(trial.name, LogSelection(FirstNode.STEP, container), follow)
    except JobNotFound:
        if trial.status not in ENDED:
            raise
        raise InvalidInput(
            f"The job of trial {trial.name!r} is gone, and its logs with it: searches keep them with "
            "TrialConfig(retain=True), which is the default of this package."
        ) from None
    except InvalidInput:
        if not collected:
            raise
        # Its pod has no collector, as where the namespace lacks Katib's label: then the trial has a log of its own.
        return backend.get_job_logs(trial.name, LogSelection(FirstNode.STEP), follow)
    if not collected:
        return lines
    return LogLines(_without_frames(lines, trial.name), lambda: lines.position)


def _without_frames(lines: LogLines, trial: str) -> Generator[str]:
    with closing(lines):
        for line in lines:
            if (said := repeated(line, trial)) is not None:
                yield said
