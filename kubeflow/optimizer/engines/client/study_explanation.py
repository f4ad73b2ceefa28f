"""Why a search is where it is, in one text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kubeflow.core.errors import KubeflowError
from kubeflow.optimizer.types.optimization_types import ENDED, OptimizationJob
from kubeflow.optimizer.types.trial_text import parameters_text, values_text
from kubeflow.optimizer.types.trials import Trial
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.diagnosis.diagnosis import Explanation
from kubeflow.trainer.types.jobs import Event

_SHOWN = 5  # failed trials, and events, that have a line each


def explanation(
    job: OptimizationJob, events: Sequence[Event], driver_log: Sequence[str], backend: Backend
) -> Explanation:
    """Return status, counts, the trials that failed and why, the trials that do not start, and what to try.

    Args:
        job: The search.
        events: What happened to it.
        driver_log: The last lines of the process that drives it; none when all is well.
        backend: Where its trials run.
    """
    counts = Counter(trial.status for trial in job.trials)
    made = ", ".join(f"{count} {status}" for status, count in counts.items()) or "none yet"
    lines = [f"Search {job.name!r} is {job.status}{f': {job.reason}' if job.reason else ''}"]
    lines.append(f"  {len(job.trials)} of {job.trial_config.num_trials} trial(s) made: {made}")
    best = job.best_trial
    if best is not None:
        lines.append(f"  best so far: {best.name} with {values_text(job, best)}, {parameters_text(best)}")
    failed = [trial for trial in job.trials if trial.status == "Failed"]
    if failed:
        lines.append("Failed trials:")
        lines += [f"  {trial.name} ({parameters_text(trial)}): {trial.reason}" for trial in failed[-_SHOWN:]]
    lines += _waiting(job, backend)
    if events:
        lines.append("Timeline:")
        shown = [
            f"  {event.event_time.astimezone():%H:%M:%S}  {event.involved_object_name}: {event.reason}"
            f"{f': {event.message}' if event.message else ''}"
            for event in events[-2 * _SHOWN :]
        ]
        lines += shown
    if driver_log:
        lines += ["Log of the process that drives it:", *(f"  {line}" for line in driver_log)]
    remedies = _remedies(job, failed)
    if remedies:
        lines += ["What to try:", *(f"  {remedy}" for remedy in remedies)]
    return Explanation("\n".join(lines))


def _waiting(job: OptimizationJob, backend: Backend) -> list[str]:
    """Return why trials that were made do not run."""
    lines: list[str] = []
    for trial in job.trials:
        if trial.status in ENDED or trial.trainjob is None or trial.trainjob.status == "Running":
            continue
        try:
            lines.append(f"  {trial.name}: {backend.diagnose(trial.name).summary}")
        except KubeflowError as error:
            lines.append(f"  {trial.name}: {error}")
    return ["Trials that do not run yet:", *lines[:_SHOWN]] if lines else []


def _remedies(job: OptimizationJob, failed: Sequence[Trial]) -> list[str]:
    remedies: list[str] = []
    if failed and failed[-1].trainjob is not None:
        remedies.append(
            f"client.get_job_logs({job.name!r}, {failed[-1].name!r}) has the log of the last one that failed."
        )
    if job.status == "Suspended":
        remedies.append(f"client.resume_job({job.name!r}) lets it go on.")
    if job.status == "Failed":
        remedies.append("Correct the cause, and call optimize() again with resume=True to go on with the same search.")
    return remedies
