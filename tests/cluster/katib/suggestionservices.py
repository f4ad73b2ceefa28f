"""Katib's suggestion services, as they are shipped with 0.19: how each draws, what it refuses, and where it is odd.

One service stands for each library: `hyperopt` (random, tpe), `optuna` (grid, multivariate-tpe), `skopt`
(bayesianoptimization), `goptuna` (cmaes, sobol), and Katib's own `hyperband` and `pbt`. None searches well: they draw at
random, with the ranges, steps, scales and texts that the real ones have. Pure, apart from the generator that is given.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Object = dict[str, Any]
Assignments = dict[str, str]

ROUTING = {
    "random": "hyperopt",
    "tpe": "hyperopt",
    "multivariate-tpe": "optuna",
    "grid": "optuna",
    "bayesianoptimization": "skopt",
    "cmaes": "goptuna",
    "sobol": "goptuna",
    "hyperband": "hyperband",
    "pbt": "pbt",
}


class ServiceFailed(Exception):
    """The service raises while it is asked for proposals: the controller asks again, for ever."""


@dataclass(frozen=True, slots=True)
class Past:
    """A trial that has been proposed before.

    Attributes:
        assignments: Its values.
        value: Its objective; `None` unless it Succeeded or was EarlyStopped.
        over: True when it has ended in whatever way.
    """

    assignments: Assignments
    value: float | None
    over: bool


def problem(experiment: Mapping[str, Any]) -> str:
    """Return what the service finds wrong with an Experiment when it becomes ready; empty when nothing."""
    spec = experiment["spec"]
    name = spec["algorithm"]["algorithmName"]
    settings = _settings(spec)
    check = _CHECKS.get(name)
    return check(spec, settings) if check is not None else ""


def propose(
    experiment: Mapping[str, Any], past: Sequence[Past], count: int, request: int, generator: random.Random
) -> list[Assignments]:
    """Return up to `count` proposals; fewer when the service has no more.

    Args:
        experiment: The Experiment.
        past: What was proposed before, in order.
        count: How many are wanted.
        request: How many requests there were before this one.
        generator: Draws.

    Raises:
        ServiceFailed: As the real service does.
    """
    spec = experiment["spec"]
    name = spec["algorithm"]["algorithmName"]
    parameters: list[Object] = spec["parameters"]
    service = ROUTING[name]
    if name == "grid":
        seen = len(past)
        return list(itertools.islice(_grid(parameters), seen, seen + count))
    if name == "hyperband":
        return _hyperband(spec, past, count, generator)
    if name == "pbt":
        return [_one(parameters, _pbt_value, generator) for _ in range(count)]
    if name == "tpe" and request > 0:
        # The loop calls with one seed and the same history: all of one request are equal.
        return [_one(parameters, _DRAW[service], generator)] * count
    return [_one(parameters, _DRAW[service], generator) for _ in range(count)]


def _one(parameters: Sequence[Object], draw: Any, generator: random.Random) -> Assignments:
    drawn = {parameter["name"]: draw(parameter, generator) for parameter in parameters}
    return {name: value for name, value in drawn.items() if value is not None}


def _bounds(space: Mapping[str, str]) -> tuple[float, float, float | None]:
    step = space.get("step")
    return float(space["min"]), float(space["max"]), float(step) if step else None


def _hyperopt_value(parameter: Object, generator: random.Random) -> str:
    kind, space = parameter["parameterType"], parameter["feasibleSpace"]
    if kind in ("categorical", "discrete"):
        return str(generator.choice(space["list"]))
    low, high, step = _bounds(space)
    if kind == "int" and step is None:
        step = 1.0
    match space.get("distribution", "uniform"):
        case "logUniform":
            if low <= 0:
                raise ServiceFailed("math domain error")
            value = math.exp(generator.uniform(math.log(low), math.log(high)))
        case "normal":
            value = generator.gauss((low + high) / 2, (high - low) / 6)
        case "logNormal":
            if low <= 0:
                raise ServiceFailed("math domain error")
            a, b = math.log(low), math.log(high)
            value = math.exp(generator.gauss((a + b) / 2, (b - a) / 6))
        case _:
            value = generator.uniform(low, high)
    if step is not None:
        value = round(value / step) * step  # from 0, not from the range's lower end
    return str(int(value)) if kind == "int" else str(value)


def _optuna_value(parameter: Object, generator: random.Random) -> str | None:
    kind, space = parameter["parameterType"], parameter["feasibleSpace"]
    if kind in ("categorical", "discrete"):
        return str(generator.choice(space["list"]))
    low, high, step = _bounds(space)
    distribution = space.get("distribution", "uniform")
    if distribution in ("normal", "logNormal"):
        return None  # dropped: the trial cannot be made
    if distribution == "logUniform":
        low = max(1.0 if kind == "int" else 1e-10, low)
        value = math.exp(generator.uniform(math.log(low), math.log(high)))
        return str(min(int(high), max(int(low), round(value)))) if kind == "int" else str(min(high, max(low, value)))
    if kind == "int":
        return str(generator.randrange(int(low), int(high) + 1, int(step or 1)))
    if step is not None:
        return str(low + generator.randrange(int((high - low) / step + 1e-9) + 1) * step)
    return str(generator.uniform(low, high))


def _skopt_value(parameter: Object, generator: random.Random) -> str:
    kind, space = parameter["parameterType"], parameter["feasibleSpace"]
    if kind in ("categorical", "discrete"):
        return str(generator.choice(space["list"]))
    low, high, _ = _bounds(space)
    if kind == "int":
        return str(generator.randint(int(low), int(high)))
    if low <= 0:
        raise ServiceFailed("search space should not contain 0 when using log-uniform prior")
    return str(min(high, max(low, math.exp(generator.uniform(math.log(low), math.log(high))))))


def _goptuna_value(parameter: Object, generator: random.Random) -> str:
    kind, space = parameter["parameterType"], parameter["feasibleSpace"]
    if kind in ("categorical", "discrete"):
        return str(generator.choice(space["list"]))
    low, high, step = _bounds(space)
    if kind == "int":
        return str(generator.randrange(int(low), int(high) + 1, int(step or 1)))
    if step is not None:
        value = low + generator.randrange(int((high - low) / step + 1e-9) + 1) * step
    else:
        value = generator.uniform(low, high)
    return format(Decimal(repr(value)), "f")  # never an exponent


def _pbt_value(parameter: Object, generator: random.Random) -> str:
    kind, space = parameter["parameterType"], parameter["feasibleSpace"]
    if kind in ("categorical", "discrete"):
        return str(generator.choice(space["list"]))
    low, high, step = _bounds(space)
    value = low + generator.randrange(int((high - low) / (step or 1) + 1e-9) + 1) * (step or 1)
    # A value that was perturbed beyond the range comes back as the text of a float.
    return f"{high:.1f}" if kind == "int" and value == high else str(int(value) if kind == "int" else value)


_DRAW = {"hyperopt": _hyperopt_value, "optuna": _optuna_value, "skopt": _skopt_value, "goptuna": _goptuna_value}


def _points(parameter: Object) -> list[str]:
    kind, space = parameter["parameterType"], parameter["feasibleSpace"]
    if kind in ("categorical", "discrete"):
        return list(space["list"])
    low, high, step = _bounds(space)
    if kind == "int":
        return [str(value) for value in range(int(low), int(high) + 1, int(step or 1))]
    assert step is not None
    count = math.ceil((high + step - low) / step)
    values = [low + index * step for index in range(count)]
    return [str(value) for value in (values[:-1] if values[-1] > high else values)]


def _grid(parameters: Sequence[Object]) -> Any:
    names = [parameter["name"] for parameter in parameters]
    for point in itertools.product(*map(_points, parameters)):
        yield dict(zip(names, point, strict=True))


def _hyperband(spec: Object, past: Sequence[Past], count: int, generator: random.Random) -> list[Assignments]:
    settings = _settings(spec)
    eta, most = int(float(settings.get("eta", 3))), float(settings["r_l"])
    resource = settings["resource_name"]
    rungs = int(math.log(most) / math.log(eta) + 1e-9)
    size, start = eta**rungs, most * eta**-rungs
    if not past:
        others = [parameter for parameter in spec["parameters"] if parameter["name"] != resource]
        return [{**_one(others, _hyperopt_value, generator), resource: str(int(start))} for _ in range(size)][:count]
    done = 0
    while done + size < len(past):
        done, size, start = done + size, max(1, size // eta), start * eta
    rung = past[done:]
    if len(rung) < size or not all(trial.over for trial in rung):
        return []
    if any(trial.value is None for trial in rung):
        raise ServiceFailed("There are some trials which are not completed yet.")
    if size == 1:
        return []
    sign = 1 if spec["objective"]["type"] == "minimize" else -1
    best = sorted(rung, key=lambda trial: sign * (trial.value or 0))[: max(1, size // eta)]
    return [{**trial.assignments, resource: str(int(start * eta))} for trial in best][:count]


# -- checks ---------------------------------------------------------------------------------------------------------


def _settings(spec: Object) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in spec["algorithm"].get("algorithmSettings") or []}


def _known(settings: Mapping[str, str], names: Mapping[str, Any], algorithm: str) -> str:
    for name, value in settings.items():
        if name not in names:
            return f"unknown setting {name} for algorithm {algorithm}"
        try:
            good = names[name](value)
        except ValueError:
            good = False
        if not good:
            return f"invalid value {value} of setting {name} for algorithm {algorithm}"
    return ""


def _count(text: str) -> bool:
    return int(text) >= 0


def _check_random(spec: Object, settings: dict[str, str]) -> str:
    return _known(settings, {"random_state": _count}, "random")


def _check_tpe(spec: Object, settings: dict[str, str]) -> str:
    names = {
        "gamma": lambda text: 0 < float(text) < 1,
        "prior_weight": lambda text: float(text) > 0,
        "n_EI_candidates": lambda text: int(text) > 0,
        "random_state": _count,
    }
    return _known(settings, names, "tpe")


def _check_multivariate(spec: Object, settings: dict[str, str]) -> str:
    return _known(settings, dict.fromkeys(("n_startup_trials", "n_ei_candidates", "random_state"), _count), "tpe")


def _check_grid(spec: Object, settings: dict[str, str]) -> str:
    if wrong := _known(settings, {"random_state": _count}, "grid"):
        return wrong
    for parameter in spec["parameters"]:
        if parameter["parameterType"] == "double" and not parameter["feasibleSpace"].get("step"):
            return f"param {parameter['name']} step is nil; for discrete search space, all parameters must include step"
    combinations = math.prod(len(_points(parameter)) for parameter in spec["parameters"])
    if spec.get("maxTrialCount", 0) > combinations:
        return f"Max Trial Count: {spec['maxTrialCount']} > all possible search space combinations: {combinations}"
    return ""


def _check_bayesian(spec: Object, settings: dict[str, str]) -> str:
    names = {
        "base_estimator": ("GP", "RF", "ET", "GBRT").__contains__,
        "n_initial_points": _count,
        "acq_func": ("gp_hedge", "LCB", "EI", "PI", "EIps", "PIps").__contains__,
        "acq_optimizer": ("auto", "sampling", "lbfgs").__contains__,
        "random_state": _count,
    }
    return _known(settings, names, "bayesianoptimization")


def _check_cmaes(spec: Object, settings: dict[str, str]) -> str:
    numeric = [each for each in spec["parameters"] if each["parameterType"] in ("double", "int")]
    return "" if len(numeric) >= 2 else "cmaes only supports two or more dimensional continuous search space"


def _check_hyperband(spec: Object, settings: dict[str, str]) -> str:
    if "r_l" not in settings or "resource_name" not in settings:
        return "r_l and resource_name must be set"
    if not float(settings["r_l"]) > 0:
        return "r_l must be a positive float number"
    if settings["resource_name"] not in [parameter["name"] for parameter in spec["parameters"]]:
        return "resource_name in algorithmSettings must be a name of a parameter"
    eta = int(float(settings.get("eta", 3)))
    least = eta ** int(math.log(float(settings["r_l"])) / math.log(eta) + 1e-9)
    if spec["parallelTrialCount"] < least:
        return f"parallelTrialCount must be not less than {least}"
    return ""


def _check_pbt(spec: Object, settings: dict[str, str]) -> str:
    for name in ("suggestion_trial_dir", "n_population", "truncation_threshold"):
        if name not in settings:
            return f"Required params not set: {name}"
    if int(settings["n_population"]) < 5:
        return "Param(n_population) should be >= 5"
    if not 0 <= float(settings["truncation_threshold"]) <= 1:
        return "Param(truncation_threshold) should be between 0 and 1"
    if "resample_probability" in settings:
        return "'<' not supported between instances of 'str' and 'int'"
    for parameter in spec["parameters"]:
        if parameter["parameterType"] == "double" and not parameter["feasibleSpace"].get("step"):
            return "could not convert string to float: ''"
    return ""


_CHECKS = {
    "random": _check_random,
    "tpe": _check_tpe,
    "multivariate-tpe": _check_multivariate,
    "grid": _check_grid,
    "bayesianoptimization": _check_bayesian,
    "cmaes": _check_cmaes,
    "hyperband": _check_hyperband,
    "pbt": _check_pbt,
}
