"""Fewer points of a curve than there are, so that it looks the same: what is smallest and largest anywhere stays."""

from __future__ import annotations

import math
from collections.abc import Sequence


def downsampled(values: Sequence[float], most: int) -> list[int]:
    """Return the indices of the values that stand for all of them, ascending.

    The values are cut into intervals of one length. Of each its smallest and its largest finite value stay, and its
    first one that is NaN or infinite. So do the first and the last value of all.

    Args:
        values: The curve, in its order.
        most: How many indices there may be, at least 8, but for values that are not finite: of those up to half as
            many come on top.
    """
    if len(values) <= most:
        return list(range(len(values)))
    intervals = max(1, (max(8, most) - 2) // 2)
    kept = {0, len(values) - 1}
    for interval in range(intervals):
        low, high, odd = -1, -1, -1
        for index in range(interval * len(values) // intervals, (interval + 1) * len(values) // intervals):
            value = values[index]
            if not math.isfinite(value):
                if odd < 0:
                    odd = index
            elif low < 0:
                low = high = index
            elif value < values[low]:
                low = index
            elif value > values[high]:
                high = index
        kept |= {index for index in (low, high, odd) if index >= 0}
    return sorted(kept)
