"""Registry of the objects that have threads, locks or connections: each is told after a fork, in the child process."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forked(Protocol):
    """Something that has threads, locks or connections."""

    def after_fork(self) -> None:
        """Share none of these with the parent process; called in the child."""
        ...


def tell(whom: Forked) -> None:
    """Call `whom.after_fork()` in every process that is forked from this one, as long as `whom` is in use."""
    _all.add(whom)


_all: weakref.WeakSet[Forked] = weakref.WeakSet()


def _after_fork() -> None:
    for each in list(_all):
        each.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
