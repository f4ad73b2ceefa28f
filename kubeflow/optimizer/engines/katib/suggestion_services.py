"""What Katib's suggestion services take and how they draw, as tables: read by what checks a search and what renders it.

Facts of Katib 0.18 and 0.19 as they are shipped (`katib-config`, `pkg/suggestion/v1beta1/*`, `cmd/suggestion/*`). A
cluster may route an algorithm to another service, which its users cannot see.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from kubeflow.core.display import repr_of_fields
from kubeflow.optimizer.types.search_spaces import Distribution

Uniform, LogUniform = Distribution.UNIFORM, Distribution.LOG_UNIFORM


@dataclass(frozen=True)
class SuggestionService:
    """How one suggestion service draws.

    Attributes:
        doubles: Distributions of floats that it draws as they are asked for.
        ints: The same of whole numbers.
        steps: Steps of whole numbers it counts: `"from min"`; `"from 0"`, which leaves the range; or `"no"`, ignored.
        doubles_need_steps: True when a range of floats without a step is an error of its.
        texts_of_ints: True when a whole number may come back as the text of a float, which it cannot read again.
    """

    doubles: frozenset[Distribution]
    ints: frozenset[Distribution]
    steps: Literal["from min", "from 0", "no"]
    doubles_need_steps: bool = False
    texts_of_ints: bool = False

    __repr__ = repr_of_fields


SERVICES: Mapping[str, SuggestionService] = {
    "hyperopt": SuggestionService(frozenset(Distribution), frozenset({Uniform, LogUniform}), "from 0"),
    "optuna": SuggestionService(frozenset({Uniform, LogUniform}), frozenset({Uniform, LogUniform}), "from min"),
    # skopt draws every float on a log scale, whatever is asked for.
    "skopt": SuggestionService(frozenset({LogUniform}), frozenset({Uniform}), "no"),
    "goptuna": SuggestionService(frozenset({Uniform}), frozenset({Uniform}), "from min"),
    "hyperband": SuggestionService(frozenset({Uniform}), frozenset({Uniform}), "no"),
    "pbt": SuggestionService(frozenset({Uniform}), frozenset({Uniform}), "from min", True, True),
    "enas": SuggestionService(frozenset(), frozenset(), "no"),
    "darts": SuggestionService(frozenset(), frozenset(), "no"),
}


@dataclass(frozen=True)
class KatibAlgorithm:
    """One algorithm as Katib has it.

    Attributes:
        service: Which service draws.
        settings: What each setting takes, by its name.
        required: Settings without which the service fails.
        ignores_unknown: True when a setting that it does not know is ignored; else that is an error.
        least_numbers: So many parameters must be ranges of numbers.
        repeats_in_parallel: True when proposals that are asked for together are equal.
        single_grid: True when every range needs a step, and there are no more trials than points.
    """

    service: str
    settings: Mapping[str, Setting]
    required: tuple[str, ...] = ()
    ignores_unknown: bool = False
    least_numbers: int = 0
    repeats_in_parallel: bool = False
    single_grid: bool = False

    __repr__ = repr_of_fields


@dataclass(frozen=True)
class Setting:
    """What a setting takes: `words` for people, and `fits` for a text."""

    words: str
    fits: Callable[[str], bool]

    __repr__ = repr_of_fields


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _at_least(least: int) -> Setting:
    def fits(text: str) -> bool:
        return text.isascii() and text.lstrip("+").isdigit() and int(text) >= least

    return Setting(f"a whole number of at least {least}", fits)


def _above_zero(*, most: float = math.inf, none: bool = False, most_included: bool = False) -> Setting:
    def fits(text: str) -> bool:
        value = _number(text)
        if none and text == "None":
            return True
        return value is not None and value > 0 and (value < most or (most_included and value == most))

    end = "" if most == math.inf else f" and {'at most' if most_included else 'below'} {most:g}"
    return Setting(f"a number above 0{end}{', or None' if none else ''}", fits)


def _from_zero(most: float = math.inf) -> Setting:
    end = "" if most == math.inf else f" to {most:g}"
    return Setting(f"a number from 0{end}", lambda text: (value := _number(text)) is not None and 0 <= value <= most)


def _one_of(*words: str) -> Setting:
    return Setting(f"one of {', '.join(words)}", words.__contains__)


_TEXT = Setting("a text", bool)
_ANY_INT = Setting("a whole number", lambda text: text.lstrip("+-").isdigit() and text.isascii())
_ANY_NUMBER = Setting("a number", lambda text: _number(text) is not None)
_STATE = {"random_state": _at_least(0)}

ALGORITHM_TABLE: Mapping[str, KatibAlgorithm] = {
    "random": KatibAlgorithm("hyperopt", _STATE),
    "tpe": KatibAlgorithm(
        "hyperopt",
        {
            **_STATE,
            "gamma": _above_zero(most=1),
            "prior_weight": _above_zero(),
            "n_EI_candidates": _at_least(1),
        },
        repeats_in_parallel=True,
    ),
    "multivariate-tpe": KatibAlgorithm(
        "optuna", {**_STATE, "n_startup_trials": _at_least(0), "n_ei_candidates": _at_least(0)}
    ),
    "grid": KatibAlgorithm("optuna", _STATE, single_grid=True),
    "bayesianoptimization": KatibAlgorithm(
        "skopt",
        {
            **_STATE,
            "base_estimator": _one_of("GP", "RF", "ET", "GBRT"),
            "n_initial_points": _at_least(0),
            "acq_func": _one_of("gp_hedge", "LCB", "EI", "PI", "EIps", "PIps"),
            "acq_optimizer": _one_of("auto", "sampling", "lbfgs"),
        },
    ),
    "cmaes": KatibAlgorithm(
        "goptuna",
        {
            "random_state": _ANY_INT,
            "sigma": _ANY_NUMBER,
            "restart_strategy": _one_of("ipop", "bipop", "none"),
        },
        ignores_unknown=True,
        least_numbers=2,
    ),
    "sobol": KatibAlgorithm("goptuna", {}, ignores_unknown=True),
    "hyperband": KatibAlgorithm(
        "hyperband",
        {"r_l": _above_zero(), "resource_name": _TEXT, "eta": _above_zero()},
        required=("r_l", "resource_name"),
        ignores_unknown=True,
    ),
    "pbt": KatibAlgorithm(
        "pbt",
        {
            "suggestion_trial_dir": _TEXT,
            "n_population": _at_least(5),
            "truncation_threshold": _from_zero(1),
            # The service compares its text with a number, and fails.
            "resample_probability": Setting("nothing: Katib's service fails with it", lambda text: False),
        },
        required=("suggestion_trial_dir", "n_population", "truncation_threshold"),
        ignores_unknown=True,
    ),
    "enas": KatibAlgorithm(
        "enas",
        {
            "controller_hidden_size": _at_least(1),
            "controller_temperature": _above_zero(none=True),
            "controller_tanh_const": _above_zero(none=True),
            "controller_entropy_weight": _above_zero(none=True),
            "controller_baseline_decay": _above_zero(most=1, most_included=True),
            "controller_learning_rate": _above_zero(most=1, most_included=True),
            "controller_skip_target": _above_zero(most=1, most_included=True),
            "controller_skip_weight": _above_zero(none=True),
            "controller_train_steps": _at_least(1),
            "controller_log_every_steps": _at_least(1),
        },
    ),
    "darts": KatibAlgorithm(
        "darts",
        {
            "num_epochs": _at_least(1),
            **dict.fromkeys(
                ("w_lr", "w_lr_min", "alpha_lr", "w_weight_decay", "alpha_weight_decay", "w_momentum", "w_grad_clip"),
                _from_zero(),
            ),
            "batch_size": Setting(
                "a whole number of at least 1, or None", lambda text: text == "None" or _at_least(1).fits(text)
            ),
            "num_workers": _at_least(0),
            **dict.fromkeys(("init_channels", "print_step", "num_nodes", "stem_multiplier"), _at_least(1)),
        },
        ignores_unknown=True,
    ),
}
"""By Katib's name of the algorithm."""

EARLY_STOPPING_TABLE: Mapping[str, Mapping[str, Setting]] = {
    "medianstop": {"min_trials_required": _at_least(1), "start_step": _at_least(1)},
}
"""What each setting of a rule of early stopping takes, by Katib's name of the rule."""


def first_rung(max_resource: float, eta: int) -> tuple[int, float]:
    """Return how many trials Katib's hyperband begins with, and how much of the resource each of them has.

    Args:
        max_resource: What a full trial uses: `r_l`.
        eta: At each rung one of so many goes on.
    """
    rungs = int(math.log(max_resource) / math.log(eta) + 1e-9)
    return eta**rungs, max_resource / eta**rungs
