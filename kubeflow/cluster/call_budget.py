"""One budget of time for all requests of one call that fail: a `Transport` around another one."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace

from kubeflow.core.errors import KubeflowError
from kubeflow.core.transport import Request, Transport

_LEAST = 2.0  # seconds that a request gets when the budget is used up: a server that is well answers within that


class CallBudget:
    """A transport whose requests may fail for so many seconds altogether.

    A transport sends a failing request again for up to half a minute. A call that goes on when a request of it fails
    would take half a minute for each. Here, the requests after a failure get the time that is left.

    Args:
        transport: The transport that sends the requests.
        seconds: Seconds that failing requests may take altogether.
        clock: Tells the time in seconds.
    """

    def __init__(
        self, transport: Transport, seconds: float = 30.0, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._transport = transport
        self._left = seconds
        self._clock = clock

    def send(self, request: Request) -> Mapping[str, object]:
        """Return the JSON object that the server answers with."""
        started = self._clock()
        try:
            return self._transport.send(self._bounded(request))
        except KubeflowError:
            self._left -= self._clock() - started
            raise

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        """Yield the lines of the answer's body."""
        started = self._clock()
        try:
            yield from self._transport.lines(self._bounded(request))
        except KubeflowError:
            self._left -= self._clock() - started
            raise

    def _bounded(self, request: Request) -> Request:
        left = max(self._left, _LEAST)
        return replace(request, timeout=left if request.timeout is None else min(request.timeout, left))
