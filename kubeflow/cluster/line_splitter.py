"""Lines of an answer that comes in pieces; and a progress bar, which is one line that goes on by carriage returns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from kubeflow.core.log_text import standing
from kubeflow.core.transport import Unfinished

_AGAIN = 0.5  # seconds after which a line that goes on is yielded again
# Of a line that goes on, containerd writes the first piece to the log when 16 KiB of it have come, CRI-O what there is.
# https://github.com/containerd/containerd/blob/v2.1.0/internal/cri/io/logger.go
# https://github.com/containers/conmon/blob/v2.1.13/src/ctr_logging.c
_SELDOM = 4096  # bytes: who hands over so many at once will not do it again soon


class LineSplitter:
    """Makes lines of pieces.

    Args:
        unfinished: True when a line with carriage returns is also yielded as it stands, see `Request.unfinished`.
        clock: Tells the time in seconds.
    """

    def __init__(self, *, unfinished: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._unfinished = unfinished
        self._clock = clock
        self._rest: list[bytes] = []
        self._shown: float | None = None  # when the line was yielded as it stands, or first had a carriage return

    def lines(self, piece: bytes) -> Iterator[bytes]:
        """Yield the lines that a piece ends, without their ends, then what follows as it stands if that is due."""
        *whole, last = piece.split(b"\n")
        for end in whole:
            yield b"".join([*self._rest, end])
            self._rest.clear()
            self._shown = None
        if not last:
            return
        self._rest.append(last)
        if not self._unfinished or not (b"\r" in last or self._shown is not None):
            return
        self._rest = [_without_overwritten(b"".join(self._rest))]
        now = self._clock()
        due = len(last) >= _SELDOM if self._shown is None else now - self._shown >= _AGAIN
        if due or self._shown is None:
            self._shown = now
        if due:
            yield Unfinished(self._rest[0])

    def rest(self) -> bytes:
        """Return what follows the last line end."""
        return b"".join(self._rest)


def _without_overwritten(line: bytes) -> bytes:
    """Return a line without what stands between its first and its last carriage return.

    Before the first one stands the time of the line. So a bar of days takes no memory.
    """
    beginning, mark, rest = line.partition(b"\r")
    return beginning + mark + standing(rest) + (b"\r" if rest.endswith(b"\r") else b"")
