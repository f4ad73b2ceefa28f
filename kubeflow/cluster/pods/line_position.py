"""The place of a line in a container's log, by the timestamps of the lines, and which lines of an answer are new."""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from kubeflow.core.stdlib import re

# As kubelets write it with `timestamps=true`: up to nine digits of a second, UTC or the offset of the machine.
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ")
_SECOND = 10**9
# Standard output and error are stamped by two threads before one of them writes: lines may be this much out of order.
_DISORDER = 1  # seconds
_REMEMBERED = 4096  # different times


class Mark(NamedTuple):
    """The place of a line in the log of a container. The order of a log does not change, so that it is one place.

    Attributes:
        stamp: When the line was written, as the kubelet writes it.
        number: The number of the line among those with the same stamp, from 1.
    """

    stamp: bytes
    number: int

    @property
    def since(self) -> str:
        """The `sinceTime` of a request whose answer has this line: a second earlier, in whole seconds."""
        return whole_seconds(self.time - timedelta(seconds=_DISORDER))

    @property
    def time(self) -> datetime:
        """When the line was written, to the microsecond."""
        seconds, rest = divmod(nanoseconds(self.stamp), _SECOND)
        return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=rest // 1000)


class LogAnswer:
    """An answer to a request for a log, looked at line by line, and which of its lines are new.

    Args:
        last: The mark of the last line that was read before; `None` when no line was read.

    Attributes:
        first: The first line of the answer with its time; `None` before it came.
        mark: The mark of the line that was looked at last; `None` as long as lines have no times.
        passed: True when `last` has gone by, so that all lines that follow are new. A reader sets it when `last` will
            not come because the answer is another log.
        new: True when the line that was looked at last is certain to be new.
    """

    def __init__(self, last: Mark | None) -> None:
        self.first: bytes | None = None
        self.mark: Mark | None = None
        self.passed = last is None
        self.new = False
        self._last = last
        self._counts: OrderedDict[bytes, int] = OrderedDict()

    def look(self, line: bytes) -> bytes:
        """Look at the next line, and return it without its time."""
        if self.first is None:
            self.first = line
        self.new = self.passed
        match = _STAMP.match(line)
        if match is None:  # a server without times; or the rest of a line whose beginning was not asked for
            return line
        stamp = match[0]
        count = self._counts.get(stamp)
        self._counts[stamp] = count = 1 if count is None else count + 1
        if count == 1 and len(self._counts) > _REMEMBERED:
            self._counts.popitem(last=False)
        self.mark = Mark(stamp, count)
        if not self.passed:
            self.passed = self.mark == self._last
        return line[match.end() :]

    @property
    def doubtful(self) -> bool:
        """True when `last` has not gone by, although the line that was looked at last was written later.

        Either two writers were out of order, and the line is old; or the answer is another log than that of `last`.
        """
        return self._late() > 0

    @property
    def hopeless(self) -> bool:
        """True when the line that was looked at last is so much later than `last` that `last` will not come."""
        return self._late() > _DISORDER * _SECOND

    def _late(self) -> int:
        if self.passed or self._last is None or self.mark is None:
            return 0
        return nanoseconds(self.mark.stamp) - nanoseconds(self._last.stamp)


def without_time(line: bytes) -> bytes:
    """Return a line without its time."""
    match = _STAMP.match(line)
    return line if match is None else line[match.end() :]


def whole_seconds(time: datetime) -> str:
    """Return a time as `sinceTime` takes it: RFC 3339, down to the whole second."""
    return f"{time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def nanoseconds(stamp: bytes) -> int:
    """Return a time as a kubelet writes it, in nanoseconds since 1970.

    Raises:
        ValueError: `stamp` is no such time.
    """
    match = _STAMP.match(stamp)
    if match is None:
        raise ValueError(stamp)
    seconds = datetime.fromisoformat((match[1] + match[3]).decode()).timestamp()
    return int(seconds) * _SECOND + int((match[2] or b"0").ljust(9, b"0"))
