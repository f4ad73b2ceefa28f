"""How long a call goes on after failures: one budget, whatever number of requests fails."""

from __future__ import annotations

import math
import time

from kubeflow.core.patience import Patience


def until_given_up(patience: Patience) -> float:
    """Fail until patience is over, and return the seconds that this took."""
    started = time.monotonic()
    while (pause := patience.failed()) is not None:
        time.sleep(pause)
    return time.monotonic() - started


def test_pauses_grow_and_end_within_the_budget() -> None:
    patience = Patience(0.5, first=0.02, longest=0.1)
    assert until_given_up(patience) < 0.6
    assert 4 < patience.failures < 30


def test_a_server_that_says_when_is_not_asked_earlier_nor_waited_for_beyond_the_budget() -> None:
    patience = Patience(5)
    assert patience.failed(retry_after=3) == 3
    assert patience.failed(retry_after=60) is None


def test_a_success_in_between_does_not_begin_the_budget_anew() -> None:
    patience = Patience(0.5, first=0.02, longest=0.1)
    until_given_up(patience)
    patience.worked()
    assert until_given_up(patience) < 0.1


def test_single_breaks_cost_nothing_of_it() -> None:
    patience = Patience(0.3, first=0.01, longest=0.1)
    for _ in range(50):
        pause = patience.failed()
        assert pause is not None
        time.sleep(pause)
        patience.worked()
    assert patience.left == 0.3


def test_without_a_limit_a_call_goes_on_until_it_is_given_one() -> None:
    patience = Patience(first=0.01, longest=0.02)
    for _ in range(100):
        assert patience.failed() is not None
    assert math.isinf(patience.left)
    patience.limit(0.2)
    assert until_given_up(patience) < 0.3
    patience.limit(60)  # the first limit counts
    assert patience.failed() is None
