"""How far a search is, as text: one block for who looks at a screen, one line for each trial that ends for others."""

from __future__ import annotations

import time

from kubeflow.core.durations import duration_text
from kubeflow.optimizer.types.optimization_types import ENDED, OptimizationJob
from kubeflow.optimizer.types.trial_text import parameters_text, values_text
from kubeflow.optimizer.types.trials import Trial

_SHOWN = 10  # failed trials in a block


def trial_line(job: OptimizationJob, trial: Trial) -> str:
    """Return how a trial ended, like `trial 3 Failed: rank 0 (node-0) raised ValueError: x (lr=0.01)`."""
    what = values_text(job, trial) if trial.status == "Complete" else trial.reason
    return f"trial {trial.number} {trial.status}{f': {what}' if what else ''} ({parameters_text(trial)})"


def counts_text(job: OptimizationJob) -> str:
    """Return how many trials there are of each kind, like `12 of 40 done, 2 running, 1 failed`."""
    by_status = [trial.status for trial in job.trials]
    parts = [f"{by_status.count('Complete')} of {job.trial_config.num_trials} done"]
    running = sum(status not in ENDED for status in by_status)
    for count, word in (
        (running, "running"),
        (by_status.count("Failed"), "failed"),
        (by_status.count("Stopped"), "stopped"),
    ):
        parts += [f"{count} {word}"] if count else []
    return ", ".join(parts)


def time_left(job: OptimizationJob, now: float) -> float | None:
    """Return the seconds that a search will still take, by the trials that have ended; `None` while none has.

    Args:
        job: The search.
        now: Seconds since the epoch.
    """
    times = [
        (trial.ended - trial.started).total_seconds()
        for trial in job.trials
        if trial.ended is not None and trial.started is not None
    ]
    if not times or job.status in ENDED:
        return None
    mean = sum(times) / len(times)
    config = job.trial_config
    waiting = max(0, config.num_trials - len(job.trials))
    running = [trial.started.timestamp() for trial in job.trials if trial.status not in ENDED and trial.started]
    work = waiting * mean + sum(max(0.0, mean - (now - started)) for started in running)
    left = work / max(1, min(config.parallel_trials, waiting + len(running)))
    if config.timeout is not None:
        left = min(left, max(0.0, job.creation_timestamp.timestamp() + config.timeout - now))
    return left


def block(job: OptimizationJob, now: float | None = None) -> list[str]:
    """Return the whole of it in a few lines: counts, the best trial, what has failed and why.

    Args:
        job: The search.
        now: Seconds since the epoch. Default: this moment.
    """
    left = time_left(job, time.time() if now is None else now)
    first = f"search {job.name} is {job.status}: {counts_text(job)}"
    lines = [first if left is None else f"{first}, about {duration_text(left)} left"]
    best = job.best_trial
    if best is not None:
        lines.append(f"  best: trial {best.number} with {values_text(job, best)} ({parameters_text(best)})")
    failed = [trial for trial in job.trials if trial.status == "Failed"]
    if len(failed) > _SHOWN:
        lines.append(f"  {len(failed) - _SHOWN} failed trial(s) before")
    lines += [f"  {trial_line(job, trial)}" for trial in failed[-_SHOWN:]]
    if job.reason:
        lines.append(f"  {job.reason}")
    return lines


class SearchText:
    """A search in words: one block for who looks at a screen, a line for each trial that ends for pipes and files."""

    def __init__(self) -> None:
        self._told: set[int] = set()

    def block(self, state: OptimizationJob, width: int) -> list[str]:
        """Return all of it; what is wider than `width` is cut by the screen."""
        return block(state)

    def news(self, state: OptimizationJob) -> list[str]:
        """Return a line for each trial that has ended since the last call, and two at the end of the search."""
        ended = [trial for trial in state.trials if trial.status in ENDED and trial.number not in self._told]
        self._told.update(trial.number for trial in ended)
        lines = [f"{state.name}: {trial_line(state, trial)}" for trial in ended]
        return [*lines, *(block(state)[:2] if state.status in ENDED else [])]
