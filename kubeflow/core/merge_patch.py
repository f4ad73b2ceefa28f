"""The JSON merge patch (RFC 7386) that turns one object into another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast


def difference(old: Mapping[str, object], new: Mapping[str, object]) -> dict[str, object]:
    """Return the patch from `old` to `new`: what is gone is null, lists are replaced whole. Empty: they are equal."""
    patch: dict[str, object] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            inner = difference(cast("Mapping[str, object]", before), cast("Mapping[str, object]", value))
            if inner:
                patch[key] = inner
        elif key not in old or before != value:
            patch[key] = value
    return patch
