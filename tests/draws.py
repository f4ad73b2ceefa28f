"""How many examples the slow property tests draw: few by default, since every run draws others.

`KUBEFLOW_TEST_DRAWS=5` draws five times as many, for a campaign by hand.
"""

from __future__ import annotations

import os

_TIMES = int(os.environ.get("KUBEFLOW_TEST_DRAWS", "1"))


def draws(few: int) -> int:
    """Return how many examples to draw where `few` are enough for one run."""
    return few * _TIMES
