"""When to look at a collection that these credentials may list and not watch. Pure: it is told the time."""

from __future__ import annotations

import random
from dataclasses import dataclass

from kubeflow.core.reflector import WatchPace


@dataclass(frozen=True, slots=True)
class Pace(WatchPace):
    """How often a feed asks: as everybody does who watches, and where it may not. All in seconds.

    Attributes:
        poll: First pause between two looks; it doubles while they show nothing new, up to `longest_poll`.
        longest_poll: The longest of these pauses.
        hinted_poll: The pause, and up to a tenth more, while hints come and there is none.
        lag: Time that passes from a hint until there is something to see.
    """

    poll: float = 2
    longest_poll: float = 120
    hinted_poll: float = 330  # one look in ten minutes, and one at their beginning
    lag: float = 1  # a kubelet tells that it started a container before it writes it into the pod


class Schedule:
    """The looks at one collection.

    Without hints they come at growing distances. With hints there are none until one comes, but for one in a long
    while, as hints may get lost. A hint is worth two looks, because it may come too early; what a look finds is worth
    another one, because more may follow.

    Args:
        pace: The distances.
        now: The time. The collection has just been looked at.

    Attributes:
        due: When the next look is due.
    """

    def __init__(self, pace: Pace, now: float) -> None:
        self._pace = pace
        self._hinted = False  # whether hints come
        self._owed = 1  # looks that will come whether or not there is a hint
        self._pause = pace.poll
        self._last = now
        self._calls = self._answered = self._looking = 0
        self.due = now + pace.poll

    @property
    def outdated(self) -> bool:
        """Whether `call` was called after the last look had begun."""
        return self._answered < self._calls

    def hints_come(self, now: float) -> None:
        """Take note that from now on there will be hints; what happened before they began is still to be seen."""
        self._hinted = True
        self._owe(1, now)

    def hints_fail(self) -> None:
        """Take note that nobody gives hints any more."""
        self._hinted = False
        self.due = min(self.due, self._last + self._pause)

    def hint(self, now: float) -> None:
        """Take note that something may have happened: look soon, but not at once after the last look."""
        self._owe(2, now)

    def call(self, now: float) -> None:
        """Have it looked at now, because what it was is certain to be outdated."""
        self._calls += 1
        self.due = now

    def looking(self) -> None:
        """Take note that a look begins."""
        self._looking = self._calls

    def looked(self, now: float, *, changed: bool) -> None:
        """Take note that a look was successful, and whether it showed anything new."""
        self._answered = self._looking
        quiet = self._hinted and not self._owed
        self._owed = max(self._owed - 1, int(changed))
        self._next(now, at_first=changed or quiet)
        if self.outdated:
            self.due = now

    def failed(self, now: float) -> None:
        """Take note that a look showed nothing, because the server could not be asked."""
        self._owed = max(1, self._owed)
        self._next(now, at_first=False)

    def _owe(self, looks: int, now: float) -> None:
        self._owed = max(looks, self._owed)
        self.due = min(self.due, max(now + self._pace.lag, self._last + self._pause))

    def _next(self, now: float, *, at_first: bool) -> None:
        self._last = now
        self._pause = self._pace.poll if at_first else min(2 * self._pause, self._pace.longest_poll)
        # Later than said, never earlier: the distance between two looks is what they cost.
        distance = self._pace.hinted_poll if self._hinted and not self._owed else self._pause
        self.due = now + distance * random.uniform(1.0, 1.1)
