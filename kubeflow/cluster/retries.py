"""Which failed requests are sent again, and after how many seconds. Pure: no request, no sleep.

A request that never left is sent again. So is a request that only reads or is `repeatable`, even if the server may have
acted on it. After 429, and after 5xx with `Retry-After`, the server has done nothing: every request is sent again.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from kubeflow.core.backoff import backoff
from kubeflow.core.display import repr_of_fields
from kubeflow.core.transport import Request

# A server that restarts is back within seconds. A server that does not exist should be reported soon.
_REFUSALS = 10
_BREAKS = 5
_FIRST = 0.2
_LONGEST = 5.0


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """One failed attempt.

    Attributes:
        status: HTTP status of the answer; `None` when no whole answer came.
        retry_after: Seconds after which the server takes the request again; `None` when the answer does not say.
        sent: True when the server may have acted on the request.
        lasting: True when sending again cannot help, as with an untrusted certificate.
    """

    status: int | None = None
    retry_after: float | None = None
    sent: bool = True
    lasting: bool = False

    __repr__ = repr_of_fields


def pause(request: Request, failure: FailedAttempt, attempt: int, draw: float | None = None) -> float | None:
    """Return how many seconds to wait before `request` is sent again, or None to give up.

    Args:
        request: The request that failed.
        failure: How it failed.
        attempt: How often it has been sent, at least 1.
        draw: The jitter, a number from 0 to 1. Default: random.
    """
    if not _worthwhile(request, failure, attempt):
        return None
    jitter = random.random() if draw is None else draw
    if failure.retry_after is not None:
        # Later than the server said, never earlier: clients that were refused together should not come back together.
        return failure.retry_after + jitter * max(_FIRST, 0.1 * failure.retry_after)
    return backoff(attempt, first=_FIRST, longest=_LONGEST, draw=jitter)


def _worthwhile(request: Request, failure: FailedAttempt, attempt: int) -> bool:
    harmless = request.method == "GET" or request.repeatable
    if failure.lasting or failure.status == 501:  # not implemented: no wait changes that
        return False
    if failure.status is None:
        return attempt < _BREAKS and (harmless or not failure.sent)
    passing = failure.status == 429 or (failure.status >= 500 and (harmless or failure.retry_after is not None))
    return passing and attempt < _REFUSALS
