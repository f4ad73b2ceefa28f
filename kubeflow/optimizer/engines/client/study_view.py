"""A search of the store, shown as users see searches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from kubeflow.optimizer.engines.client.study_document import StudyDocument, read_spaces
from kubeflow.optimizer.engines.client.study_store import StudyEvent, StudyRow, TrialRow
from kubeflow.optimizer.trial_jobs import decoded, trial_name
from kubeflow.optimizer.types.optimization_types import OptimizationJob
from kubeflow.optimizer.types.search_spaces import Space
from kubeflow.optimizer.types.trials import Trial
from kubeflow.trainer.types.jobs import Event, TrainJob


class StudyView:
    """Shows one search again and again; what does not change of it is read once.

    Args:
        document: What the driving process reads.
        spaces: The search spaces with the choices of the user, as bytes.
    """

    def __init__(self, document: StudyDocument, spaces: bytes) -> None:
        self.spec = document.spec
        self.directory = document.directory
        self.space: Mapping[str, Space] = read_spaces(spaces, dict(document.spec.space))

    def show(self, study: StudyRow, trials: list[TrialRow], jobs: Mapping[str, TrainJob]) -> OptimizationJob:
        """Return the search as its rows say.

        Args:
            study: Its row.
            trials: Its trials.
            jobs: The jobs of trials by name, those that are there.
        """
        config = self.spec.config
        if study.num_trials != config.num_trials:
            from dataclasses import replace

            parallel = min(config.parallel_trials, study.num_trials)
            config = replace(config, num_trials=study.num_trials, parallel_trials=parallel)
        return OptimizationJob(
            name=study.name,
            search_space=self.space,
            objectives=tuple(self.spec.objectives),
            algorithm=self.spec.algorithm,
            trial_config=config,
            trials=tuple(self._trial(study.name, trial, jobs) for trial in trials),
            creation_timestamp=moment(study.created),
            status=study.phase,
            engine="client",
            reason=study.reason,
        )

    def _trial(self, study: str, trial: TrialRow, jobs: Mapping[str, TrainJob]) -> Trial:
        name = trial_name(study, trial.number)
        return Trial(
            name=name,
            parameters=decoded(self.space, trial.parameters),
            trainjob=jobs.get(name),
            metrics=trial.metrics,
            number=trial.number,
            status=trial.phase,
            reason=trial.reason,
            started=moment(trial.asked),
            ended=None if trial.ended is None else moment(trial.ended),
        )


def user_event(study: str, event: StudyEvent) -> Event:
    """Return an event as users see it."""
    trial = None if event.number is None else trial_name(study, event.number)
    return Event(
        involved_object_kind="OptimizationJob" if trial is None else "Trial",
        involved_object_name=trial or study,
        message=event.message,
        reason=event.reason,
        event_time=event.time,
    )


def moment(seconds: float) -> datetime:
    """Return seconds since the epoch as a time with its zone."""
    return datetime.fromtimestamp(seconds, UTC)
