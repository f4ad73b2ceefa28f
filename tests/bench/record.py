"""The results as JSON, for machines and for the page of the last run: every figure of every round."""

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from tests.bench.rows import Row
from tests.bench.series import Missing, Side, Spread, spread
from tests.bench.table import figure

SCHEMA = 3
"""Raised when a reader of older files would misread newer ones."""


class Figures(TypedDict):
    """A spread as JSON: `low` and `high` are minimum and maximum."""

    median: float
    low: float
    q1: float
    q3: float
    high: float
    n: int


class SideRecord(TypedDict):
    """One side of a row: either figures with the samples by round, or the reason why there are none."""

    figures: Figures | None
    samples: list[float]
    missing: str | None


class RequirementRecord(TypedDict):
    """What a row has to show."""

    text: str
    verdict: str


class RowRecord(TypedDict):
    """A row of the table."""

    name: str
    case: str
    metric: str
    unit: str
    n: int
    ours: SideRecord
    peer: SideRecord
    limit: SideRecord
    yardstick: SideRecord
    limit_is: str
    yardstick_is: str
    peer_to_ours: Figures | None
    ours_to_limit: Figures | None
    ours_to_yardstick: Figures | None
    requirement: RequirementRecord | None


class Header(TypedDict):
    """On what the figures were taken, and on which day (in UTC)."""

    schema: int
    day: str
    python: str
    platform: str
    processor: str
    cpus: int
    load_before: float
    quick: bool
    versions: dict[str, dict[str, str]]


class Record(TypedDict):
    """The whole file."""

    header: Header
    rows: list[RowRecord]
    left_out: list[str]


def header(versions: Mapping[str, Mapping[str, str]], *, quick: bool, load: float) -> Header:
    """Describe this machine; `load` is its one-minute average when the run began."""
    return {
        "schema": SCHEMA,
        "day": datetime.now(UTC).date().isoformat(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "load_before": round(load, 2),
        "quick": quick,
        "versions": {place: dict(each) for place, each in versions.items()},
    }


def _processor() -> str:
    """Return the model of the processor; empty where nothing says it."""
    table = Path("/proc/cpuinfo")
    lines = table.read_text("utf-8").splitlines() if table.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


def record(head: Header, rows: Sequence[Row], left_out: Sequence[str] = ()) -> Record:
    """Return the JSON value of a run. `left_out`: cases that were not run, with the reason."""
    return {"header": head, "rows": [_row(row) for row in rows], "left_out": list(left_out)}


def _row(row: Row) -> RowRecord:
    sides = [_side(side) for side in (row.sides.ours, row.sides.peer, row.sides.limit, row.sides.yardstick)]
    requirement: RequirementRecord | None = None
    if row.requirement is not None and row.verdict is not None:
        text = row.requirement.text(lambda value: figure(value, row.unit))
        requirement = {"text": text, "verdict": row.verdict.value}
    return {
        "name": row.name,
        "case": row.case,
        "metric": row.metric,
        "unit": row.unit.value,
        "n": max(len(side["samples"]) for side in sides),
        "ours": sides[0],
        "peer": sides[1],
        "limit": sides[2],
        "yardstick": sides[3],
        "limit_is": row.limit_is,
        "yardstick_is": row.yardstick_is,
        "peer_to_ours": _figures(row.peer_to_ours),
        "ours_to_limit": _figures(row.ours_to_limit),
        "ours_to_yardstick": _figures(row.ours_to_yardstick),
        "requirement": requirement,
    }


def _side(side: Side) -> SideRecord:
    if isinstance(side, Missing):
        return {"figures": None, "samples": [], "missing": side.reason}
    return {"figures": _figures(spread(side.values)), "samples": list(side.values), "missing": None}


def _figures(figures: Spread | None) -> Figures | None:
    if figures is None:
        return None
    return Figures(median=figures.median, low=figures.low, q1=figures.q1, q3=figures.q3, high=figures.high, n=figures.n)
