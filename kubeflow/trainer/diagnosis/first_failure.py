"""Which of several failed ranks, nodes or containers failed first: the others failed because of that one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar


class FailedPart(Protocol):
    """A rank, node or container that ended with an exit code other than 0."""

    @property
    def ended_at(self) -> float:
        """When it ended, in seconds since the epoch; infinity when that is not known."""
        ...

    @property
    def told_to_end(self) -> bool:
        """True when SIGTERM ended it: launchers and controllers send it to all others when one part has failed."""
        ...

    @property
    def killed(self) -> bool:
        """True when another signal than SIGTERM, or a lack of memory, ended it."""
        ...


Part = TypeVar("Part", bound=FailedPart)


def in_order(failed: Iterable[Part]) -> list[Part]:
    """Return failed parts in the order in which they ended, those that were told to end after all others."""
    return sorted(failed, key=lambda part: (part.told_to_end, part.ended_at))


def first_of(failed: Iterable[Part], within: float) -> Part | None:
    """Return the part that failed first; `None` when there is none.

    When a rank is killed, its connections break. Its peers raise for that, and may be recorded before it.

    Args:
        failed: The parts that failed.
        within: Seconds after the first failure within which a killed part is still its cause.
    """
    parts = in_order(failed)
    if not parts:
        return None
    latest = parts[0].ended_at + within
    return next((part for part in parts if part.killed and part.ended_at <= latest), parts[0])
