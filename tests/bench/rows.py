"""A row of results, and its verdict."""

from dataclasses import dataclass
from enum import StrEnum

from tests.bench.cases import Unit
from tests.bench.requirements import Requirement
from tests.bench.series import Side, Spread, ratio


class Verdict(StrEnum):
    """How a row stands to its requirement."""

    MET = "met"
    MISSED = "missed"
    UNKNOWN = "not shown"
    """A side that the requirement needs is missing: no proof, so it counts as missed."""


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of one case, with every side's figures."""

    case: str
    metric: str
    unit: Unit
    ours: Side
    peer: Side
    limit: Side
    limit_is: str
    requirement: Requirement | None = None

    @property
    def name(self) -> str:
        """What the row is called in messages and in JSON."""
        return f"{self.case}: {self.metric}"

    @property
    def peer_to_ours(self) -> Spread | None:
        """The peer's figure divided by ours, by round; None where that has no meaning."""
        return None if self.unit is Unit.TRUTH else ratio(self.peer, self.ours)

    @property
    def ours_to_limit(self) -> Spread | None:
        """Our figure divided by the limit's, by round; None where that has no meaning."""
        return None if self.unit is Unit.TRUTH else ratio(self.ours, self.limit)

    @property
    def verdict(self) -> Verdict | None:
        """Whether the requirement is met; None where there is none."""
        if self.requirement is None:
            return None
        met = self.requirement.met(self.ours, self.peer, self.limit)
        if met is None:
            return Verdict.UNKNOWN
        return Verdict.MET if met else Verdict.MISSED

    @property
    def holds(self) -> bool:
        """Whether nothing stands against this row."""
        return self.verdict in {None, Verdict.MET}
