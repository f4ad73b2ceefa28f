"""The rules for sending again, one by one."""

from __future__ import annotations

import pytest

from kubeflow.cluster.retries import FailedAttempt, pause
from kubeflow.core.transport import Request

READ = Request("GET", "/x")
WRITE = Request("PATCH", "/x")
TWICE = Request("POST", "/x", repeatable=True)


@pytest.mark.parametrize(
    ("failure", "again"),
    [  # a read, a write, a write that may be done twice
        (FailedAttempt(429), (True, True, True)),
        (FailedAttempt(500), (True, False, True)),
        (FailedAttempt(503, retry_after=1), (True, True, True)),
        (FailedAttempt(501), (False, False, False)),
        (FailedAttempt(404), (False, False, False)),
        (FailedAttempt(409), (False, False, False)),
        (FailedAttempt(sent=True), (True, False, True)),
        (FailedAttempt(sent=False), (True, True, True)),
        (FailedAttempt(sent=False, lasting=True), (False, False, False)),
    ],
)
def test_who_is_asked_again(failure: FailedAttempt, again: tuple[bool, bool, bool]) -> None:
    assert tuple(pause(request, failure, 1) is not None for request in (READ, WRITE, TWICE)) == again


def test_pauses_grow_to_a_limit_and_end() -> None:
    longest = [pause(READ, FailedAttempt(503), attempt, 1.0) for attempt in range(1, 11)]
    assert longest == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 5.0, None]
    shortest = [pause(READ, FailedAttempt(503), attempt, 0.0) for attempt in range(1, 10)]
    assert shortest == [0.1, 0.2, 0.4, 0.8, 1.6, 2.5, 2.5, 2.5, 2.5]
    assert [pause(READ, FailedAttempt(), attempt) is None for attempt in (4, 5)] == [False, True]


def test_the_server_is_never_asked_earlier_than_it_wants() -> None:
    assert pause(WRITE, FailedAttempt(429, retry_after=10), 1, 0.0) == 10
    assert pause(WRITE, FailedAttempt(429, retry_after=10), 9, 1.0) == 11
    assert pause(WRITE, FailedAttempt(429, retry_after=0), 1, 1.0) == pytest.approx(0.2)


def test_many_clients_do_not_come_back_together() -> None:
    assert len({pause(READ, FailedAttempt(503), 3) for _ in range(20)}) > 10
