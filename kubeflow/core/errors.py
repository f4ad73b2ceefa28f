"""The errors that every part of the SDK raises. An error is a type, the facts, and one remedy in words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class KubeflowError(RuntimeError):
    """Base of all errors of this SDK. Derives from `RuntimeError`, which the published SDK raised."""


class InvalidInput(KubeflowError, ValueError):
    """What the caller gave cannot work; raised before anything is sent or started."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `" Did you mean 'x'?"` for the closest known name, or an empty string when none is close."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""
