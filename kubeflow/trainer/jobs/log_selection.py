"""Which lines of a job's logs are read, the same on every backend, and the check of what a user asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class LogSelection:
    """Which lines of a job's logs are read.

    Attributes:
        step: One step; `None` for all, each line prefixed with where it comes from.
        container: A container of the pods of a cluster's job; `None` for the main one.
        after: The `position` of an earlier reading: begin with the line that followed. `None`: with the first line.
        tail_lines: The last lines of each log, at most so many; `None` for all.
        since: Lines written since this time, which has an offset from UTC; `None` for all.
    """

    step: str | None = None
    container: str | None = None
    after: str | None = None
    tail_lines: int | None = None
    since: datetime | None = None

    __repr__ = repr_of_fields


def log_selection(
    step: str | None,
    *,
    container: str | None,
    after: str | None,
    tail_lines: int | None,
    since: datetime | timedelta | None,
) -> LogSelection:
    """Return the selection that the arguments of `TrainerClient.get_job_logs` mean.

    Raises:
        InvalidInput: An argument is none, or two of them say where to begin.
    """
    if container is not None and not (isinstance(container, str) and container):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput(f"container= is the name of a container, or None for the main one, not {container!r}.")
    if tail_lines is not None and not _is_count(tail_lines):
        raise InvalidInput(f"tail_lines= is a number of lines, at least 0, or None for all, not {tail_lines!r}.")
    begin = None if since is None else _moment(since)
    if after is not None and (tail_lines is not None or since is not None):
        other = "since=" if tail_lines is None else "tail_lines="
        raise InvalidInput(f"after= and {other} both say where to begin: give one of them.")
    return LogSelection(step, container, after, tail_lines, begin)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _moment(since: object) -> datetime:
    if isinstance(since, timedelta):
        if since < timedelta(0):
            raise InvalidInput(f"since= is how long ago, so that it is not negative: {since!r}.")
    elif not isinstance(since, datetime):
        raise InvalidInput(
            f"since= is a datetime, or a timedelta for how long ago, not {since!r}: since=timedelta(minutes=5)."
        )
    elif since.tzinfo is None:
        raise InvalidInput(
            f"since={since!r} names no offset from UTC: write {since!r}.astimezone() for the time of this machine, or "
            "a timedelta for how long ago."
        )
    try:
        return datetime.now(UTC) - since if isinstance(since, timedelta) else since.astimezone(UTC)
    except OverflowError:  # before the year 1
        return datetime.min.replace(tzinfo=UTC)
