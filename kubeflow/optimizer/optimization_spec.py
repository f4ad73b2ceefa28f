"""From what the user gave to an `OptimizationSpec`: one plain description of a search that every engine can realise.

Everything that is wrong with every engine is refused here, before anything is sent or started.
"""

from __future__ import annotations

import logging
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from kubeflow.core.display import repr_of_fields, short
from kubeflow.core.errors import InvalidInput
from kubeflow.core.search_space import SearchSpace
from kubeflow.optimizer.given_trials import KnownTrial, WarmStart, enqueued, known_trials, listed
from kubeflow.optimizer.template_spaces import container_spaces, separated
from kubeflow.optimizer.types.algorithm_types import (
    CMAES,
    PBT,
    BaseAlgorithm,
    GridSearch,
    Hyperband,
    RandomSearch,
    Sobol,
)
from kubeflow.optimizer.types.early_stopping import EarlyStopping
from kubeflow.optimizer.types.optimization_types import Objective, TrialConfig
from kubeflow.optimizer.types.search_spaces import CategoricalSearchSpace, IntegerSearchSpace, Space
from kubeflow.trainer.jobs import names
from kubeflow.trainer.jobs.jobspec import AnyTrainer, JobSpec, Option, job_spec
from kubeflow.trainer.types.checks import check_instance
from kubeflow.trainer.types.initializers import Initializer
from kubeflow.trainer.types.runtimes import Runtime

logger = logging.getLogger(__name__)

NAME_MOST = 56
"""Characters of a search's name: trials are called `<name>-<number>`, and a job's name has 63."""
_LEARNS_NOTHING = (RandomSearch, GridSearch, Sobol, PBT)


@dataclass(frozen=True)
class OptimizationSpec:
    """A search, free of any engine. Made by `optimization_spec`, realised by an `Engine`.

    Attributes:
        name: RFC 1035 label, at most 56 characters.
        trial: The job of every trial, without values of its own: `trial_jobs.trial_job` puts them in.
        space: What each parameter is drawn from, in the user's order; not empty.
        objectives: At least one, of different metrics.
        algorithm: How parameters are proposed.
        config: How many trials, and when the search ends.
        early_stopping: When a running trial is ended; `None` is never.
        enqueue: Parameters of the first trials, some or all of them; the algorithm draws the rest.
        warm_start: What is known already.
        seed: What draws of this package's algorithms follow from: the algorithm's `random_state`, or drawn once.
    """

    name: str
    trial: JobSpec
    space: Mapping[str, Space]
    objectives: Sequence[Objective] = (Objective(),)
    algorithm: BaseAlgorithm = field(default_factory=RandomSearch)
    config: TrialConfig = field(default_factory=TrialConfig)
    early_stopping: EarlyStopping | None = None
    enqueue: Sequence[Mapping[str, object]] = ()
    warm_start: Sequence[KnownTrial] = ()
    seed: int = 0

    __repr__ = repr_of_fields


