"""The jobs of one search's trials: made, ended and forgotten on any backend. Every verb may be said twice."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from kubeflow.core.errors import InvalidInput
from kubeflow.optimizer.constants import constants
from kubeflow.optimizer.engines.client.study_store import TrialRow
from kubeflow.optimizer.engines.client.trial_verdicts import ObjectiveMissing, metrics, settled, steps
from kubeflow.optimizer.optimization_spec import OptimizationSpec
from kubeflow.optimizer.trial_jobs import decoded, trial_job, trial_name, with_time_limit
from kubeflow.optimizer.types.algorithm_types import PBT
from kubeflow.packaging.remote.reports import OBJECTIVE
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.errors import JobExists, JobNotFound
from kubeflow.trainer.jobs.jobspec import JobSpec
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.jobs.metric_history import lowest_ranks, metric_history, printed_metrics
from kubeflow.trainer.jobs.steps import FirstNode
from kubeflow.trainer.types.jobs import TrainJob
from kubeflow.trainer.types.metric_points import MetricPoint

CHECKPOINTS = "KUBEFLOW_CHECKPOINT_DIR"
"""Environment variable of the trials of population-based training: the folder that holds their checkpoints. It begins
as a copy of that of the trial that they go on from."""


class TrialJobs:
    """Makes, ends and forgets the jobs of one search's trials.

    Args:
        backend: Where they run.
        spec: The search.
        checkpoints: Where trials of population-based training keep their checkpoints.
    """

    def __init__(self, backend: Backend, spec: OptimizationSpec, checkpoints: Path) -> None:
        self._backend = backend
        self._spec = spec
        self._checkpoints = checkpoints

    def name(self, number: int) -> str:
        """Return the name of the job of a trial."""
        return trial_name(self._spec.name, number)

    def submit(self, trial: TrialRow) -> None:
        """Make the job of a trial, unless it is there.

        Raises:
            InvalidInput: The backend refuses the job, or its name is that of a job which is not of this search.
        """
        try:
            self._backend.train(self.job(trial))
        except JobExists:  # mostly it was made before this process, or the one before it, was killed
            name = self.name(trial.number)
            if name not in _own(self._backend, self._spec.name):
                raise InvalidInput(
                    f"There is a job {name!r} that is not of this search, and its trial {trial.number} would have that "
                    "name: delete the job, or give the search another name="
                ) from None

    def job(self, trial: TrialRow) -> JobSpec:
        """Return the job of a trial."""
        job = trial_job(self._spec, trial.number, decoded(self._spec.space, trial.parameters))
        job = with_time_limit(job, self._spec.config.trial_timeout)
        env = {OBJECTIVE: self._spec.objectives[0].metric}
        if isinstance(self._spec.algorithm, PBT):
            env[CHECKPOINTS] = str(self._folder(trial))

        def changed(one: JobSpec) -> JobSpec:
            return replace(one, env={**one.env, **env})

        without = job.without_cluster_options
        return replace(changed(job), without_cluster_options=None if without is None else changed(without))

    def reports(self, job: TrainJob) -> Iterable[MetricPoint]:
        """Return what a running trial has reported, or else printed."""
        found = self._backend.reports(job.name)
        if found:
            return lowest_ranks(found)[0]
        lines = self._backend.get_job_logs(job.name, LogSelection(FirstNode.STEP))
        return printed_metrics(lines, [self._spec.objectives[0].metric])

    def suspend(self, trial: TrialRow) -> None:
        """End the processes of a running trial, which begins anew when its search is resumed."""
        with contextlib.suppress(JobNotFound, InvalidInput):  # not submitted yet, or it has just ended
            self._backend.suspend_job(self.name(trial.number))

    def stopped(self, trial: TrialRow, reason: str) -> TrialRow:
        """End the job of a running trial for good, and return its row: complete where its job was so meanwhile."""
        ended = replace(trial, phase="Stopped", reason=reason)
        try:
            self._backend.stop_job(self.name(trial.number))
            job = self._backend.get_job(self.name(trial.number))
            if job.status == "Complete":  # it was quicker
                with contextlib.suppress(ObjectiveMissing):
                    return settled(self._backend, trial, job, self._spec.objectives)
            objective = self._spec.objectives[0].metric
            history = metric_history(self._backend, job, [objective], objective)
            ended = replace(ended, metrics=metrics(history), reported=steps(history, objective))
        except JobNotFound:  # not submitted, or deleted meanwhile
            pass
        return replace(ended, ended=time.time())

    def forget(self, trial: TrialRow) -> None:
        """Delete the job of a trial."""
        with contextlib.suppress(JobNotFound):
            self._backend.delete_job(self.name(trial.number))

    def _folder(self, trial: TrialRow) -> Path:
        folder = self._checkpoints / str(trial.number)
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            part = folder.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            parent = None if trial.parent is None else self._checkpoints / str(trial.parent)
            if parent is not None and parent.exists():
                shutil.copytree(parent, part)
            else:
                part.mkdir()
            part.rename(folder)
        return folder


def forget_trials(backend: Backend, search: str) -> None:
    """Delete the jobs of a search's trials. Jobs of others that have such names stay."""
    for name in _own(backend, search):
        with contextlib.suppress(JobNotFound):
            backend.delete_job(name)


def _own(backend: Backend, search: str) -> list[str]:
    return [job.name for job in backend.list_jobs(f"{constants.OPTIMIZATION_LABEL}={search}")]
