"""The byte of each log of a job at which a reading begins that wants the last lines, or the lines since a time."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from kubeflow.local.logs.lines import log_files
from kubeflow.local.logs.log_sizes import size_at

_CHUNK = 64 * 1024  # bytes


def beginnings(
    directories: Sequence[Path], *, tail_lines: int | None = None, since: float | None = None
) -> dict[str, int]:
    """Return where each log is read from, as `offsets` of `read_lines`; logs that do not exist yet are not named.

    Args:
        directories: The log directory of each step; its name is the step's.
        tail_lines: The last lines of each log, at most so many; `None` for all.
        since: Seconds since the epoch: lines that were written since then, and maybe those of the second before;
            `None` for all.
    """
    offsets: dict[str, int] = {}
    for directory in directories:
        for log, _ in log_files(directory):
            # A job that was deleted since its logs were listed has none any more.
            with contextlib.suppress(FileNotFoundError), log.open("rb") as file:
                size = file.seek(0, 2)
                begin = 0 if since is None else _line_start(file, size_at(log, since))
                if tail_lines is not None:
                    begin = max(begin, _tail_start(file, size, tail_lines))
                offsets[f"{directory.name}/{log.name}"] = begin
    return offsets


def _line_start(file: BinaryIO, offset: int) -> int:
    """Return where the line begins that the byte at `offset` is in."""
    return _after_newline(file, offset, 1)


def _tail_start(file: BinaryIO, size: int, count: int) -> int:
    """Return where the last `count` lines begin. An unfinished last line counts as one."""
    if not size:
        return 0
    file.seek(size - 1)
    finished = file.read(1) == b"\n"
    if count == 0:
        return size if finished else _line_start(file, size)
    return _after_newline(file, size, count + 1 if finished else count)


def _after_newline(file: BinaryIO, end: int, number: int) -> int:
    """Return the offset behind the `number`th newline before `end`, counted backwards; 0 if there is none."""
    while end > 0:
        start = max(0, end - _CHUNK)
        file.seek(start)
        chunk = file.read(end - start)
        found = chunk.count(b"\n")
        if found >= number:
            position = len(chunk)
            for _ in range(number):
                position = chunk.rindex(b"\n", 0, position)
            return start + position + 1
        number -= found
        end = start
    return 0
