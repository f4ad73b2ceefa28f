"""When to list a collection that these credentials may list and not watch. Pure: callers pass the time."""

from __future__ import annotations

import random
from dataclasses import dataclass

from kubeflow.core.backoff import backoff
from kubeflow.core.reflector import WatchPace


@dataclass(frozen=True, slots=True)
class Pace(WatchPace):
    """How often a feed sends requests: where it may watch (`WatchPace`), and where it has to poll. All in seconds.

    Attributes:
        poll: First pause between two lists; it doubles while they show no change, up to `longest_poll`.
        longest_poll: The longest of these pauses.
        hinted_poll: The pause, and up to a tenth more, while the watch of events works and brings no hint.
        lag: Time from a hint until the change shows in a list.
    """

    poll: float = 2
    longest_poll: float = 120
    hinted_poll: float = 330  # one list in ten minutes, and one at their beginning
    lag: float = 1  # a kubelet tells that it started a container before it writes it into the pod


class PollSchedule:
    """When one collection is listed next. A look is one such list.

    Without hints, looks come at growing intervals. With hints there is no look until a hint comes, but for a rare one,
    because hints may get lost. A hint asks for two looks, because it may come before the change shows. A look
    that shows a change asks for another one, because more changes may follow.

    Args:
        pace: The intervals.
        now: The time. The collection has just been listed.

    Attributes:
        due: When the next look is due.
    """

    def __init__(self, pace: Pace, now: float) -> None:
        self._pace = pace
        self._hinted = False  # hints come
        self._owed = 1  # looks that are due without a further hint
        self._dull = 1  # looks in a row that showed nothing new
        self._last = now
        self._calls = self._answered = self._looking = 0
        self.due = now + pace.poll

    @property
    def outdated(self) -> bool:
        """True when `call` was called after the last look had begun."""
        return self._answered < self._calls

    def hints_come(self, now: float) -> None:
        """Note that hints come from now on. One more look shows the changes from before they came."""
        self._hinted = True
        self._owe(1, now)

    def hints_fail(self) -> None:
        """Note that hints come no more."""
        self._hinted = False
        self.due = min(self.due, self._last + self._pause)

    def hint(self, now: float) -> None:
        """Note that an object may have changed: the next look is due soon, but not at once after the last look."""
        self._owe(2, now)

    def call(self, now: float) -> None:
        """Make a look due now, because the copy of the collection is certain to be outdated."""
        self._calls += 1
        self.due = now

    def looking(self) -> None:
        """Note that a look begins."""
        self._looking = self._calls

    def looked(self, now: float, *, changed: bool, unsettled: bool = False) -> None:
        """Note that a look was successful.

        Args:
            now: The time.
            changed: True when the look showed a change.
            unsettled: True when a change is certain to come of which no hint may tell: another look follows.
        """
        self._answered = self._looking
        quiet = self._hinted and not self._owed
        self._owed = max(self._owed - 1, int(changed or unsettled))
        self._next(now, at_first=changed or quiet)
        if self.outdated:
            self.due = now

    def failed(self, now: float) -> None:
        """Note that a look failed, because no list came from the server."""
        self._owed = max(1, self._owed)
        self._next(now, at_first=False)

    def _owe(self, looks: int, now: float) -> None:
        self._owed = max(looks, self._owed)
        self.due = min(self.due, max(now + self._pace.lag, self._last + self._pause))

    def _next(self, now: float, *, at_first: bool) -> None:
        self._last = now
        self._dull = 1 if at_first else self._dull + 1
        # Later than the pace says, never earlier: shorter intervals would cost more requests.
        interval = self._pace.hinted_poll if self._hinted and not self._owed else self._pause
        self.due = now + interval * random.uniform(1.0, 1.1)

    @property
    def _pause(self) -> float:
        return backoff(self._dull, first=self._pace.poll, longest=self._pace.longest_poll, spread=0)
