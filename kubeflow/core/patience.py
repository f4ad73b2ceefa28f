"""How long a caller goes on after failures that may pass: pauses between the tries, and when to give up."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from kubeflow.core.backoff import backoff

_FREE = 2  # failures in a row that cost nothing: a connection that broke and was made again


class Patience:
    """The time that failing requests of one call may take altogether, whatever number of requests the call sends.

    Args:
        seconds: Seconds that may be spent on failures. Infinite: the call goes on until `limit` is called.
        first: First pause in seconds; it doubles up to `longest`.
        longest: The longest pause in seconds.
        clock: Tells the time in seconds.

    Attributes:
        failures: How many failures there have been in a row.
    """

    def __init__(
        self,
        seconds: float = math.inf,
        *,
        first: float = 0.2,
        longest: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.failures = 0
        self._seconds = seconds
        self._first = first
        self._longest = longest
        self._clock = clock
        self._began = 0.0  # when the first failure in a row was noted

    @property
    def left(self) -> float:
        """Seconds until the last try; negative once it is over."""
        return self._seconds - (self._clock() - self._began if self.failures else 0.0)

    def limit(self, seconds: float) -> None:
        """Bound the time of failures from now on, unless it is bounded already."""
        if math.isinf(self._seconds):
            self._seconds = seconds
            self._began = self._clock()

    def worked(self) -> None:
        """Note a success. The time of the failures before it is spent, unless there were few."""
        if self.failures > _FREE:
            self._seconds = max(0.0, self.left)
        self.failures = 0

    def failed(self, retry_after: float | None = None) -> float | None:
        """Note a failure, and return the seconds to wait before the next try; `None` to give up.

        Args:
            retry_after: Seconds after which the server takes the request again, if it said so.
        """
        if not self.failures:
            self._began = self._clock()
        self.failures += 1
        pause = max(backoff(self.failures, first=self._first, longest=self._longest), retry_after or 0.0)
        return None if pause > self.left else pause
