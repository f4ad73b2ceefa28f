"""A search of the store, shown as users see searches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from kubeflow.optimizer.engines.client.study_document import StudyDocument
from kubeflow.optimizer.engines.client.study_store import StudyEvent, StudyRow, TrialRow
from kubeflow.optimizer.trial_jobs import decoded, trial_name
from kubeflow.optimizer.types.optimization_types import OptimizationJob, TrialConfig
from kubeflow.optimizer.types.search_spaces import Space
from kubeflow.optimizer.types.trials import Trial
from kubeflow.trainer.types.jobs import Event, TrainJob


class StudyView:
    """Shows one search again and again; what does not change of it is read once.

    Args:
        document: What the driving process reads.
        space: The search spaces with the choices of the user.
    """

    def __init__(self, document: StudyDocument, space: Mapping[str, Space]) -> None:
        self.spec = document.spec
        self.directory = document.directory
        self.space = space

    def show(self, study: StudyRow, trials: list[TrialRow], jobs: Mapping[str, TrainJob]) -> OptimizationJob:
        """Return the search as its rows say.

        Args:
            study: Its row.
            trials: Its trials.
            jobs: The jobs of trials by name, those that are there.
        """
        config = self.spec.config
        if study.num_trials != config.num_trials:
            parallel = min(config.parallel_trials, study.num_trials)
            config = replace(config, num_trials=study.num_trials, parallel_trials=parallel)
        return OptimizationJob(
            name=study.name,
            search_space=self.space,
            objectives=tuple(self.spec.objectives),
            algorithm=self.spec.algorithm,
            trial_config=config,
            trials=tuple(_trial(study.name, trial, decoded(self.space, trial.parameters), jobs) for trial in trials),
            creation_timestamp=moment(study.created),
            status=study.phase,
            engine="client",
            reason=study.reason,
        )


def unreadable_view(study: StudyRow, trials: list[TrialRow], reason: str) -> OptimizationJob:
    """Return what can be seen of a search whose description this process cannot read: no spaces, texts of values.

    Args:
        study: Its row.
        trials: Its trials.
        reason: Why it cannot be read, in words.
    """
    return OptimizationJob(
        name=study.name,
        search_space={},
        objectives=(),
        algorithm=None,
        trial_config=TrialConfig(study.num_trials),
        trials=tuple(_trial(study.name, trial, trial.parameters, {}) for trial in trials),
        creation_timestamp=moment(study.created),
        status=study.phase,
        engine="client",
        reason=study.reason,
        notes=(reason,),
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


def _trial(study: str, trial: TrialRow, parameters: Mapping[str, object], jobs: Mapping[str, TrainJob]) -> Trial:
    name = trial_name(study, trial.number)
    return Trial(
        name=name,
        parameters=parameters,
        trainjob=jobs.get(name),
        metrics=trial.metrics,
        number=trial.number,
        status=trial.phase,
        reason=trial.reason,
        started=moment(trial.asked),
        ended=None if trial.ended is None else moment(trial.ended),
    )
