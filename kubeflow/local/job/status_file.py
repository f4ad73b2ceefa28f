"""How far a job says it is: the file in which its processes report, and what the file says."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from kubeflow.core.stdlib import json

_LIMIT = 64 * 1024  # bytes; the control plane takes no larger body either
# Nanoseconds for which a file is read again although it looks the same: the clock of a file system ticks some hundred
# times a second, and a file may get the inode of the one before the one that it replaces.
_FRESH = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Progress:
    """What a job reported. `percent` is from 0 to 100; `None` is what it did not say."""

    percent: int | None = None
    estimated_remaining_seconds: int | None = None
    metrics: Mapping[str, float | str] = field(default_factory=dict[str, float | str])


class StatusFile:
    """Notices changes of a status file.

    Args:
        path: The file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._content: bytes | None = None

    def changed(self) -> str | None:
        """Return the text when it is another one than at the last call, `None` otherwise. Costs microseconds.

        Raises:
            ValueError: When it is no report, in words.
        """
        try:
            found = self.path.stat()
            stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
            if stamp == self._seen:
                return None
            fresh = abs(time.time_ns() - found.st_mtime_ns) < _FRESH
            with self.path.open("rb") as file:
                content = file.read(_LIMIT + 1)
        except OSError:  # not there, or being replaced: the next look sees it
            return None
        self._seen = None if fresh else stamp
        if content == self._content:
            return None
        self._content = content
        if len(content) > _LIMIT:
            raise ValueError(f"it is longer than {_LIMIT:,} bytes")
        if not isinstance(json.loads(content), dict):
            raise ValueError("it is no JSON object")  # noqa: TRY004 - what a file holds is a value
        return content.decode()


def parse_progress(status: str | None) -> Progress:
    """Return what a status text says; what it does not say, or not in the right type, is left out."""
    if status is None:
        return Progress()
    data = cast("dict[str, Any]", json.loads(status))
    metrics: dict[str, float | str] = {}
    entries: Any = data.get("metrics")
    for entry in cast("list[object]", entries) if isinstance(entries, list) else ():
        found = cast("dict[str, object]", entry) if isinstance(entry, dict) else {}
        if isinstance(name := found.get("name"), str):
            metrics[name] = _number(found.get("value"))
    return Progress(_whole(data.get("progressPercentage")), _whole(data.get("estimatedRemainingSeconds")), metrics)


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _number(value: object) -> float | str:
    try:
        number = float(str(value))
    except ValueError:
        return str(value)
    return number if math.isfinite(number) else str(value)  # "nan" is unlike itself, and would look like a change
