"""Parameters that a user gives to a search beside its space: first trials, and what came of earlier ones."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar, cast

from kubeflow.core.display import repr_of_fields, short
from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.optimizer.types.algorithm_types import BaseAlgorithm, Hyperband
from kubeflow.optimizer.types.finite_numbers import builtin_number, is_number
from kubeflow.optimizer.types.optimization_types import Objective, OptimizationJob, TrialConfig
from kubeflow.optimizer.types.search_spaces import (
    CategoricalSearchSpace,
    ContinuousSearchSpace,
    IntegerSearchSpace,
    Space,
)

T = TypeVar("T")
_LARGE = 2**1023  # beyond, an int may be none that a float can be

WarmStart: TypeAlias = OptimizationJob | tuple[Mapping[str, object], Mapping[str, float]]
"""What a search can learn from: an earlier search, or parameters with the metrics that came of them."""


@dataclass(frozen=True)
class KnownTrial:
    """Parameters whose metrics are known before a search starts.

    Attributes:
        parameters: Values by name, all of the search's parameters.
        metrics: The value of each objective, by name.
    """

    parameters: Mapping[str, object]
    metrics: Mapping[str, float]

    __repr__ = repr_of_fields


def listed(field: str, given: Sequence[T] | None, like: str) -> tuple[T, ...]:
    """Return what is given as a list of something.

    Raises:
        InvalidInput: It is one text, a mapping, or no list at all.
    """
    value: object = given
    if value is not None and (isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable)):
        raise InvalidInput(f"{field} takes a list, not {short(value)}: write {field}={like}.")
    return tuple(given or ())


def check_parameters(what: str, given: object, space: Mapping[str, Space], *, whole: bool) -> dict[str, object]:
    """Return parameters whose names and values are of a space.

    Args:
        what: Where they come from, for the error.
        given: What the user gave.
        space: The space.
        whole: True when all parameters must be there.

    Raises:
        InvalidInput: Naming the parameter.
    """
    if not isinstance(given, Mapping):
        raise InvalidInput(f"{what} maps names of parameters to values, not {short(given)}.")
    values = dict(cast("Mapping[str, object]", given))
    for name, value in values.items():
        if name not in space:
            known = ", ".join(space)
            raise InvalidInput(
                f"{what} has {name!r}, which is not searched.{did_you_mean(name, space)} Known: {known}."
            )
        values[name] = _value_of(space[name], value)
        if not space[name].contains(values[name]):
            hint = _nearest(space[name], values[name])
            raise InvalidInput(f"{what} has {name}={short(value)}, which is outside of {space[name]!r}.{hint}")
    missing = [name for name in space if name not in values]
    if whole and missing:
        raise InvalidInput(f"{what} lacks {', '.join(missing)}.")
    return {name: values[name] for name in space if name in values}


def _value_of(space: Space, value: object) -> object:
    """Return a value with the type of its space, where it is the same number: 1 for 1.0, and those of numpy."""
    if isinstance(space, CategoricalSearchSpace):
        return value if space.contains(value) else builtin_number(value)
    number = builtin_number(value)
    if isinstance(space, IntegerSearchSpace):
        return int(number) if type(number) is float and number.is_integer() else number
    return float(number) if type(number) is int and abs(number) < _LARGE else number


def _nearest(space: Space, value: object) -> str:
    if isinstance(value, str) and not isinstance(space, CategoricalSearchSpace):
        return f" It is a text: write {name}." if (name := value.strip()) else ""
    if not isinstance(space, ContinuousSearchSpace) or type(value) is not float or space.step is None:
        return ""
    return f" The nearest is {space.at(space.place(value))!r}." if math.isfinite(value) else ""


def enqueued(
    enqueue: Sequence[Mapping[str, object]] | None,
    space: Mapping[str, Space],
    config: TrialConfig,
    algorithm: BaseAlgorithm,
) -> tuple[dict[str, object], ...]:
    """Return the parameters of the first trials, checked.

    Raises:
        InvalidInput: One is outside of the space, or there are more than trials.
    """
    first = listed("enqueue", enqueue, "[{...}]")
    given = tuple(check_parameters(f"enqueue[{number}]", each, space, whole=False) for number, each in enumerate(first))
    if len(given) > config.num_trials:
        raise InvalidInput(
            f"enqueue has {len(given)} trials, and num_trials is {config.num_trials}: give "
            f"TrialConfig(num_trials={len(given)}), or leave some out."
        )
    if isinstance(algorithm, Hyperband) and any(algorithm.resource in each for each in given):
        raise InvalidInput(f"Hyperband sets its resource itself: leave {algorithm.resource} out of enqueue.")
    return given


def known_trials(
    warm_start: Sequence[WarmStart] | OptimizationJob | None,
    space: Mapping[str, Space],
    objectives: Sequence[Objective],
) -> tuple[KnownTrial, ...]:
    """Return what earlier searches and pairs of parameters and metrics say about this space.

    Raises:
        InvalidInput: A pair is outside of the space or lacks a metric, or a search says nothing about it.
    """
    if isinstance(warm_start, OptimizationJob):
        raise InvalidInput("warm_start takes a list: write warm_start=[job].")
    known: list[KnownTrial] = []
    for number, given in enumerate(listed("warm_start", warm_start, "[job]")):
        if isinstance(given, OptimizationJob):
            known += _of_search(f"warm_start[{number}]", given, space, objectives)
            continue
        pair: object = given
        if not isinstance(pair, tuple) or len(cast("tuple[object, ...]", pair)) != 2:
            raise InvalidInput(
                f"warm_start[{number}] is a search, or a pair of parameters and metrics, not {short(pair)}."
            )
        parameters, metrics = given
        values = check_parameters(f"warm_start[{number}]", parameters, space, whole=True)
        of_pair: object = metrics
        if not isinstance(of_pair, Mapping):
            raise InvalidInput(
                f"warm_start[{number}] has {short(of_pair)} in place of metrics: write "
                f"({short(parameters)}, {{{objectives[0].metric!r}: {short(of_pair)}}})."
            )
        came = {aim.metric: builtin_number(metrics.get(aim.metric)) for aim in objectives}
        for metric, value in came.items():
            if not (is_number(value) and math.isfinite(value)):
                raise InvalidInput(f"warm_start[{number}] needs a finite number for {metric!r}, not {value!r}.")
        known.append(KnownTrial(values, {metric: float(cast("float", value)) for metric, value in came.items()}))
    return tuple(known)


def _of_other(space: Space, value: object) -> object:
    """Return the choice that is shown as a value of another search is, whose classes that search may not have."""
    if not isinstance(space, CategoricalSearchSpace) or space.contains(value):
        return value
    alike = [choice for choice in space.choices if repr(choice) == repr(value)]
    return alike[0] if len(alike) == 1 else value


def _of_search(
    what: str, search: OptimizationJob, space: Mapping[str, Space], objectives: Sequence[Objective]
) -> list[KnownTrial]:
    known: list[KnownTrial] = []
    problems: list[str] = []
    for trial in search.trials:
        if trial.status != "Complete":
            continue
        values = {aim.metric: aim.value(trial.metrics) for aim in objectives}
        try:
            given = {name: _of_other(space[name], value) for name, value in trial.parameters.items() if name in space}
            parameters = check_parameters(trial.name, given, space, whole=True)
        except InvalidInput as error:
            problems.append(str(error))
            continue
        missing = [metric for metric, value in values.items() if value is None]
        if missing:
            problems.append(f"{trial.name} has no value for {missing[0]!r}.")
        else:
            known.append(KnownTrial(parameters, cast("dict[str, float]", values)))
    if problems and not known:
        raise InvalidInput(
            f"{what} is search {search.name!r}, and none of its {len(problems)} complete trials says something about "
            f"this one. {problems[0]}"
        )
    return known
