"""Requests of one call that fail share one budget, so that a call does not take the time of each of them."""

from __future__ import annotations

from collections.abc import Generator, Mapping

import pytest

from kubeflow.cluster import ServerFault
from kubeflow.cluster.call_budget import CallBudget
from kubeflow.core.transport import Request


class Failing:
    """A transport to a server that fails, and that tries again until the time of each request is up."""

    def __init__(self, own: float) -> None:
        self.own = own
        self.works = False
        self.now = 0.0  # by the clock of the test

    def send(self, request: Request) -> Mapping[str, object]:
        if self.works:
            return {"allowed": request.timeout}
        self.now += self.own if request.timeout is None else min(self.own, request.timeout)
        raise ServerFault("it fails", code=500)

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        self.send(request)
        yield b"line"


def test_requests_after_a_failure_get_the_time_that_is_left() -> None:
    transport = Failing(own=0.5)
    budget = CallBudget(transport, seconds=4.0, clock=lambda: transport.now)
    with pytest.raises(ServerFault):
        budget.send(Request("GET", "/a"))
    with pytest.raises(ServerFault):
        next(budget.lines(Request("GET", "/b")))
    transport.works = True
    assert budget.send(Request("GET", "/c")) == {"allowed": 3.0}
    assert budget.send(Request("GET", "/c", timeout=0.5)) == {"allowed": 0.5}


def test_a_server_that_is_well_again_answers_although_the_budget_is_used_up() -> None:
    transport = Failing(own=0.3)
    budget = CallBudget(transport, seconds=0.2, clock=lambda: transport.now)
    with pytest.raises(ServerFault):
        budget.send(Request("GET", "/a"))
    transport.works = True
    assert budget.send(Request("GET", "/b")) == {"allowed": 2.0}
    assert list(budget.lines(Request("GET", "/b"))) == [b"line"]


def test_successes_cost_nothing() -> None:
    transport = Failing(own=9)
    transport.works = True
    budget = CallBudget(transport, seconds=5)
    for _ in range(3):
        assert budget.send(Request("GET", "/a")) == {"allowed": 5}
