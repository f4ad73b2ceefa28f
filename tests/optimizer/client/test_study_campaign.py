"""A search survives kill -9 of whatever belongs to it; the number of rounds is `KUBEFLOW_TEST_STUDY_ROUNDS`."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.optimizer.client.study_campaign import play

ROUNDS = int(os.environ.get("KUBEFLOW_TEST_STUDY_ROUNDS", "2"))


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_nothing_is_lost_run_twice_or_left_over(round_: int, tmp_path: Path) -> None:
    play(tmp_path, random.SystemRandom().randrange(10**6))
