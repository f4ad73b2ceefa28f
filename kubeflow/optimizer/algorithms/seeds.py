"""Seeds that follow from the search's and a trial's number, so that a search goes on after a crash."""

from __future__ import annotations

import hashlib

_BITS = 32  # what numpy's RandomState takes


def derived_seed(seed: int, *path: object) -> int:
    """Return a seed below 2^32 for a part of a search.

    Args:
        seed: The search's.
        path: The part: the trial's number, how often it was drawn, the parameter.
    """
    text = ":".join(map(str, (seed, *path)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[: _BITS // 8], "big")
