"""Counts what becomes of the corpus on a side: for the benchmarks."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.packaging.differential.cases import Case, corpus
from tests.packaging.differential.judge import Player

_PLAYERS = 2


def tally(side: str, *, path: str = "", every: int = 1) -> dict[str, int]:
    """Play the corpus on a side and count: `right`, `refused`, and `wrong` (in silence, or by failing in the job).

    Args:
        side: `ours`, `cloudpickle` or `published`.
        path: A folder that comes first on the module path of the session, where `kubeflow` is the published package.
        every: 1 plays all cases; n plays every n-th of those that do without torch, whose start takes seconds.
    """
    cases = corpus() if every == 1 else [case for case in corpus() if not case.name.startswith("torch/")][::every]
    with ThreadPoolExecutor(_PLAYERS) as pool:
        shares = pool.map(_played, [(side, path, cases[start::_PLAYERS]) for start in range(_PLAYERS)])
        counts = sum(shares, Counter[str]())
    return {"right": counts["right"], "refused": counts["refused"], "wrong": counts["different"] + counts["failed"]}


def _played(share: tuple[str, str, Sequence[Case]]) -> Counter[str]:
    side, path, cases = share
    player = Player(side, path=path)
    counts: Counter[str] = Counter()
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            counts[player.play(case, Path(folder)).kind] += 1
    player.close()
    return counts
