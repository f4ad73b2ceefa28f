"""The bounds of rows, judged on medians. Time is bound by ratios alone, so that a verdict holds on every machine."""

from dataclasses import dataclass
from typing import Protocol

from tests.bench.series import Missing, Sides, ratio, spread


class Show(Protocol):
    """Writes a figure with its unit."""

    def __call__(self, value: float) -> str:
        """Write `value`."""


class Requirement(Protocol):
    """A bound on a row."""

    def text(self, show: Show) -> str:
        """Say the bound in words; `show` writes a figure in the row's unit."""

    def met(self, sides: Sides) -> bool | None:
        """Return True when the sides meet the bound, None when a side that the bound needs is missing."""


@dataclass(frozen=True, slots=True)
class AtMost:
    """Ours may be at most `value`: for sizes and counts, never for time."""

    value: float

    def text(self, show: Show) -> str:
        return f"<= {show(self.value)}"

    def met(self, sides: Sides) -> bool | None:
        return None if isinstance(sides.ours, Missing) else spread(sides.ours.values).median <= self.value


@dataclass(frozen=True, slots=True)
class Always:
    """Ours must be `value` in every round: for counts and yes-or-no figures."""

    value: float

    def text(self, show: Show) -> str:
        return f"always {show(self.value)}"

    def met(self, sides: Sides) -> bool | None:
        return None if isinstance(sides.ours, Missing) else all(value == self.value for value in sides.ours.values)


@dataclass(frozen=True, slots=True)
class AtMostTimesLimit:
    """Ours may be at most `factor` times the limit."""

    factor: float

    def text(self, show: Show) -> str:
        del show
        return f"<= {self.factor:.3g}x limit"

    def met(self, sides: Sides) -> bool | None:
        times = ratio(sides.ours, sides.limit)
        return None if times is None else times.median <= self.factor


@dataclass(frozen=True, slots=True)
class AtMostTimesYardstick:
    """Ours may be at most `factor` times the yardstick of the case."""

    factor: float

    def text(self, show: Show) -> str:
        del show
        return f"<= {self.factor:.3g}x yardstick"

    def met(self, sides: Sides) -> bool | None:
        times = ratio(sides.ours, sides.yardstick)
        return None if times is None else times.median <= self.factor


@dataclass(frozen=True, slots=True)
class BetterThanPeer:
    """The peer's figure must be at least `factor` times ours."""

    factor: float

    def text(self, show: Show) -> str:
        del show
        return f"peer >= {self.factor:g}x"

    def met(self, sides: Sides) -> bool | None:
        times = ratio(sides.peer, sides.ours)
        return None if times is None else times.median >= self.factor
