"""What an Experiment says of its search: space, objectives, algorithm, counts. Whoever made it, however broken it is.

Everything is read leniently: what cannot be read becomes a note of the search, and never an error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from kubeflow.cluster import wire
from kubeflow.cluster.wire import Json
from kubeflow.core.display import repr_of_fields, short
from kubeflow.core.errors import InvalidInput
from kubeflow.optimizer.engines.katib.algorithm_settings import algorithm_of
from kubeflow.optimizer.engines.katib.experiment_rendering import SPACE_ANNOTATION
from kubeflow.optimizer.engines.space_documents import annotated_spaces, value_of
from kubeflow.optimizer.types.algorithm_types import BaseAlgorithm
from kubeflow.optimizer.types.categorical_space import CategoricalSearchSpace
from kubeflow.optimizer.types.optimization_types import Direction, Objective, Strategy, TrialConfig
from kubeflow.optimizer.types.search_spaces import (
    ContinuousSearchSpace,
    Distribution,
    IntegerSearchSpace,
    Space,
    distribution_named,
)

_STRATEGIES: Mapping[str, Strategy] = {"latest": "last", "min": "min", "max": "max"}
_MANY = 1_000_000  # trials of an experiment that has no number of them


@dataclass(frozen=True)
class ReadExperiment:
    """What an Experiment says of its search.

    Attributes:
        space: What parameters are drawn from, as far as it can be read.
        words: Names of those whose choices are written as words, and not as places.
        objectives: What it looks for; the direction of additional metrics is not known, and none of them is here.
        algorithm: `None` when this package has none like it.
        config: How many trials it has.
        notes: What could not be read, in words.
    """

    space: Mapping[str, Space]
    words: frozenset[str]
    objectives: tuple[Objective, ...]
    algorithm: BaseAlgorithm | None
    config: TrialConfig
    notes: tuple[str, ...] = field(default_factory=tuple)

    __repr__ = repr_of_fields

    def parameters(self, texts: Mapping[str, str]) -> dict[str, object]:
        """Return the values that texts stand for, in the order of the space; what has no space stays text."""
        order = [*(name for name in self.space if name in texts), *(name for name in texts if name not in self.space)]
        return {name: value_of(self.space.get(name), texts[name], is_word=name in self.words) for name in order}


def read_experiment(item: Json) -> ReadExperiment:
    """Return what an Experiment says of its search."""
    notes: list[str] = []
    space, words = _space(item, notes)
    algorithm = _algorithm(item, notes)
    additional = wire.each(str, wire.at(item, "spec", "objective", "additionalMetricNames"))
    if additional:
        notes.append(f"it records {', '.join(additional)} too, without a direction")
    return ReadExperiment(space, words, _objectives(item, notes), algorithm, _config(item), tuple(notes))


def _space(item: Json, notes: list[str]) -> tuple[dict[str, Space], frozenset[str]]:
    if (annotated := annotated_spaces(item, SPACE_ANNOTATION, notes)) is not None:
        return annotated
    found: dict[str, Space] = {}
    words: set[str] = set()
    for parameter in wire.objects(item, "spec", "parameters"):
        name = wire.text(parameter, "name")
        try:
            found[name] = _foreign_space(parameter)
        except (InvalidInput, ValueError, OverflowError) as error:
            notes.append(f"the space of parameter {short(name)} cannot be read: {error}")
            continue
        if isinstance(found[name], CategoricalSearchSpace):
            words.add(name)
    return found, frozenset(words)


def _foreign_space(parameter: Json) -> Space:
    kind, space = wire.text(parameter, "parameterType"), wire.mapping(parameter, "feasibleSpace")
    low, high, step = (_text(space, field) for field in ("min", "max", "step"))
    name = wire.text(space, "distribution") or Distribution.UNIFORM.value
    if kind == "int":
        logarithmic = distribution_named(name) is Distribution.LOG_UNIFORM
        return IntegerSearchSpace(
            _whole(low), _whole(high), 1 if logarithmic or not step else _whole(step), logarithmic
        )
    if kind == "double":
        distribution = distribution_named(name)
        counted = float(step) if step and distribution is Distribution.UNIFORM else None
        return ContinuousSearchSpace(float(low), float(high), distribution, counted)
    if kind in ("categorical", "discrete"):
        return CategoricalSearchSpace(tuple(dict.fromkeys(wire.each(str, wire.at(space, "list")))))
    raise InvalidInput(f"parameterType is {short(kind)}")


def _text(space: Json, field: str) -> str:
    value = wire.at(space, field)
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""


def _whole(text: str) -> int:
    value = float(text)
    if not value.is_integer():
        raise InvalidInput(f"{text} is no whole number")
    return int(text) if text.lstrip("+-").isdigit() else int(value)


def _objectives(item: Json, notes: list[str]) -> tuple[Objective, ...]:
    given = wire.mapping(item, "spec", "objective")
    metric, kind = wire.text(given, "objectiveMetricName"), wire.text(given, "type")
    if not metric or kind not in ("minimize", "maximize"):
        notes.append("it has no objective that can be read")
        return ()
    best = "min" if kind == "minimize" else "max"
    strategy: Strategy = "best"
    for entry in wire.objects(given, "metricStrategies"):
        if wire.text(entry, "name") == metric and (value := wire.text(entry, "value")) != best:
            strategy = _STRATEGIES.get(value, "best")
    goal = wire.at(given, "goal")
    finite = isinstance(goal, int | float) and not isinstance(goal, bool) and math.isfinite(goal)
    return (Objective(metric, Direction(kind), float(goal) if finite else None, strategy),)  # type: ignore[arg-type]


def _algorithm(item: Json, notes: list[str]) -> BaseAlgorithm | None:
    name = wire.text(item, "spec", "algorithm", "algorithmName")
    settings = {
        wire.text(entry, "name"): wire.text(entry, "value")
        for entry in wire.objects(item, "spec", "algorithm", "algorithmSettings")
    }
    try:
        algorithm = algorithm_of(name, settings)
    except (InvalidInput, ValueError) as error:
        notes.append(f"the settings of its algorithm {name} cannot be read: {error}")
        return None
    if algorithm is None:
        notes.append(f"this version knows no algorithm like {name!r}" if name else "it names no algorithm")
    return algorithm


def _config(item: Json) -> TrialConfig:
    spec = wire.mapping(item, "spec")
    trials = _positive(spec, "maxTrialCount") or _MANY
    parallel = min(trials, _positive(spec, "parallelTrialCount") or 3)
    failed = wire.integer(spec, "maxFailedTrialCount")
    seconds = _positive(spec, "trialTemplate", "trialSpec", "spec", "activeDeadlineSeconds")
    return TrialConfig(
        trials,
        parallel,
        max(0, failed - 1) if failed is not None else None,
        trial_timeout=seconds,
        retain=wire.at(spec, "trialTemplate", "retain") is True,
    )


def _positive(value: Json, *path: str) -> int | None:
    number = wire.integer(value, *path)
    return number if number is not None and number > 0 else None
