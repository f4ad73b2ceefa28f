"""Where lines stand in the log of a container, by the times of its lines, and which lines of a new answer are new."""

from __future__ import annotations

import re
from collections import OrderedDict
from datetime import UTC, datetime
from typing import NamedTuple

# As kubelets write it with `timestamps=true`: up to nine digits of a second, UTC or the offset of the machine.
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ")
_SECOND = 10**9
# Standard output and error are stamped by two threads before one of them writes: lines may be this much out of order.
_DISORDER = 1  # seconds
_REMEMBERED = 4096  # different times


class Mark(NamedTuple):
    """The place of a line in the log of a container. The order of a log does not change, so that it is one place.

    Attributes:
        stamp: When the line was written, in the kubelet's words.
        number: Which of the lines of that time it is, from 1.
    """

    stamp: bytes
    number: int

    @property
    def since(self) -> str:
        """The `sinceTime` with which it is asked for, and what was written just before: whole seconds, as they are."""
        seconds = nanoseconds(self.stamp) // _SECOND - _DISORDER
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class LogAnswer:
    """What a server sends of a log, line by line, to a reader who knows it up to `last`.

    Args:
        last: The last line that was read before; `None` for a reader who knows nothing.

    Attributes:
        first: The first line as it came; `None` before.
        mark: Where the line stands that was looked at last; `None` as long as lines have no times.
        passed: Whether `last` has gone by, so that all that follows is new. A reader who finds out that `last` will
            not come, because this is another log, sets it.
        new: Whether the line that was looked at last is known to be new.
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
        """Whether `last` has not gone by, although the line that was looked at last was written later.

        Either two writers were out of order, and the line is old; or this is another log than that of `last`.
        """
        return self._late() > 0

    @property
    def hopeless(self) -> bool:
        """Whether the line that was looked at last is so much later than `last` that this will not come any more."""
        return self._late() > _DISORDER * _SECOND

    def _late(self) -> int:
        if self.passed or self._last is None or self.mark is None:
            return 0
        return nanoseconds(self.mark.stamp) - nanoseconds(self._last.stamp)


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
