"""The job of one trial: that of the search, with its parameters put where the trainer reads them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from kubeflow.core.errors import InvalidInput
from kubeflow.optimizer.constants import constants
from kubeflow.optimizer.optimization_spec import OptimizationSpec
from kubeflow.optimizer.template_spaces import PLACEHOLDER, with_settings
from kubeflow.optimizer.types.search_spaces import CategoricalSearchSpace, Space
from kubeflow.trainer.constants import constants as trainer_constants
from kubeflow.trainer.jobs.jobspec import JobSpec


def trial_name(search: str, number: int) -> str:
    """Return the name of a trial and of its job."""
    return f"{search}-{number}"


def encoded(space: Mapping[str, Space], parameters: Mapping[str, object]) -> dict[str, str]:
    """Return the text of each parameter, in the order of the space.

    Raises:
        InvalidInput: A value is not of its space's type.
    """
    return {name: space[name].encode(parameters[name]) for name in space if name in parameters}


def decoded(space: Mapping[str, Space], texts: Mapping[str, str]) -> dict[str, object]:
    """Return the value of each parameter, in the order of the space.

    Raises:
        InvalidInput: A text stands for no value of its space's type.
    """
    return {name: space[name].decode(texts[name]) for name in space if name in texts}


def trial_job(spec: OptimizationSpec, number: int, parameters: Mapping[str, object]) -> JobSpec:
    """Return the job of trial `number` with these parameters, named and labelled.

    Raises:
        InvalidInput: A value is not of its space's type.
    """
    job = job_with_texts(spec.trial, spec.space, encoded(spec.space, parameters))
    labels = {constants.OPTIMIZATION_LABEL: spec.name, constants.TRIAL_NUMBER_LABEL: str(number)}
    return _changed(job, lambda one: replace(one, name=trial_name(spec.name, number), labels={**one.labels, **labels}))


def job_with_texts(job: JobSpec, space: Mapping[str, Space], texts: Mapping[str, str]) -> JobSpec:
    """Return a trial's job with parameters, given as the texts that `encode` makes.

    Code reads them from the environment, a builtin trainer has them as settings, and an image where its words hold
    `${trialParameters.NAME}`.

    Args:
        job: `OptimizationSpec.trial`.
        space: `OptimizationSpec.space`.
        texts: By name. Where the job runs code they may be anything that an engine replaces later.

    Raises:
        InvalidInput: A text stands for no value of its space's type.
    """
    if job.bundle is not None:
        from kubeflow.packaging import hyperparameter_env

        env = hyperparameter_env(texts)
        return _changed(job, lambda one: replace(one, env={**one.env, **env}))
    values = decoded(space, texts)
    if job.builtin is not None:
        builtin = with_settings(job.builtin, values)
        return _changed(job, lambda one: replace(one, builtin=builtin))
    words = {name: word(space[name], value) for name, value in values.items()}

    def filled(text: str) -> str:
        return PLACEHOLDER.sub(lambda match: words.get(match[1], match[0]), text)

    def with_words(one: JobSpec) -> JobSpec:
        return replace(
            one,
            command=None if one.command is None else [filled(text) for text in one.command],
            args=None if one.args is None else [filled(text) for text in one.args],
            env={name: filled(text) for name, text in one.env.items()},
        )

    return _changed(job, with_words)


def longest_job_name(job: JobSpec) -> int:
    """Return how many characters the name of a trial's job may have on a cluster, whose pods are called after it.

    Pods of a JobSet are called `<job>-<replicated job>-<its index>-<index of the pod>-<5 characters>`.
    """
    is_mpi = job.runtime.trainer.framework in trainer_constants.MPI_FRAMEWORKS
    role = trainer_constants.LAUNCHER if is_mpi else trainer_constants.NODE
    return 63 - len(f"-{role}-0-{(job.num_nodes or 1) - 1}-xxxxx")


def with_time_limit(job: JobSpec, seconds: float | None) -> JobSpec:
    """Return a trial's job that is ended after so many seconds, or earlier where an option says so.

    Args:
        job: The job.
        seconds: `TrialConfig.trial_timeout`; `None` leaves the job as it is.
    """
    if seconds is None:
        return job
    given = job.active_deadline_seconds
    limit = math.ceil(seconds) if given is None else min(given, math.ceil(seconds))
    return _changed(job, lambda one: replace(one, active_deadline_seconds=limit))


def job_with_placeholders(
    spec: OptimizationSpec, placeholder: Callable[[str], str] = lambda name: f"${{trialParameters.{name}}}"
) -> JobSpec:
    """Return the job of all trials, with a placeholder for each value, for engines that replace text.

    Raises:
        InvalidInput: The trainer's settings are typed, and hold no text that could be replaced.
    """
    if spec.trial.builtin is not None:
        raise InvalidInput("Settings of a builtin trainer hold no placeholders: take OptimizerClient(engine='client').")
    if spec.trial.bundle is None:
        return spec.trial
    return job_with_texts(spec.trial, spec.space, {name: placeholder(name) for name in spec.space})


def word(space: Space, value: object) -> str:
    """Return how a value is written on a command line.

    Raises:
        InvalidInput: It cannot be.
    """
    return space.word(value) if isinstance(space, CategoricalSearchSpace) else space.encode(value)


def _changed(job: JobSpec, change: Callable[[JobSpec], JobSpec]) -> JobSpec:
    """Return a job with a change, also in what this machine realises of it."""
    without = job.without_cluster_options
    return replace(change(job), without_cluster_options=None if without is None else change(without))
