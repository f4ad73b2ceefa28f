"""The sizes of a job's logs over time, so that a reading can begin with the lines since a time.

The lines of a local log have no timestamps: ranks write them straight into the file. The supervisor therefore records
the size of each growing log in a file beside it, once a second.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from kubeflow.local.logs.lines import log_files

INTERVAL = 1.0
"""Seconds between two records of a log that grows: how exact a time is found."""

_SUFFIX = ".sizes"  # each line: seconds since the epoch, and the size in bytes


class LogSizes:
    """Records the sizes of the logs of some steps.

    Args:
        directories: The log directory of each step.
    """

    def __init__(self, directories: Sequence[Path]) -> None:
        self._directories = directories
        self._recorded: dict[Path, int] = {}

    def record(self, now: float) -> None:
        """Record the size of each log that has grown since the last record.

        Raises:
            OSError: A record cannot be written.
        """
        for directory in self._directories:
            for log, _ in log_files(directory):
                size = log.stat().st_size
                if size != self._recorded.get(log):
                    with _sizes_of(log).open("a", encoding="ascii") as file:
                        file.write(f"{now:.2f} {size}\n")
                    self._recorded[log] = size


def size_at(log: Path, time: float) -> int:
    """Return the size that a log had at a time, by the last record before it: up to a second too small.

    Args:
        log: The log.
        time: Seconds since the epoch.
    """
    status = log.stat()
    if time > status.st_mtime:
        return status.st_size
    size = 0
    with contextlib.suppress(FileNotFoundError), _sizes_of(log).open(encoding="ascii", errors="replace") as file:
        for line in file:
            with contextlib.suppress(ValueError):  # the last line is being written
                recorded, recorded_size = line.split()
                if float(recorded) > time:
                    break
                size = int(recorded_size)
    return min(size, status.st_size)


def _sizes_of(log: Path) -> Path:
    return log.with_name(f"{log.name}{_SUFFIX}")
