"""What the ranks of a job reported step by step: the lines of the file that `report` appends to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubeflow.core.stdlib import json


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One call of `report`. `time` is in seconds since the epoch."""

    step: int
    rank: int
    time: float
    metrics: Mapping[str, float]


def read_report_lines(path: Path) -> list[ReportLine]:
    """Return the reports of a job in the order of their calls; none where there is no file.

    A line that is being written is left for the next reading, and one that is damaged is left out.
    """
    try:
        content = path.read_bytes()
    except OSError:
        return []
    found = (_line(each) for each in content[: content.rfind(b"\n") + 1].splitlines())
    return [each for each in found if each is not None]


def _line(text: bytes) -> ReportLine | None:
    try:
        data: Any = json.loads(text)
        metrics = {str(name): float(value) for name, value in data["metrics"].items()}
        return ReportLine(int(data["step"]), int(data["rank"]), float(data["time"]), metrics)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
