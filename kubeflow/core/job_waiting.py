"""Waiting for a job or a service: one loop, with its deadline, its callbacks and its failures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from kubeflow.core.errors import InvalidInput, KubeflowError

JobT = TypeVar("JobT")
JobT_contra = TypeVar("JobT_contra", contravariant=True)

_REFRESHED = 1.0  # seconds after which what is shown is drawn anew: it says how long something takes
_LOOK, _LONGEST_LOOK = 0.1, 2.0  # seconds between two looks at what is being deleted


class WatchedJobs(Protocol[JobT]):
    """What is waited on: a backend that tells when a job, or a service, changes."""

    def watching(self, name: str) -> AbstractContextManager[None]:
        """Keep what `next_change` opens, until the context ends."""
        ...

    def next_change(self, name: str, seen: JobT, timeout: float) -> JobT:
        """Return the job as soon as it differs from `seen`, or after `timeout` seconds as it is then."""
        ...

    def failure(self, name: str) -> Exception:
        """Return, for a job that has failed, the error that says why."""
        ...


class ShowsJobs(Protocol[JobT_contra]):
    """What shows a job while it is waited for: `kubeflow.core.live.Live`."""

    def show(self, state: JobT_contra) -> None:
        """Show the job as it is now."""
        ...

    def clear(self) -> None:
        """Show nothing, so that something else can be written."""
        ...


def wait_for_job(
    backend: WatchedJobs[JobT],
    name: str,
    look: Callable[[str], JobT],
    *,
    reached: Callable[[JobT], bool],
    failed: Callable[[JobT], bool],
    too_late: Callable[[JobT], Exception],
    timeout: float,
    polling_interval: float,
    callbacks: Iterable[Callable[[JobT], None]] = (),
    live: ShowsJobs[JobT] | None = None,
) -> JobT:
    """Return a job once it has got where it is awaited.

    Args:
        backend: Who has the job.
        name: Its name.
        look: Returns the job as it is now.
        reached: True when the job is where it is awaited.
        failed: True when it will not get there; only asked where `reached` says False.
        too_late: The error for a job that is not there in time.
        timeout: Seconds to wait at most, by the clock.
        polling_interval: Seconds between two calls of the callbacks.
        callbacks: Called with the job at each interval and when it has got there, or will not.
        live: Shows the job at each change and every second; cleared while callbacks are called.

    Raises:
        Exception: What `backend.failure` or `too_late` returns, and what the backend raises.
    """
    called = tuple(callbacks)
    with backend.watching(name):
        deadline = time.monotonic() + timeout
        job = look(name)
        next_poll = 0.0
        while True:
            now = time.monotonic()
            is_there = reached(job)
            is_over = not is_there and failed(job)
            if is_there or is_over or now >= next_poll:
                next_poll = now + polling_interval
                if live is not None and called:
                    live.clear()
                for callback in called:
                    callback(job)
            if live is not None:
                live.show(job)
            if is_there:
                return job
            if is_over:
                raise backend.failure(name)
            now = time.monotonic()  # callbacks take time too
            if now >= deadline:
                raise too_late(job)
            next_look = min(deadline, next_poll, now + _REFRESHED) if live is not None else min(deadline, next_poll)
            job = backend.next_change(name, job, max(0.0, next_look - now))


def wait_until_gone(
    look: Callable[[], str | None], too_late: Callable[[str], Exception], *, started: float, wait: float
) -> None:
    """Return once nothing is left of what was deleted.

    Args:
        look: Returns what is left, in words; `None` when nothing is.
        too_late: The error for what is left when the time is up.
        started: When the waiting began, by `time.monotonic`.
        wait: Seconds to wait at most from then on.

    Raises:
        Exception: What `too_late` returns, and what `look` raises.
    """
    pause = _LOOK
    while (left := look()) is not None:
        remaining = started + wait - time.monotonic()
        if remaining <= 0:
            raise too_late(left)
        time.sleep(min(pause, remaining))
        pause = min(2 * pause, _LONGEST_LOOK)


def explained(explain: Callable[[], object]) -> str:
    """Return an explanation as text, or why there is none: for an error that must be said, whatever else cannot be."""
    try:
        return str(explain())
    except KubeflowError as error:
        return f"(No explanation could be had: {error})"


def check_times(timeout: object, polling_interval: object) -> None:
    """Refuse what is no time to wait.

    Raises:
        InvalidInput: One of them is no number of seconds greater than 0.
    """
    for field, value in (("timeout", timeout), ("polling_interval", polling_interval)):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
            raise InvalidInput(f"{field} is in seconds and must be greater than 0, not {value!r}.")