def optimization_spec(
    *,
    name: str,
    runtime: Runtime,
    trainer: AnyTrainer | None,
    search_space: Mapping[str, object] | None = None,
    initializer: Initializer | None = None,
    options: Sequence[Option] | None = None,
    objectives: Sequence[Objective] | None = None,
    algorithm: BaseAlgorithm | None = None,
    trial_config: TrialConfig | None = None,
    early_stopping: EarlyStopping | None = None,
    enqueue: Sequence[Mapping[str, object]] | None = None,
    warm_start: Sequence[WarmStart] | None = None,
    same_python: bool = False,
) -> OptimizationSpec:
    """Describe the search over the values that `trainer` may take.

    Args:
        name: The search's name.
        runtime: The runtime of trials, as the backend resolved it.
        trainer: What a trial runs. Search spaces may stand in place of arguments and of settings.
        search_space: Search spaces by the name of the argument or setting.
        initializer: What a trial fetches before training.
        options: Applied to the trial's job in order, after all else.
        objectives: What is looked for. Default: a small `loss`.
        algorithm: How parameters are proposed. Default: at random.
        trial_config: How many trials. Default: ten, one at a time.
        early_stopping: When a running trial is ended. Default: never.
        enqueue: Parameters of the first trials, some or all of them.
        warm_start: Earlier searches, or pairs of parameters and metrics, to learn from. Trials of an earlier search
            that are outside of this space, or have no value for an objective, are left out.
        same_python: True when jobs run under the Python of this process, as `Backend.same_python` says.

    Raises:
        InvalidInput: When the search cannot work with any engine, naming cause and remedy. A `PackagingError` when the
            function cannot be packaged, or does not take a parameter.
    """
    names.check(name)
    if len(name) > NAME_MOST:
        raise InvalidInput(f"{name!r} is too long for a search: at most {NAME_MOST} characters, for the trials' names.")
    config = trial_config or TrialConfig()
    aims = _objectives(objectives)
    how = RandomSearch() if algorithm is None else algorithm
    check_instance("trial_config", config, (TrialConfig,))
    if isinstance(how, type):
        raise InvalidInput(f"algorithm takes an object: write algorithm={how.__name__}().")
    check_instance("algorithm", how, (BaseAlgorithm,))
    if early_stopping is not None:
        check_instance("early_stopping", early_stopping, (EarlyStopping,), remedy="Write MedianStop().")
    given = _given(search_space)
    if isinstance(how, Hyperband) and how.resource is not None and how.resource not in given:
        given[how.resource] = IntegerSearchSpace(how.min_resource, how.max_resource)
    template = separated(trainer, given)
    space = template.space
    job = job_spec(
        name=name,
        runtime=runtime,
        trainer=template.trainer,
        initializer=initializer,
        options=options,
        same_python=same_python,
        hyperparameters=template.hyperparameters,
    )
    if job.name != name:
        raise InvalidInput(f"An option names the job {job.name!r}: a search is named by optimize(name=...).")
    if not template.hyperparameters and job.builtin is None:
        space = container_spaces(space, job)
    if not space:
        raise InvalidInput(
            "There is nothing to search: put Search.uniform(...), Search.int(...) or Search.choice(...) in place of an "
            "argument of the trainer, or give search_space={'lr': Search.loguniform(1e-4, 1e-1)}."
        )
    _check_algorithm(how, space, aims, config, early_stopping)
    known = known_trials(warm_start, space, aims)
    if known and isinstance(how, _LEARNS_NOTHING):
        logger.warning("warm_start= has no effect with %s, which learns nothing: take TPE()", type(how).__name__)
    return OptimizationSpec(
        name=name,
        trial=job,
        space=space,
        objectives=aims,
        algorithm=how,
        config=config,
        early_stopping=early_stopping,
        enqueue=enqueued(enqueue, space, config, how),
        warm_start=known,
        seed=secrets.randbelow(2**31) if how.random_state is None else how.random_state,
    )


def _objectives(given: Sequence[Objective] | Objective | None) -> tuple[Objective, ...]:
    aims = (given,) if isinstance(given, Objective) else listed("objectives", given, "[Objective('loss')]")
    if given is None:
        aims = (Objective(),)
    if not aims:
        raise InvalidInput("objectives is empty: give at least one, such as [Objective('loss')].")
    for aim in aims:
        check_instance("objectives", aim, (Objective,), remedy="Write Objective('loss', 'minimize').")
    metrics = [aim.metric for aim in aims]
    twice = sorted({metric for metric in metrics if metrics.count(metric) > 1})
    if twice:
        raise InvalidInput(f"Two objectives are of {twice[0]!r}: give each metric once.")
    return aims


def _given(search_space: Mapping[str, object] | None) -> dict[str, SearchSpace]:
    if search_space is None:
        return {}
    given: object = search_space
    if not isinstance(given, Mapping):
        raise InvalidInput(f"search_space maps names to search spaces, not {short(given)}.")
    spaces: dict[str, SearchSpace] = {}
    for name, space in cast("Mapping[object, object]", given).items():
        if not isinstance(name, str) or not name:
            raise InvalidInput(f"search_space has {name!r}, which is no name of an argument.")
        if not isinstance(space, SearchSpace):
            shown = short(space)
            remedy = f"Search.choice({shown})" if shown[0] in "[(" else f"Search.choice([{shown}])"
            raise InvalidInput(f"search_space[{name!r}] is no search space but {shown}: write {remedy}.")
        spaces[name] = space
    return spaces


