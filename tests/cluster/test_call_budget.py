"""Requests of one call that fail share one budget, so that a call does not take the time of each of them."""

from __future__ import annotations

import time
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

    def send(self, request: Request) -> Mapping[str, object]:
        if self.works:
            return {"took": request.timeout}
        time.sleep(self.own if request.timeout is None else min(self.own, request.timeout))
        raise ServerFault("it fails", code=500)

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        self.send(request)
        yield b"line"


def test_requests_after_a_failure_get_the_time_that_is_left() -> None:
    transport = Failing(own=0.4)
    budget = CallBudget(transport, seconds=3.0)
    with pytest.raises(ServerFault):
        budget.send(Request("GET", "/a"))
    with pytest.raises(ServerFault):
        next(budget.lines(Request("GET", "/b")))
    transport.works = True
    (took,) = budget.send(Request("GET", "/c")).values()
    assert 2.0 < float(str(took)) < 2.3
    assert budget.send(Request("GET", "/c", timeout=0.5)) == {"took": 0.5}


def test_a_server_that_is_well_again_answers_although_the_budget_is_used_up() -> None:
    transport = Failing(own=0.3)
    budget = CallBudget(transport, seconds=0.2)
    with pytest.raises(ServerFault):
        budget.send(Request("GET", "/a"))
    transport.works = True
    assert budget.send(Request("GET", "/b")) == {"took": 2.0}
    assert list(budget.lines(Request("GET", "/b"))) == [b"line"]


def test_successes_cost_nothing() -> None:
    transport = Failing(own=9)
    transport.works = True
    budget = CallBudget(transport, seconds=5)
    for _ in range(3):
        assert budget.send(Request("GET", "/a")) == {"took": 5}
