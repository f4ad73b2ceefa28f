"""What the ranks of a job reported step by step: the lines of the file that `report` appends to."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
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


def read_report_lines(path: Path) -> Iterator[ReportLine]:
    """Yield the reports of a job in the order of their calls; none where there is no file.

    Lines are read one by one, as there may be a million. A line that is being written is left for the next reading,
    and one that is damaged is left out.
    """
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        for text in file:
            if text.endswith(b"\n") and (line := _line(text)) is not None:
                yield line


def _line(text: bytes) -> ReportLine | None:
    try:
        data: Any = json.loads(text)
        # All lines share the few names that metrics have.
        metrics = {sys.intern(str(name)): float(value) for name, value in data["metrics"].items()}
        return ReportLine(int(data["step"]), int(data["rank"]), float(data["time"]), metrics)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
