"""Whether a server that has loaded its model still answers: one that hangs does not end by itself."""

from __future__ import annotations

import http
import http.client
import math
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from kubeflow.core.errors import InvalidInput
from kubeflow.local.executors.ports import LOOPBACK

LIVENESS_VARIABLE = "KUBEFLOW_SERVING_LIVENESS"
"""Environment variable: seconds between two questions whether a server is alive; `0` for none. Default: 10."""

LIVE_PATH = "/v2/health/live"

_EVERY = 10.0  # seconds, as the kubelet's default
_MOST_FAILURES = 3  # in a row, as the kubelet's default


def liveness_period(env: Mapping[str, str]) -> float:
    """Return the seconds between two questions; 0 for none.

    Args:
        env: The server's environment.

    Raises:
        InvalidInput: The variable holds something else.
    """
    text = env.get(LIVENESS_VARIABLE, "").strip()
    if not text:
        return _EVERY
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds >= 0):
        raise InvalidInput(
            f"The environment variable {LIVENESS_VARIABLE} is {text!r}: write the seconds between two questions "
            "whether a server is alive, like 10, or 0 for none."
        )
    return seconds


class ServerLiveness:
    """Asks one server whether it is alive, beside the loop of its keeper, which never waits for it.

    Args:
        port: Where it answers, alone.
        every: Seconds between two questions, and that an answer may take; 0 for no questions.
    """

    def __init__(self, port: int, every: float) -> None:
        self._port = port
        self._every = every
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="liveness")
        self._asked: Future[bool] | None = None
        self._next = time.monotonic() + every
        self._failures = 0

    def pause(self) -> None:
        """Forget what was asked: another server answers on the port too, or instead."""
        self._asked, self._failures, self._next = None, 0, time.monotonic() + self._every

    def hangs(self) -> bool:
        """Ask if that is due; return True once the server has not answered several times in a row."""
        if not self._every:
            return False
        if self._asked is None and time.monotonic() >= self._next:
            self._next = time.monotonic() + self._every
            self._asked = self._pool.submit(_answers, self._port, self._every)
        elif self._asked is not None and self._asked.done():
            self._failures = 0 if self._asked.result() else self._failures + 1
            self._asked = None
        return self._failures >= _MOST_FAILURES

    def words(self) -> str:
        """Return what has happened to a server that hangs."""
        return f"did not answer {LIVE_PATH} {self._failures} times in a row (within {self._every:g} s each)"

    def close(self) -> None:
        """Ask no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _answers(port: int, timeout: float) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=timeout)
    try:
        connection.request("GET", LIVE_PATH, headers={"Connection": "close"})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
