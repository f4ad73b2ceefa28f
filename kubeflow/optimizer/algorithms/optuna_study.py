"""A search as a study of Optuna, in memory, made from rows: for its samplers, its pictures and its dashboard.

Optuna sees choices by their place, steps by their index, and normal distributions by their quantile: it has no such
distributions, and `1 == True` for it. So whatever is drawn becomes a value of the search space exactly.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, cast

from kubeflow.optimizer.algorithms.history import PastTrial
from kubeflow.optimizer.algorithms.quantiles import normal_quantile, normal_value, quantile_bounds
from kubeflow.optimizer.errors import MissingExtra
from kubeflow.optimizer.given_trials import KnownTrial
from kubeflow.optimizer.types.optimization_types import Objective
from kubeflow.optimizer.types.search_spaces import (
    CategoricalSearchSpace,
    Distribution,
    IntegerSearchSpace,
    Space,
)

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

OLDEST = 5
"""The oldest major version of Optuna whose samplers are made as here."""

QUANTILES = "quantiles"
"""Note of a trial: the quantiles of its values of normal distributions, which the values do not say exactly."""
ATTRIBUTES = "attributes"
"""Note of a trial: what a sampler has written down with it, such as the state of CMA-ES."""


def optuna_module(what: str) -> Any:
    """Return Optuna.

    Args:
        what: What needs it, for the error.

    Raises:
        MissingExtra: It is not installed, or too old.
    """
    check_optuna(what)
    try:
        return import_module("optuna")
    except ImportError as error:
        raise MissingExtra(what, f"optuna>={OLDEST}", "optimizer") from error


def check_optuna(what: str) -> None:
    """Refuse a Python without Optuna, or with one that is too old, without importing it.

    Raises:
        MissingExtra: It is not installed, or too old.
    """
    try:
        installed = version("optuna")
    except PackageNotFoundError:
        raise MissingExtra(what, f"optuna>={OLDEST}", "optimizer") from None
    if int(installed.partition(".")[0]) < OLDEST:
        raise MissingExtra(what, f"optuna>={OLDEST}", "optimizer", found=f"optuna {installed}")


@contextmanager
def quiet(optuna: Any) -> Generator[None]:
    """Keep Optuna from logging what it does, and from warning of what is meant, until the context ends."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(before)


class OptunaSpace:
    """A search space in Optuna's distributions, and values in both forms."""

    def __init__(self, space: Mapping[str, Space], *, readable: bool = False) -> None:
        """Translate a space.

        Args:
            space: The space.
            readable: True for people, as in pictures: values are themselves as far as Optuna can say them.
        """
        self._space = space
        self._readable = readable

    def distributions(self) -> dict[str, BaseDistribution]:
        """Return Optuna's distribution of each parameter."""
        return {name: self._distribution(space) for name, space in self._space.items()}

    def _distribution(self, space: Space) -> BaseDistribution:
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        if isinstance(space, CategoricalSearchSpace):
            labels = choice_labels(space) if self._readable else range(len(space.choices))
            return CategoricalDistribution(list(labels))
        if isinstance(space, IntegerSearchSpace):
            return IntDistribution(space.min, space.last, log=space.log, step=space.step)
        if self._readable:
            low = space.min if space.min is not None else normal_value(space, 0)
            high = space.max if space.max is not None else normal_value(space, 1)
            return FloatDistribution(low, high, log=low > 0 and "log" in space.distribution.value.lower())
        if space.size is not None:
            return IntDistribution(0, space.size - 1)
        if space.distribution in (Distribution.NORMAL, Distribution.LOG_NORMAL):
            return FloatDistribution(*quantile_bounds(space))
        low, high = float(space.min or 0), float(space.max or 0)
        return FloatDistribution(low, high, log=space.distribution is Distribution.LOG_UNIFORM)

    def inward(self, trial: PastTrial | KnownTrial) -> dict[str, object]:
        """Return a trial's parameters as Optuna has them."""
        notes = trial.notes if isinstance(trial, PastTrial) else dict[str, object]()
        quantiles = cast("Mapping[str, float]", notes.get(QUANTILES) or {})
        return {
            name: self._inward(space, trial.parameters[name], quantiles.get(name))
            for name, space in self._space.items()
        }

    def _inward(self, space: Space, value: object, quantile: float | None) -> object:
        if isinstance(space, CategoricalSearchSpace):
            place = space.index(value)
            return choice_labels(space)[place] if self._readable else place
        if isinstance(space, IntegerSearchSpace) or self._readable:
            return value
        if space.size is not None:
            return space.place(cast("float", value))
        if space.distribution in (Distribution.NORMAL, Distribution.LOG_NORMAL):
            return normal_quantile(space, cast("float", value)) if quantile is None else quantile
        return value

    def outward(self, parameters: Mapping[str, Any]) -> tuple[dict[str, object], dict[str, float]]:
        """Return what Optuna drew as values of the space, and the quantiles among it."""
        values: dict[str, object] = {}
        quantiles: dict[str, float] = {}
        for name, space in self._space.items():
            drawn = parameters[name]
            if isinstance(space, CategoricalSearchSpace):
                values[name] = space.choices[int(drawn)]
            elif isinstance(space, IntegerSearchSpace):
                values[name] = int(drawn)
            elif space.size is not None:
                values[name] = space.at(int(drawn))
            elif space.distribution in (Distribution.NORMAL, Distribution.LOG_NORMAL):
                quantiles[name] = float(drawn)
                values[name] = normal_value(space, float(drawn))
            else:
                values[name] = float(drawn)
        return values, quantiles


