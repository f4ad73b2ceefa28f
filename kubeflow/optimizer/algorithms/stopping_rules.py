"""Whether a running trial is stopped: median and percentile stopping, successive halving, the brackets of Hyperband.

The rules are those of Optuna's pruners, computed from rows: they need no library and nothing but what trials reported.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from kubeflow.optimizer.algorithms.history import PastTrial, ReportedValue
from kubeflow.optimizer.algorithms.seeds import derived_seed
from kubeflow.optimizer.types.algorithm_types import Hyperband
from kubeflow.optimizer.types.early_stopping import ASHA, EarlyStopping, MedianStop, PercentileStop

Rule = Callable[[Sequence[PastTrial], PastTrial], "str | None"]
"""Returns in words why a trial is stopped, given all trials."""


def rule_of(rule: EarlyStopping | Hyperband | None, *, maximizes: bool, seed: int) -> Rule:
    """Return how trials are judged.

    Args:
        rule: What the user asked for; `None` stops no trial.
        maximizes: True when larger values are better.
        seed: The search's, which gives trials their brackets.
    """
    sign = -1.0 if maximizes else 1.0
    if isinstance(rule, MedianStop):
        return lambda trials, trial: _percentile(trials, trial, 50.0, rule.min_trials, rule.start_step, sign)
    if isinstance(rule, PercentileStop):
        return lambda trials, trial: _percentile(trials, trial, rule.percentile, rule.min_trials, rule.start_step, sign)
    if isinstance(rule, ASHA):
        return lambda trials, trial: _halving(
            trials, trial, rule.min_resource * rule.eta**rule.min_early_stopping_rate, rule.eta, sign
        )
    if isinstance(rule, Hyperband):
        return lambda trials, trial: _bracketed(trials, trial, rule, sign, seed)
    return lambda trials, trial: None


def _finite(reports: Iterable[ReportedValue], sign: float) -> list[tuple[int, float]]:
    """Return steps and values, smaller values being better; those that are not finite count as the worst."""
    return [(each.step, sign * each.value if math.isfinite(each.value) else math.inf) for each in reports]


def _percentile(
    trials: Sequence[PastTrial], trial: PastTrial, percentile: float, least: int, start_step: int, sign: float
) -> str | None:
    own = _finite(trial.reports, sign)
    ended = [other for other in trials if other.is_usable and other.number != trial.number]
    if not own or len(ended) < least or own[-1][0] < start_step:
        return None
    step = own[-1][0]
    others = [value for other in ended for at, value in _finite(other.reports, sign) if at == step]
    if not others:
        return None
    best = min(value for _, value in own)
    # Of the values as they were reported, where the smallest is the worst of those that are maximized.
    reported = sorted(sign * value for value in others)
    bound = sign * _percentile_of(reported, percentile if sign > 0 else 100 - percentile)
    if best <= bound:
        return None
    return (
        f"at step {step} its best value {sign * best:g} is worse than {sign * bound:g}, the {_words(percentile)} of "
        f"{len(others)} others"
    )


def _words(percentile: float) -> str:
    return "median" if percentile == 50 else f"best {percentile:g} %"


def _percentile_of(values: Sequence[float], percentile: float) -> float:
    """Return a percentile by linear interpolation: to the last bit what numpy has by default, as a tie decides.

    Args:
        values: In ascending order. Infinite ones are all of one sign.
        percentile: From 0 to 100.
    """
    position = (len(values) - 1) * (percentile / 100)
    place = math.floor(position)
    part = position - place
    if not part:
        return values[place]
    low, high = values[place], values[place + 1]
    if math.isinf(low) or math.isinf(high):
        return low if math.isinf(low) else high
    # As `_lerp` in numpy/lib/_function_base_impl.py.
    return low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part)


def _halving(trials: Sequence[PastTrial], trial: PastTrial, first: int, eta: int, sign: float) -> str | None:
    """Judge at the highest rung that the trial has reached: among all that reached it, one of `eta` goes on."""
    own = _finite(trial.reports, sign)
    if not own:
        return None
    reached = own[-1][0]
    rung = first
    if reached < rung:
        return None
    while rung * eta <= reached:
        rung *= eta
    value = _at(own, rung)
    others = [
        each for other in trials if other.number != trial.number and (each := _rung(other, rung, sign)) is not None
    ]
    competing = sorted([*others, value])
    promoted = competing[: max(len(competing) // eta, 1)]
    if value <= promoted[-1]:
        return None
    return f"at rung {rung} its value {sign * value:g} is not among the best {len(promoted)} of {len(competing)}"


def _at(values: Sequence[tuple[int, float]], step: int) -> float:
    """Return the value at a step, or the first one after it."""
    return next(value for at, value in values if at >= step)


def _rung(trial: PastTrial, rung: int, sign: float) -> float | None:
    values = _finite(trial.reports, sign)
    return _at(values, rung) if values and values[-1][0] >= rung and trial.state != "failed" else None


def bracket(algorithm: Hyperband, seed: int, number: int) -> int:
    """Return the bracket of a trial, from 0: so many of the first rungs are left out. Larger ones get fewer trials."""
    count = _brackets(algorithm)
    # Trials of a bracket by the Hyperband paper: n = ceil((s_max + 1) / (s + 1) * eta^s), with s counted from above.
    sizes = [math.ceil(count * algorithm.eta ** (count - 1 - each) / (count - each)) for each in range(count)]
    place = derived_seed(seed, "bracket", number) % sum(sizes)
    for each, size in enumerate(sizes):
        if place < size:
            return each
        place -= size
    raise AssertionError("a place below the sum is in one of the parts")


def _brackets(algorithm: Hyperband) -> int:
    count, resource = 1, algorithm.min_resource
    while resource * algorithm.eta <= algorithm.max_resource:
        count, resource = count + 1, resource * algorithm.eta
    return count


def _bracketed(
    trials: Sequence[PastTrial], trial: PastTrial, algorithm: Hyperband, sign: float, seed: int
) -> str | None:
    own = bracket(algorithm, seed, trial.number)
    inside = [other for other in trials if bracket(algorithm, seed, other.number) == own]
    reason = _halving(inside, trial, algorithm.min_resource * algorithm.eta**own, algorithm.eta, sign)
    return reason and f"in bracket {own}, {reason}"
