"""Logs of a job's nodes: one file per rank and one for what launches them, read while they grow."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kubeflow.core.log_text import log_text, standing
from kubeflow.core.stdlib import re

LAUNCHER_LOG = "launcher.log"

_CHUNK = 64 * 1024  # bytes
_POLL = 0.02  # seconds between two looks at files that did not grow
_BAR = 0.5  # seconds after which a progress bar that goes on is shown again
_RANK_LOG = re.compile(r"rank-(\d+)\.log")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One whole line. `rank` is the global rank, `None` for a line of the step's launcher; `text` has no line end."""

    step: str
    rank: int | None
    text: str


def rank_log(rank: int) -> str:
    """Return the file name of a rank's log, in its node's directory."""
    return f"rank-{rank}.log"


def read_lines(
    directories: Sequence[Path],
    *,
    finished: Callable[[], bool],
    follow: bool,
    offsets: dict[str, int] | None = None,
) -> Iterator[LogLine]:
    """Yield the lines of all logs in `directories`, each as soon as it is whole.

    Lines of one file keep their order. Lines of several files come as they arrive while the job runs, and
    file by file, launcher first, where they are already there. An unfinished last line is yielded when the
    job has finished. Bytes that are no UTF-8 become replacement characters. Memory does not grow with the logs.

    Of a line with carriage returns, what stands after the last one is its text, as on a terminal. With `follow`, a line
    that goes on by carriage returns (a progress bar) is also yielded as it stands, twice a second if it changes.

    Args:
        directories: The log directory of each step; its name is the step's.
        finished: Whether the job has ended, so that nothing more will be written.
        follow: Go on until `finished`; otherwise stop at what is there now.
        offsets: Where each log is read from, in bytes, by its path below the parent of `directories`, like
            `node-0/rank-0.log`; from its beginning if it is not named. Kept up to date: with each line that is yielded
            it says where the next one begins, so that reading can go on from there.
    """
    offsets = {} if offsets is None else offsets
    tails: dict[Path, _Tail] = {}
    try:
        while True:
            done = finished()  # before reading: what was written before the end is then read
            grew = False
            for directory in directories:
                for path, rank in log_files(directory):
                    log = f"{directory.name}/{path.name}"
                    if path not in tails:
                        try:
                            tails[path] = _Tail(path, offsets.get(log, 0))
                        except FileNotFoundError:  # the job was deleted since the log was listed
                            continue
                    tail = tails[path]
                    to_the_end = done or not follow
                    for text in tail.lines(to_the_end=to_the_end, flush=done):
                        grew = True
                        offsets[log] = tail.offset
                        yield LogLine(directory.name, rank, text)
                    offsets[log] = tail.offset
                    if follow and not done and (bar := tail.bar()) is not None:
                        yield LogLine(directory.name, rank, bar)
            if done or not follow:
                return
            if not grew:
                time.sleep(_POLL)
    finally:
        for tail in tails.values():
            tail.close()


def last_lines(path: Path, count: int) -> list[str]:
    """Return the last `count` lines of a log that are not blank, at most 64 KiB; none when there is no such file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _CHUNK))
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return []
    return list(deque((log_text(line) for line in lines if line.strip()), maxlen=count))


class _Tail:
    """Reads one growing file. `offset` is where the first line begins that has not been yielded."""

    def __init__(self, path: Path, offset: int) -> None:
        self._file = path.open("rb", buffering=0)
        size = os.fstat(self._file.fileno()).st_size
        self.offset = offset if offset <= size else 0  # a shorter file is another one: all of it is new
        self._file.seek(self.offset)
        self._rest: list[bytes] = []  # pieces of a line that has no end yet, from its last carriage return on
        self._length = 0  # bytes of that line
        self._bar_at: float | None = None  # when the line was shown, or first had a carriage return
        self._shown: str | None = None

    def lines(self, *, to_the_end: bool, flush: bool) -> Iterator[str]:
        """Yield the whole lines of the next chunk, or of all there is; `flush` also yields the last piece."""
        while chunk := self._file.read(_CHUNK):
            *whole, rest = chunk.split(b"\n")
            for end in whole:
                yield from self._end(end, len(end) + 1)
            if rest:
                self._add(rest)
            if not to_the_end:  # other files get their turn
                return
        if flush and self._rest:
            yield from self._end(b"", 0)

    def bar(self) -> str | None:
        """Return how an unfinished line with carriage returns stands, if it is time to show that and it has changed."""
        now = time.monotonic()
        if self._bar_at is None or now - self._bar_at < _BAR:
            return None
        self._bar_at = now
        text = log_text(b"".join(self._rest))
        if text == self._shown or not text.strip():
            return None
        self._shown = text
        return text

    def _add(self, piece: bytes) -> None:
        self._length += len(piece)
        self._rest.append(piece)
        if b"\r" in piece:
            self._rest = [standing(b"".join(self._rest)) + (b"\r" if piece.endswith(b"\r") else b"")]
            self._bar_at = self._bar_at or time.monotonic()

    def _end(self, piece: bytes, length: int) -> Iterator[str]:
        """Yield the line that `piece` ends, unless it was shown as it stands."""
        text = log_text(b"".join([*self._rest, piece]))
        known = text == self._shown
        self.offset += self._length + length
        self._rest, self._length, self._bar_at, self._shown = [], 0, None, None
        if not known:
            yield text

    def close(self) -> None:
        self._file.close()


def log_files(directory: Path) -> list[tuple[Path, int | None]]:
    """Return the logs of one node: launcher first, then ranks in order."""
    try:
        names = os.listdir(directory)  # noqa: PTH208 - names only, fifty times a second
    except FileNotFoundError:  # the job was deleted
        return []
    ranks = sorted(int(match[1]) for name in names if (match := _RANK_LOG.fullmatch(name)))
    launcher: list[tuple[Path, int | None]] = [(directory / LAUNCHER_LOG, None)] if LAUNCHER_LOG in names else []
    return [*launcher, *((directory / rank_log(rank), rank) for rank in ranks)]