def grid_size(space: Mapping[str, Space]) -> int:
    """Return the number of points of the grid over a space.

    Raises:
        InvalidInput: A parameter has endless values.
    """
    sizes: list[int] = []
    for name, values in space.items():
        if values.size is None:
            raise InvalidInput(
                f"{name} has endless values, and a grid needs some: give it a step, as in Search.uniform(0.1, 0.9, "
                "step=0.1), or a list of values with Search.choice."
            )
        sizes.append(values.size)
    return math.prod(sizes)


def _check_algorithm(
    algorithm: BaseAlgorithm,
    space: Mapping[str, Space],
    objectives: Sequence[Objective],
    config: TrialConfig,
    early_stopping: EarlyStopping | None,
) -> None:
    kind = type(algorithm).__name__
    if isinstance(algorithm, GridSearch):
        points = grid_size(space)
        if points < config.num_trials:
            raise InvalidInput(
                f"The grid has {points:,} points, and num_trials is {config.num_trials:,}: give "
                f"TrialConfig(num_trials={points}), or more values."
            )
    if len(objectives) > 1:
        if early_stopping is not None:
            raise InvalidInput(
                f"{type(early_stopping).__name__} compares one metric, and there are {len(objectives)} objectives: "
                "leave early_stopping= out, or all objectives but one."
            )
        if isinstance(algorithm, CMAES | Hyperband | PBT):
            raise InvalidInput(
                f"{kind} has one objective, and there are {len(objectives)}: take NSGAII() or TPE(), or one objective."
            )
    if isinstance(algorithm, Hyperband):
        if early_stopping is not None:
            raise InvalidInput("Hyperband stops trials itself: leave early_stopping= out, or take TPE() with it.")
        resource = space.get(algorithm.resource or "")
        if resource is not None and not isinstance(resource, IntegerSearchSpace):
            raise InvalidInput(f"The resource {algorithm.resource} of Hyperband is a number of steps: take Search.int.")
        if resource is not None and not resource.contains(algorithm.max_resource):
            raise InvalidInput(
                f"A full trial of Hyperband uses {algorithm.max_resource} of {algorithm.resource}, and its search space"
                f" is {resource!r}: leave {algorithm.resource} out of the space, or give one that has max_resource."
            )
        if set(space) == {algorithm.resource}:
            raise InvalidInput("Hyperband's resource is set by Hyperband: give at least one other search space.")
    if isinstance(algorithm, CMAES) and all(isinstance(values, CategoricalSearchSpace) for values in space.values()):
        raise InvalidInput("CMAES draws numbers, and there are choices only: take TPE() or RandomSearch().")
    if isinstance(algorithm, CMAES) and sum(_is_range(values) for values in space.values()) < 2:
        raise InvalidInput(
            "CMAES adapts how numbers depend on each other, and there is one alone, which would be drawn at random: "
            "take TPE() or BayesianOptimization(), or search another number."
        )
    if isinstance(algorithm, PBT) and early_stopping is not None:
        raise InvalidInput("PBT compares whole generations of trials: leave early_stopping= out.")
    if isinstance(algorithm, PBT) and config.unique:
        raise InvalidInput("PBT lets trials go on with the parameters of their parents: leave unique= out.")


def _is_range(space: Space) -> bool:
    return not isinstance(space, CategoricalSearchSpace) and space.size != 1


def replaced_config(spec: OptimizationSpec, num_trials: int) -> OptimizationSpec:
    """Return the search with another number of trials, as `extend` asks for.

    Raises:
        InvalidInput: The grid has fewer points.
    """
    config = replace(spec.config, num_trials=num_trials)
    _check_algorithm(spec.algorithm, spec.space, spec.objectives, config, spec.early_stopping)
    return replace(spec, config=config)
