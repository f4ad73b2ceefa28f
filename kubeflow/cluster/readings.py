"""What came of a read that may fail: the value, that there is none, or why nobody knows.

An object that may not be seen, an API that the cluster does not serve and a request that failed are not an object that
does not exist. A `Reading` is one of five classes, and type checkers refuse a `match` that leaves one out
(`assert_never`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar
from urllib.parse import quote

from kubeflow.cluster import wire
from kubeflow.cluster.errors import ApiError, ClusterError, ControlPlaneMissing, Forbidden, NotFound
from kubeflow.core.resource import Request, Transport

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Found(Generic[T_co]):
    """The server has answered. An empty list means that there is none."""

    value: T_co


@dataclass(frozen=True, slots=True)
class Absent:
    """The server has looked, and there is no object of that name."""


@dataclass(frozen=True, slots=True)
class NotServed:
    """The cluster does not have the API. `message` is the error in words."""

    message: str


@dataclass(frozen=True, slots=True)
class NotPermitted:
    """These credentials may not see it, so that nobody knows whether it exists. `message` is the server's message.

    An API server answers so for an API that it does not serve, too: see `served_versions`.
    """

    message: str


@dataclass(frozen=True, slots=True)
class ReadFailed:
    """No answer came in time, or the server failed, so that nobody knows. `message` is the error in words."""

    message: str


Unseen: TypeAlias = NotServed | NotPermitted | ReadFailed
"""Why something cannot be seen."""

Reading: TypeAlias = Found[T] | Absent | NotServed | NotPermitted | ReadFailed
"""What came of a read."""


def reading(ask: Callable[[], T]) -> Reading[T]:
    """Return what came of `ask`, which sends requests that read.

    Errors that are no `ClusterError` are raised.
    """
    try:
        return Found(ask())
    except NotFound:
        return Absent()
    except ControlPlaneMissing as error:
        return NotServed(str(error))
    except ClusterError as error:
        message = error.server_message if isinstance(error, ApiError) and error.server_message else str(error)
        return NotPermitted(message) if isinstance(error, Forbidden) else ReadFailed(message)


def served_versions(transport: Transport, group: str) -> Reading[list[str]]:
    """Return the versions of an API group, the preferred one first, with one request.

    Everybody who is logged in may ask which APIs there are. An object of an API that is not served is `Forbidden`, and
    not missing, for those who have no right to its kind: authorization comes first.
    """

    def versions() -> list[str]:
        found = transport.send(Request("GET", f"/apis/{quote(group, safe='')}"))
        names = [wire.text(version, "version") for version in wire.objects(found, "versions")]
        preferred = wire.text(found, "preferredVersion", "version")
        return sorted((name for name in names if name), key=lambda name: name != preferred)

    return reading(versions)


def in_words(unseen: Unseen, what: str) -> str:
    """Return, as a part of a sentence, that `what` cannot be seen, and why."""
    match unseen:
        case NotPermitted(message):
            return f"no right to see {what}: {message}"
        case NotServed(message):
            return f"this cluster does not have {what}: {message}"
        case ReadFailed(message):
            return f"could not read {what}: {message}"