def choice_labels(space: CategoricalSearchSpace) -> list[str | int | float | bool | None]:
    """Return the choices as people read them: themselves where all are plain and different, else as text."""
    plain = [choice for choice in space.choices if choice is None or isinstance(choice, str | int | float | bool)]
    if len(plain) == len(space.choices) and len(set(plain)) == len(plain):
        return plain
    texts = [choice if isinstance(choice, str) else repr(choice) for choice in space.choices]
    if len(set(texts)) == len(texts):
        return list(texts)
    return [f"{place}: {text}" for place, text in enumerate(texts)]


def new_study(optuna: Any, objectives: Sequence[Objective], name: str | None = None, storage: Any = None) -> Study:
    """Return a study without trials."""
    directions = ["maximize" if aim.maximizes else "minimize" for aim in objectives]
    sampler = optuna.samplers.RandomSampler(0)
    study = cast("Study", optuna.create_study(directions=directions, sampler=sampler, study_name=name, storage=storage))
    if len(objectives) > 1:
        study.set_metric_names([aim.metric for aim in objectives])
    return study


def frozen_trial(
    trial: PastTrial | KnownTrial,
    space: OptunaSpace,
    distributions: dict[str, BaseDistribution],
    objectives: Sequence[Objective],
) -> FrozenTrial:
    """Return a trial as Optuna keeps it.

    A trial that was stopped is one that was pruned, and one without a finite value has failed.
    """
    from optuna.trial import TrialState, create_trial

    attributes: Mapping[str, Any] = {}
    reports: dict[int, float] = {}
    values: Sequence[float] | None
    if isinstance(trial, KnownTrial):
        state, values = TrialState.COMPLETE, [trial.metrics[aim.metric] for aim in objectives]
    else:
        attributes = cast("Mapping[str, Any]", trial.notes.get(ATTRIBUTES) or {})
        reports = {each.step: each.value for each in trial.reports if math.isfinite(each.value)}
        values = trial.values if trial.is_usable else None
        state = TrialState.FAIL
        if trial.is_usable:
            state = TrialState.COMPLETE
        elif trial.state == "running":
            state = TrialState.RUNNING
        elif trial.state == "stopped" and reports and len(objectives) == 1:
            state = TrialState.PRUNED
    return create_trial(
        state=state,
        values=None if values is None else [float(value) for value in values],
        params=space.inward(trial),
        distributions=distributions,
        system_attrs=dict(attributes),
        intermediate_values=reports,
    )


def study_of(
    optuna: Any,
    trials: Sequence[PastTrial | KnownTrial],
    space: OptunaSpace,
    objectives: Sequence[Objective],
    *,
    name: str | None = None,
) -> Study:
    """Return a study in memory that has these trials, in their order."""
    study = new_study(optuna, objectives, name)
    distributions = space.distributions()
    for trial in trials:
        study.add_trial(frozen_trial(trial, space, distributions, objectives))
    return study
