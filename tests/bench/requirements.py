"""What a row has to show. Every requirement is judged on medians; None means that it could not be judged."""

from dataclasses import dataclass
from typing import Protocol

from tests.bench.series import Missing, Side, difference, ratio, spread


class Show(Protocol):
    """Writes a figure with its unit."""

    def __call__(self, value: float) -> str:
        """Write `value`."""


class Requirement(Protocol):
    """A bound on a row."""

    def text(self, show: Show) -> str:
        """Say the bound in words; `show` writes a figure in the row's unit."""

    def met(self, ours: Side, peer: Side, limit: Side) -> bool | None:
        """Whether the sides meet the bound."""


@dataclass(frozen=True, slots=True)
class AtMost:
    """Ours may be at most `value`."""

    value: float

    def text(self, show: Show) -> str:
        return f"<= {show(self.value)}"

    def met(self, ours: Side, peer: Side, limit: Side) -> bool | None:
        del peer, limit
        return None if isinstance(ours, Missing) else spread(ours.values).median <= self.value


@dataclass(frozen=True, slots=True)
class Always:
    """Ours must be `value` in every round: for counts and yes-or-no figures."""

    value: float

    def text(self, show: Show) -> str:
        return f"always {show(self.value)}"

    def met(self, ours: Side, peer: Side, limit: Side) -> bool | None:
        del peer, limit
        return None if isinstance(ours, Missing) else all(value == self.value for value in ours.values)


@dataclass(frozen=True, slots=True)
class AtMostOverLimit:
    """Ours may exceed the limit by at most `extra`, in the row's unit."""

    extra: float

    def text(self, show: Show) -> str:
        return f"<= limit + {show(self.extra)}"

    def met(self, ours: Side, peer: Side, limit: Side) -> bool | None:
        del peer
        over = difference(ours, limit)
        return None if over is None else over.median <= self.extra


@dataclass(frozen=True, slots=True)
class AtMostTimesLimit:
    """Ours may be at most `factor` times the limit."""

    factor: float

    def text(self, show: Show) -> str:
        del show
        return f"<= {self.factor:g}x limit"

    def met(self, ours: Side, peer: Side, limit: Side) -> bool | None:
        del peer
        times = ratio(ours, limit)
        return None if times is None else times.median <= self.factor


@dataclass(frozen=True, slots=True)
class BetterThanPeer:
    """The peer's figure must be at least `factor` times ours."""

    factor: float

    def text(self, show: Show) -> str:
        del show
        return f"peer >= {self.factor:g}x"

    def met(self, ours: Side, peer: Side, limit: Side) -> bool | None:
        del limit
        times = ratio(peer, ours)
        return None if times is None else times.median >= self.factor
