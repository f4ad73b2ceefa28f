"""The arithmetic: medians, spread, and ratios paired by round."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Missing:
    """A side without figures, and why: never a silent hole."""

    reason: str


@dataclass(frozen=True, slots=True)
class Series:
    """One side's figures, by round."""

    values: tuple[float, ...]


Side: TypeAlias = Series | Missing


@dataclass(frozen=True, slots=True)
class Sides:
    """The figures of a row. Those of one round stand at one place in each series."""

    ours: Side
    peer: Side
    limit: Side
    yardstick: Side


@dataclass(frozen=True, slots=True)
class Spread:
    """Where the figures of a series lie."""

    median: float
    low: float
    q1: float
    q3: float
    high: float
    n: int


def spread(values: Sequence[float]) -> Spread:
    """Summarise `values`, at least one; quartiles interpolate between the figures."""
    q1, median, q3 = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    return Spread(median=median, low=min(values), q1=q1, q3=q3, high=max(values), n=len(values))


def ratio(left: Side, right: Side) -> Spread | None:
    """Return the spread of `left / right` by round: figures of one round saw the same load.

    None where a side is missing or `right` is ever zero.
    """
    if isinstance(left, Missing) or isinstance(right, Missing) or 0 in right.values:
        return None
    return spread([a / b for a, b in zip(left.values, right.values, strict=True)])
