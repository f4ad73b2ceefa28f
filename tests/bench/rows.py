"""A row of results, and its verdict."""

from dataclasses import dataclass
from enum import StrEnum

from tests.bench.cases import Unit
from tests.bench.requirements import AtMostTimesYardstick, Requirement
from tests.bench.series import Sides, Spread, ratio


class Verdict(StrEnum):
    """How a row stands to its requirement."""

    MET = "holds"
    MISSED = "missed"
    UNKNOWN = "not shown"
    """A side that the requirement needs is missing: neither held nor missed."""


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of one case, with every side's figures."""

    case: str
    metric: str
    unit: Unit
    sides: Sides
    limit_is: str
    yardstick_is: str = ""
    requirement: Requirement | None = None

    @property
    def name(self) -> str:
        """What the row is called in messages and in JSON."""
        return f"{self.case}: {self.metric}"

    @property
    def peer_to_ours(self) -> Spread | None:
        """The peer's figure divided by ours, by round; None where that has no meaning."""
        return None if self.unit is Unit.TRUTH else ratio(self.sides.peer, self.sides.ours)

    @property
    def ours_to_limit(self) -> Spread | None:
        """Our figure divided by the limit's, by round; None where that has no meaning."""
        return None if self.unit is Unit.TRUTH else ratio(self.sides.ours, self.sides.limit)

    @property
    def ours_to_yardstick(self) -> Spread | None:
        """Our figure divided by the yardstick's, by round; None where the bound is no multiple of a yardstick."""
        bound = isinstance(self.requirement, AtMostTimesYardstick)
        return ratio(self.sides.ours, self.sides.yardstick) if bound else None

    @property
    def verdict(self) -> Verdict | None:
        """Whether the requirement is met; None where there is none."""
        if self.requirement is None:
            return None
        met = self.requirement.met(self.sides)
        if met is None:
            return Verdict.UNKNOWN
        return Verdict.MET if met else Verdict.MISSED
