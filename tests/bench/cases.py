"""What a benchmark is: a case runs one probe per side, in turn, and each of its metrics becomes a row."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tests.bench.requirements import AtMostTimesYardstick, Requirement
from tests.bench.series import Missing


class Place(StrEnum):
    """The interpreter a probe runs in."""

    OURS = "ours"
    """This project installed from a wheel of the checkout, with what it depends on and nothing else."""
    PEER = "peer"
    """The published package."""
    SPARK_PEER = "spark peer"
    """The published package with what its Spark client imports, which is a gigabyte."""
    BARE = "bare"
    """An environment with nothing installed: where the limits run."""
    CHECKOUT = "checkout"
    """The interpreter that runs the benchmarks, working on the checkout: for the generator and for torch."""


class Unit(StrEnum):
    """What a figure counts. Figures are kept in these units; only the table scales them."""

    SECONDS = "s"
    BYTES = "B"
    COUNT = ""
    TRUTH = "1 = yes"
    """Whether something holds; such figures have no ratio."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One process that yields one sample: the arguments of its interpreter, and what it reads on stdin."""

    place: Place
    arguments: tuple[str, ...]
    stdin: str = ""
    timeout: float = 120.0


@dataclass(frozen=True, slots=True)
class Yardstick:
    """A fixed workload that says how fast the machine is for a row, see `yardsticks.py`."""

    name: str
    probe: Probe
    key: str
    """The figure of its sample that counts."""
    seconds: float
    """What it takes on the reference machine."""

    def bound(self, seconds: float) -> AtMostTimesYardstick:
        """Return the bound that is `seconds` on the reference machine."""
        return AtMostTimesYardstick(seconds / self.seconds)


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a sample, and so one row of the table.

    `key` is `wall` or `cpu`, which the harness measures from outside, or what the process reports itself.
    """

    key: str
    name: str
    unit: Unit = Unit.SECONDS
    requirement: Requirement | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """Sides that do the same work, and the metrics by which they are compared.

    `ours`, `peer`, `limit` and the yardstick run in turn within a round, so that a ratio compares neighbours in time.
    A side that cannot exist is declared as `Missing` with the reason.
    """

    name: str
    metrics: tuple[Metric, ...]
    ours: Probe | Missing
    peer: Probe | Missing
    limit: Probe | Missing
    limit_is: str
    yardstick: Yardstick | None = None
    rounds: int = 11
    """Rounds at most: fewer are made when the time of the case is over."""
    warmup: int = 1
    """Rounds that are thrown away, unless the time of the case is over after them."""
    weight: int = 1
    """The share of the case in the time of a run, beside the shares of the others."""
    slow: str = ""
    """Why the case is left out of a quick run; empty where it is not."""
    beside: Callable[[], Missing | None] | None = None
    """Sets up what the sides work with, a server for instance, before the first round; `Missing` when it cannot."""

    @property
    def places(self) -> set[Place]:
        """The interpreters that the case runs in."""
        yardstick = None if self.yardstick is None else self.yardstick.probe
        return {each.place for each in (self.ours, self.peer, self.limit, yardstick) if isinstance(each, Probe)}

    @property
    def bounded(self) -> bool:
        """True when a metric has a requirement."""
        return any(metric.requirement is not None for metric in self.metrics)
