"""How far the log of a container has been read, by the times of its lines, so that reading can go on after a break."""

from __future__ import annotations

import re
import time
from collections import OrderedDict, deque
from datetime import UTC, datetime

# As kubelets write it with `timestamps=true`: up to nine digits of a second, UTC or the offset of the machine.
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ")
_SECOND = 10**9
# Standard output and error are stamped by two threads before one of them writes: lines may be this much out of order.
_DISORDER = 1  # seconds
_REMEMBERED = 4096  # different times
# A kubelet starts a container again before it says so: what was read since may be of the new instance already.
_LATE = 15.0  # seconds


class Position:
    """The place in a log up to which its lines are known.

    Lines that the server sends again after a break are told from new ones by their times: as many lines of one time as
    were seen before are old. That holds for the last few thousand times, whatever their order; all before is old.

    Args:
        since: The time of a line, as `latest` has it, to begin up to two seconds before; empty for the first line.

    Attributes:
        latest: The time of the line that was taken last, as the kubelet wrote it, and how many lines of that time have
            been; `None` before the first. In a container's log, whose order does not change, that is one place.
    """

    def __init__(self, since: bytes = b"") -> None:
        self.latest: tuple[bytes, int] | None = None
        self._since = nanoseconds(since) - _DISORDER * _SECOND if since else 0
        self._recent: OrderedDict[bytes, int] = OrderedDict()
        self._forgotten = False
        # After a break: how often each time is still to be skipped, and the first and last of them.
        self._again: dict[int, int] = {}
        self._first = 0
        self._last = 0
        self._resuming = False
        self._begun: deque[tuple[float, int]] = deque(maxlen=64)  # when reading began, and the last time before it

    def resume(self, *, previous: bool = False) -> str | None:
        """Begin to read again; return the `sinceTime` to ask for, `None` for all there is.

        Args:
            previous: What is read now is the rest of the instance before. Some of the last lines may have been of the
                instance after it, if it was not known then that there is one.

        Returns:
            A time in whole seconds, as kubelets take no fractions of them.
        """
        self._again = {}
        for stamp, count in self._recent.items():
            time_of_line = nanoseconds(stamp)
            self._again[time_of_line] = self._again.get(time_of_line, 0) + count
        self._resuming = bool(self._again)
        if self._resuming:
            self._first, self._last = min(self._again), max(self._again)
        now = time.monotonic()
        since = self._last or self._since
        if not previous:
            self._begun.append((now, since))
        elif self._begun:
            late = [last for begun, last in self._begun if begun > now - _LATE]
            since = min(late, default=self._begun[-1][1])
        if not since:
            return None
        return datetime.fromtimestamp(since // _SECOND - _DISORDER, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def take(self, line: bytes) -> bytes | None:
        """Return a line of the server without its time, `None` if it has been read before."""
        match = _STAMP.match(line)
        if match is None:
            # The rest of a line whose beginning is older than what was asked for, or a server without times.
            return None if self._resuming else line
        stamp = match[0]
        if self._resuming and self._known(stamp):
            return None
        count = self._recent.get(stamp)
        self._recent[stamp] = count = 1 if count is None else count + 1
        self.latest = stamp, count
        if count == 1 and len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)
            self._forgotten = True
        return line[match.end() :]

    def _known(self, stamp: bytes) -> bool:
        time_of_line = nanoseconds(stamp)
        if time_of_line > self._last:
            # Well beyond the break no line can have been seen, and its time need not be looked at.
            self._resuming = time_of_line <= self._last + _DISORDER * _SECOND
            return False
        left = self._again.get(time_of_line, 0)
        if left:
            self._again[time_of_line] = left - 1
            return True
        return self._forgotten and time_of_line < self._first


def nanoseconds(stamp: bytes) -> int:
    """Return the time that a kubelet wrote, in nanoseconds since 1970.

    Raises:
        ValueError: It is none.
    """
    match = _STAMP.match(stamp)
    if match is None:
        raise ValueError(stamp)
    seconds = datetime.fromisoformat((match[1] + match[3]).decode()).timestamp()
    return int(seconds) * _SECOND + int((match[2] or b"0").ljust(9, b"0"))
