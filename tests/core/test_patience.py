"""How long a call goes on after failures: one budget, whatever number of requests fails."""

from __future__ import annotations

import math

from kubeflow.core.patience import Patience


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def until_given_up(patience: Patience, clock: Clock) -> float:
    """Fail until patience is over, and return the seconds that this took."""
    started = clock()
    while (pause := patience.failed()) is not None:
        clock.sleep(pause)
    return clock() - started


def test_pauses_grow_and_end_within_the_budget() -> None:
    clock = Clock()
    patience = Patience(0.5, first=0.02, longest=0.1, clock=clock)
    assert 0.4 <= until_given_up(patience, clock) <= 0.5
    assert 4 < patience.failures < 30


def test_a_server_that_says_when_is_not_asked_earlier_nor_waited_for_beyond_the_budget() -> None:
    patience = Patience(5, clock=Clock())
    assert patience.failed(retry_after=3) == 3
    assert patience.failed(retry_after=60) is None


def test_a_success_in_between_does_not_begin_the_budget_anew() -> None:
    clock = Clock()
    patience = Patience(0.5, first=0.02, longest=0.1, clock=clock)
    until_given_up(patience, clock)
    patience.worked()
    assert until_given_up(patience, clock) <= 0.1


def test_single_breaks_cost_nothing_of_it() -> None:
    clock = Clock()
    patience = Patience(0.3, first=0.01, longest=0.1, clock=clock)
    for _ in range(50):
        pause = patience.failed()
        assert pause is not None
        clock.sleep(pause)
        patience.worked()
    assert patience.left == 0.3


def test_without_a_limit_a_call_goes_on_until_it_is_given_one() -> None:
    clock = Clock()
    patience = Patience(first=0.01, longest=0.02, clock=clock)
    for _ in range(100):
        assert patience.failed() is not None
    assert math.isinf(patience.left)
    patience.limit(0.2)
    assert 0.18 <= until_given_up(patience, clock) <= 0.2
    patience.limit(60)  # the first limit counts
    clock.sleep(0.02)  # pauses vary; now there is no time left for any
    assert patience.failed() is None
