"""Changes to a search that Katib runs: suspend, resume, stop, extend.

An Experiment cannot be suspended. But a trial whose TrainJob is suspended keeps its place among those that run at once,
so that Katib starts no other: suspending the TrainJobs of all running trials suspends the search.
"""

from __future__ import annotations

import logging
import time

from kubeflow_api.katib.v1beta1 import Experiment, Experiments

from kubeflow.cluster import wire
from kubeflow.cluster.wire import Json
from kubeflow.core.errors import InvalidInput
from kubeflow.optimizer.constants import constants
from kubeflow.optimizer.engines.katib.experiment_objects import get_experiment
from kubeflow.optimizer.engines.katib.experiment_reading import read_experiment
from kubeflow.optimizer.engines.katib.experiment_view import WANTED_ANNOTATION, newest_condition
from kubeflow.trainer.backends.kubernetes.connection.connection import Connection
from kubeflow.trainer.backends.kubernetes.jobs import changes
from kubeflow.trainer.backends.kubernetes.jobs.lookup import jobs_path
from kubeflow.trainer.constants import constants as trainer_constants
from kubeflow.trainer.errors import JobNotFound, Unsupported

logger = logging.getLogger(__name__)

# A trial that ends while others are suspended is followed by a new one, which is suspended in the next round.
_ROUNDS = 20
_PAUSE = 0.5  # seconds
_ENDED = ("Succeeded", "Failed")
_TRIAL = ("spec", "trialTemplate", "trialSpec")
_CLIENT = "OptimizerClient(engine='client')"


def suspend(connection: Connection, name: str) -> None:
    """End the processes of all running trials, and start no others; see `Engine.suspend_job`.

    Raises:
        InvalidInput: The search has ended.
        Unsupported: Its trials are not found by their label, as it was not made by this package.
    """
    experiment = _unfinished(connection, name, "suspended")
    _want(connection, experiment, "Suspended")
    _suspend_trials(connection, name)


def stop(connection: Connection, name: str) -> None:
    """End the processes of all running trials for good; see `Engine.stop_job`."""
    experiment = get_experiment(connection, name)
    if _has_ended(experiment) or _wanted(experiment) == "Stopped":
        return
    _check_own(experiment, name, "stopped")
    _want(connection, experiment, "Stopped")
    _suspend_trials(connection, name)


def resume(connection: Connection, name: str) -> None:
    """Let a suspended search go on; see `Engine.resume_job`."""
    experiment = get_experiment(connection, name)
    wanted = _wanted(experiment)
    if wanted == "Stopped":
        raise InvalidInput(f"Search {name!r} was stopped, and does not go on: start another one with warm_start=.")
    if wanted is None or _has_ended(experiment):
        return
    _want(connection, experiment, None)
    for job in _unfinished_jobs(connection, name):
        trial = wire.text(job, "metadata", "name")
        try:
            changes.resume(connection, trial)
        except InvalidInput as error:
            if trial in [wire.text(each, "metadata", "name") for each in _unfinished_jobs(connection, name)]:
                raise
            logger.debug("a trial of %s is not resumed: %s", name, error)  # it has ended meanwhile, or is gone


def take_up(connection: Connection, name: str, asked: Experiment) -> None:
    """Go on with a search, as `optimize(resume=True)` asks for: with more trials, and else as it is.

    Args:
        connection: The cluster.
        name: The search.
        asked: The Experiment that would be made of what is asked for.

    Raises:
        InvalidInput: It is another search, or it has failed or was stopped.
        Unsupported: It has ended, and more trials are asked for.
    """
    experiment, given = get_experiment(connection, name), asked.to_dict()
    before, now = read_experiment(experiment), read_experiment(given)
    for what, was, wanted in (
        ("search spaces", dict(before.space), dict(now.space)),
        ("objectives", before.objectives, now.objectives),
        ("settings of its algorithm", before.algorithm, now.algorithm),
    ):
        if was != wanted:
            raise InvalidInput(
                f"Search {name!r} exists with other {what}: it has {was!r}, and {wanted!r} is given. resume=True goes "
                "on with the search as it is: give it as it was, or another name=."
            )
    if wire.text(newest_condition(experiment), "type") == "Failed":
        raise InvalidInput(
            f"Search {name!r} has failed, and Katib lets none go on that has: delete_job({name!r}) first, give another "
            f"name=, or take {_CLIENT}, whose searches go on."
        )
    if wire.at(experiment, *_TRIAL) != wire.at(given, *_TRIAL):
        logger.warning("search %s goes on with the function and the options that it has: Katib changes neither", name)
    if before.config.num_trials < now.config.num_trials:
        extend(connection, name, now.config.num_trials)
    resume(connection, name)


