"""What a benchmark is: a case runs one probe per side, in turn, and each of its metrics becomes a row."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tests.bench.requirements import Requirement
from tests.bench.series import Missing


class Place(StrEnum):
    """The interpreter a probe runs in."""

    OURS = "ours"
    """This project installed from a wheel of the checkout, with what it depends on and nothing else."""
    PEER = "peer"
    """The published package."""
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

    `ours`, `peer` and `limit` run in turn within a round, so that a ratio compares neighbours in time. A side
    that cannot exist is declared as `Missing` with the reason.
    """

    name: str
    metrics: tuple[Metric, ...]
    ours: Probe | Missing
    peer: Probe | Missing
    limit: Probe | Missing
    limit_is: str
    rounds: int = 11
    quick_rounds: int = 5
    """Rounds of a quick run; 0 leaves the case out of it."""
    warmup: int = 1
    beside: Callable[[], Missing | None] | None = None
    """Sets up what the sides work with, a server for instance, before the first round; `Missing` when it cannot."""
