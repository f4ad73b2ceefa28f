"""Logs of a job's nodes: one file per rank and one for what launches them, read while they grow."""

from __future__ import annotations

import os
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

LAUNCHER_LOG = "launcher.log"

_CHUNK = 64 * 1024  # bytes
_POLL = 0.02  # seconds between two looks at files that did not grow
_RANK_LOG = re.compile(r"rank-(\d+)\.log")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One whole line. `rank` is the global rank, `None` for a line of the node's launcher; `text` has no line end."""

    node: int
    rank: int | None
    text: str


def rank_log(rank: int) -> str:
    """Return the file name of a rank's log, in its node's directory."""
    return f"rank-{rank}.log"


def read_lines(
    directories: Sequence[tuple[int, Path]], *, finished: Callable[[], bool], follow: bool
) -> Iterator[LogLine]:
    """Yield the lines of all logs in `directories`, each as soon as it is whole.

    Lines of one file keep their order. Lines of several files come as they arrive while the job runs, and
    file by file, launcher first, where they are already there. An unfinished last line is yielded when the
    job has finished. Bytes that are no UTF-8 become replacement characters. Memory does not grow with the logs.

    Args:
        directories: Node index and log directory of each node.
        finished: Whether the job has ended, so that nothing more will be written.
        follow: Go on until `finished`; otherwise stop at what is there now.
    """
    tails: dict[Path, _Tail] = {}
    try:
        while True:
            done = finished()  # before reading: what was written before the end is then read
            grew = False
            for node, directory in directories:
                for path, rank in _files(directory):
                    tail = tails.get(path) or tails.setdefault(path, _Tail(path))
                    to_the_end = done or not follow
                    for text in tail.lines(to_the_end=to_the_end, flush=done):
                        grew = True
                        yield LogLine(node, rank, text)
            if done or not follow:
                return
            if not grew:
                time.sleep(_POLL)
    finally:
        for tail in tails.values():
            tail.close()


def last_lines(path: Path, count: int) -> list[str]:
    """Return the last `count` lines of a log that are not blank, at most 64 KiB; none when there is no such file."""
    if not path.is_file():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _CHUNK))
        lines = file.read().split(b"\n")
    return list(deque((_text(line) for line in lines if line.strip()), maxlen=count))


class _Tail:
    """Reads one growing file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self._rest: list[bytes] = []  # pieces of a line that has no end yet

    def lines(self, *, to_the_end: bool, flush: bool) -> Iterator[str]:
        """Yield the whole lines of the next chunk, or of all there is; `flush` also yields the last piece."""
        while chunk := self._file.read(_CHUNK):
            *whole, rest = chunk.split(b"\n")
            for line in whole:
                yield _text(b"".join([*self._rest, line]))
                self._rest.clear()
            if rest:
                self._rest.append(rest)
            if not to_the_end:  # other files get their turn
                return
        if flush and self._rest:
            yield _text(b"".join(self._rest))
            self._rest.clear()

    def close(self) -> None:
        self._file.close()


def _files(directory: Path) -> list[tuple[Path, int | None]]:
    """Return the logs of one node: launcher first, then ranks in order."""
    try:
        names = os.listdir(directory)  # noqa: PTH208 - names only, fifty times a second
    except FileNotFoundError:  # the job was deleted
        return []
    ranks = sorted(int(match[1]) for name in names if (match := _RANK_LOG.fullmatch(name)))
    launcher: list[tuple[Path, int | None]] = [(directory / LAUNCHER_LOG, None)] if LAUNCHER_LOG in names else []
    return [*launcher, *((directory / rank_log(rank), rank) for rank in ranks)]


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode(errors="replace")
