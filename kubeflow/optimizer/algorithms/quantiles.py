"""From a number between 0 and 1 to a value of a search space."""

from __future__ import annotations

import math
from statistics import NormalDist

from kubeflow.optimizer.types.search_spaces import (
    CategoricalSearchSpace,
    ContinuousSearchSpace,
    Distribution,
    IntegerSearchSpace,
    Space,
)

_EDGE = 1e-12  # `inv_cdf` has no value at 0 and at 1
_EXACT = 2**53  # a float between 0 and 1 has no more places


def value_at(space: Space, quantile: float) -> object:
    """Return the value below which the part `quantile` of the draws lies.

    Args:
        space: The space.
        quantile: From 0 up to, but without, 1.
    """
    if isinstance(space, CategoricalSearchSpace):
        return space.at(place(space.size, quantile))
    if isinstance(space, IntegerSearchSpace):
        return _whole(space, quantile)
    if space.size is not None:
        return space.at(place(space.size, quantile))
    if space.distribution in (Distribution.NORMAL, Distribution.LOG_NORMAL):
        low, high = quantile_bounds(space)
        return normal_value(space, low + (high - low) * quantile)
    low, high = float(space.min or 0), float(space.max or 0)
    if space.distribution is Distribution.LOG_UNIFORM:
        return _within(space, math.exp(math.log(low) * (1 - quantile) + math.log(high) * quantile))
    return _within(space, low * (1 - quantile) + high * quantile)


def place(count: int, quantile: float) -> int:
    """Return which of `count` equal parts of 0 to 1 holds the quantile."""
    return min(math.floor(quantile * count), count - 1)


def quantile_bounds(space: ContinuousSearchSpace) -> tuple[float, float]:
    """Return the quantiles of the bounds of a normal distribution."""
    normal = NormalDist(*space.normal_parameters)
    low, high = (None if bound is None else normal.cdf(_scaled(space, bound)) for bound in (space.min, space.max))
    return max(low or 0.0, _EDGE), min(1.0 if high is None else high, 1 - _EDGE)


def normal_value(space: ContinuousSearchSpace, quantile: float) -> float:
    """Return the value of a normal distribution at a quantile of it, within the space's bounds."""
    drawn = NormalDist(*space.normal_parameters).inv_cdf(min(max(quantile, _EDGE), 1 - _EDGE))
    return _within(space, math.exp(drawn) if space.distribution is Distribution.LOG_NORMAL else drawn)


def normal_quantile(space: ContinuousSearchSpace, value: float) -> float:
    """Return the quantile of a value of a normal distribution."""
    low, high = quantile_bounds(space)
    return min(max(NormalDist(*space.normal_parameters).cdf(_scaled(space, value)), low), high)


def _scaled(space: ContinuousSearchSpace, value: float) -> float:
    return math.log(value) if space.distribution is Distribution.LOG_NORMAL else value


def _within(space: ContinuousSearchSpace, value: float) -> float:
    low = -math.inf if space.min is None else space.min
    high = math.inf if space.max is None else space.max
    return min(max(value, low), high)


def _whole(space: IntegerSearchSpace, quantile: float) -> int:
    if space.log:
        # Halves beyond the bounds, so that the ends are as probable as what is between them.
        drawn = math.exp(math.log(space.min - 0.5) * (1 - quantile) + math.log(space.max + 0.5) * quantile)
        return min(max(round(drawn), space.min), space.max)
    if space.size > _EXACT:
        return space.at(min(int(quantile * _EXACT) * space.size // _EXACT, space.size - 1))
    return space.at(place(space.size, quantile))