def extend(connection: Connection, name: str, num_trials: int) -> None:
    """Give a search another number of trials in all; see `Engine.extend`.

    Raises:
        InvalidInput: It has as many already, or was stopped, or its grid has fewer points.
        Unsupported: It has ended, and its service with it.
    """
    experiment = get_experiment(connection, name)
    made = wire.integer(experiment, "status", "trials") or 0
    if num_trials <= made:
        raise InvalidInput(f"Search {name!r} has {made} trials already: give num_trials={made + 1} or more.")
    if _wanted(experiment) == "Stopped":
        raise InvalidInput(f"Search {name!r} was stopped, and takes no more trials: start another with warm_start=.")
    if _has_ended(experiment):
        reason = wire.text(newest_condition(experiment), "reason")
        policy = wire.text(experiment, "spec", "resumePolicy")
        if reason != "ExperimentMaxTrialsReached" or policy not in ("LongRunning", "FromVolume"):
            raise Unsupported(
                f"Search {name!r} has ended, and Katib lets only one go on that has reached its number of trials under "
                "the resume policy LongRunning: set spec.resume_policy in the Experiment of dry_run=True before "
                f"create_job, or take {_CLIENT}, whose searches can always be extended."
            )
    patch: dict[str, object] = {"maxTrialCount": num_trials}
    Experiments(connection.transport, connection.namespace).patch(name, {"spec": patch})


def _unfinished(connection: Connection, name: str, changed: str) -> Json:
    experiment = get_experiment(connection, name)
    if _has_ended(experiment):
        raise InvalidInput(f"Search {name!r} has ended, and cannot be {changed}.")
    _check_own(experiment, name, changed)
    return experiment


def _check_own(experiment: Json, name: str, changed: str) -> None:
    labels = wire.strings(experiment, "spec", "trialTemplate", "trialSpec", "metadata", "labels")
    if labels.get(constants.OPTIMIZATION_LABEL) != name:
        raise Unsupported(
            f"Search {name!r} was not made by this package: its jobs have no label to find them by, so that it cannot "
            f"be {changed}. delete_job({name!r}) ends it."
        )


def _has_ended(experiment: Json) -> bool:
    return wire.text(newest_condition(experiment), "type") in _ENDED


def _wanted(experiment: Json) -> str | None:
    return wire.strings(experiment, "metadata", "annotations").get(WANTED_ANNOTATION)


def _want(connection: Connection, experiment: Json, wanted: str | None) -> None:
    patch = {"metadata": {"annotations": {WANTED_ANNOTATION: wanted}}}
    Experiments(connection.transport, connection.namespace).patch(wire.text(experiment, "metadata", "name"), patch)


def _unfinished_jobs(connection: Connection, name: str) -> list[Json]:
    query = {"labelSelector": f"{constants.OPTIMIZATION_LABEL}={name}"}
    jobs = wire.listed(connection.transport, jobs_path(connection.namespace), query)
    return [job for job in jobs if not any(wire.condition(job, kind) for kind in trainer_constants.TRAINJOB_ENDS)]


def _suspend_trials(connection: Connection, name: str) -> None:
    for _ in range(_ROUNDS):
        running = [job for job in _unfinished_jobs(connection, name) if wire.at(job, "spec", "suspend") is not True]
        for job in running:
            try:
                changes.suspend(connection, wire.text(job, "metadata", "name"))
            except (JobNotFound, InvalidInput) as error:  # it has ended meanwhile
                logger.debug("a trial of %s is not suspended: %s", name, error)
        if not running and _all_places_taken(connection, name):
            return
        time.sleep(_PAUSE)
    logger.warning("search %s: some trials may still run; call suspend_job again", name)


def _all_places_taken(connection: Connection, name: str) -> bool:
    """True when Katib cannot start another trial: as many are unfinished as may be at once, or all have been made."""
    experiment = get_experiment(connection, name)
    if _has_ended(experiment):
        return True
    unfinished = len(_unfinished_jobs(connection, name))
    parallel = wire.integer(experiment, "spec", "parallelTrialCount") or 3
    most = wire.integer(experiment, "spec", "maxTrialCount")
    ended = sum(
        wire.integer(experiment, "status", field) or 0
        for field in (
            "trialsSucceeded",
            "trialsFailed",
            "trialsKilled",
            "trialsEarlyStopped",
            "trialMetricsUnavailable",
        )
    )
    wanted = parallel if most is None else min(parallel, max(0, most - ended))
    return unfinished >= wanted
