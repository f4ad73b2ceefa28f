"""What Katib reads of a trial's output, and what it keeps of that: Katib's file collector and its `getMetrics`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]

UNAVAILABLE = "unavailable"
DEFAULT_FILTER = r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)"
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")
_ZERO = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Report:
    """One value of a metric in the database: as text, at a time, with the digits below its seconds."""

    name: str
    value: str
    time: tuple[datetime, str]


def names_of(objective: Mapping[str, Any]) -> list[str]:
    """Return the metrics that are collected, the objective first."""
    return [objective["objectiveMetricName"], *(objective.get("additionalMetricNames") or [])]


def matches(line: str, names: Sequence[str], filters: Sequence[str]) -> list[tuple[str, str]]:
    """Return the names and values that filters find in a line."""
    if not any(name in line for name in names):
        return []
    found = [
        (match[1].strip(), match[2].strip())
        for pattern in filters or [DEFAULT_FILTER]
        for match in re.finditer(pattern, line)
    ]
    return [(name, value) for name, value in found if name in names]


def collected(lines: Sequence[str], names: Sequence[str], filters: Sequence[str]) -> list[Report]:
    """Return what the collector sends to the database at the end of a pod."""
    reports = [Report(name, value, _time(line)) for line in lines for name, value in matches(line, names, filters)]
    if not any(report.name == names[0] for report in reports):
        return [Report(names[0], UNAVAILABLE, (_ZERO, ""))]
    return reports


def _time(line: str) -> tuple[datetime, str]:
    first, _, rest = line.partition(" ")
    match = _TIME.fullmatch(first)
    if match is None or not rest:
        return _ZERO, ""
    zone = "+00:00" if match[3] == "Z" else match[3]
    return datetime.fromisoformat(match[1] + zone), (match[2] or ".").ljust(10, "0")


def number(text: str) -> float | None:
    """Return the number that Go reads in a text."""
    try:
        return float(text)
    except ValueError:
        return None


def observation(reports: Sequence[Report], objective: Mapping[str, Any]) -> Object:
    """Return `status.observation` of a trial."""
    metrics: dict[str, Object] = {
        strategy["name"]: {"name": strategy["name"], "min": UNAVAILABLE, "max": UNAVAILABLE, "latest": UNAVAILABLE}
        for strategy in objective["metricStrategies"]
    }
    times: dict[str, tuple[datetime, str]] = {}
    for report in reports:
        metric = metrics.get(report.name)
        if metric is None:
            continue
        value = number(report.value)
        if value is not None:
            if metric["min"] == UNAVAILABLE:
                metric["min"] = metric["max"] = report.value
            elif value < float(metric["min"]):
                metric["min"] = report.value
            elif value > float(metric["max"]):
                metric["max"] = report.value
        if report.name not in times or times[report.name] <= report.time:
            times[report.name] = report.time
            metric["latest"] = report.value
    return {"metrics": list(metrics.values())}


def objective_text(trial: Mapping[str, Any]) -> str:
    """Return the text of a trial's objective as Katib compares it: `unavailable`, empty or a number."""
    objective = trial["spec"]["objective"]
    name = objective["objectiveMetricName"]
    strategy = next((each["value"] for each in objective["metricStrategies"] if each["name"] == name), "")
    for metric in ((trial.get("status") or {}).get("observation") or {}).get("metrics") or []:
        if metric["name"] == name:
            if strategy in ("min", "max") and metric[strategy] != UNAVAILABLE:
                return str(metric[strategy])
            return str(metric["latest"])
    return UNAVAILABLE
