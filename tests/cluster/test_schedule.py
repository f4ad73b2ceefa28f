"""When something that may not be watched is looked at, by a clock that the tests turn."""

from __future__ import annotations

from collections.abc import Container
from itertools import pairwise

from kubeflow.cluster.pods.schedule import Pace, PollSchedule

PACE = Pace()


def looks(
    schedule: PollSchedule, until: float, *, news: Container[int] = (), hints: list[float] | None = None
) -> list[float]:
    """Return when looks are taken; those whose numbers are in `news` show something new."""
    taken: list[float] = []
    due = sorted(hints or [])
    while True:
        if due and due[0] <= min(schedule.due, until):
            schedule.hint(due.pop(0))
            continue
        if schedule.due > until:
            return taken
        schedule.looking()
        taken.append(schedule.due)
        schedule.looked(schedule.due, changed=len(taken) in news)


def hinted() -> PollSchedule:
    schedule = PollSchedule(PACE, 0)
    schedule.hints_come(0.1)
    return schedule


def test_with_hints_nothing_that_happens_costs_two_looks_in_ten_minutes() -> None:
    for _ in range(200):  # it is jittered
        taken = looks(hinted(), 600)
        assert len(taken) == 2, taken
        assert taken[0] < 5, "what happened before hints came is seen"
        assert len(looks(hinted(), 3600)) <= 12


def test_without_hints_looks_come_at_growing_distances_and_never_far_apart() -> None:
    taken = looks(PollSchedule(PACE, 0), 3600)
    distances = [later - earlier for earlier, later in pairwise(taken)]
    assert taken[0] <= 2.5
    assert max(distances) <= 1.1 * PACE.longest_poll
    assert len(taken) < 45
    assert all(later > earlier for earlier, later in pairwise(distances[:5]))


def test_a_hint_is_followed_by_looks_at_once_and_again_a_little_later() -> None:
    for at in (100.0, 333.0, 345.0, 500.0):
        taken = [look for look in looks(hinted(), at + 30, hints=[at]) if look >= at]
        assert len(taken) >= 2, at
        assert taken[0] <= at + 3
        assert taken[1] <= at + 10


def test_what_moves_is_looked_at_until_it_rests() -> None:
    taken = looks(hinted(), 300, hints=[100.0], news=range(2, 12))
    moving = [look for look in taken if look >= 100]
    assert len(moving) >= 11
    assert moving[-1] < 160


def test_hints_at_nothing_are_followed_less_and_less() -> None:
    taken = looks(hinted(), 1000, hints=[100 + 3.0 * number for number in range(200)])
    assert len(taken) < 20


def test_without_hints_any_more_looks_come_by_themselves() -> None:
    schedule = hinted()
    looks(schedule, 100)
    schedule.hints_fail()
    assert len(looks(schedule, 700)) > 5


def test_a_call_is_answered_by_a_look_that_begins_after_it() -> None:
    schedule = hinted()
    looks(schedule, 100)
    schedule.looking()
    schedule.call(100.5)
    assert schedule.outdated
    schedule.looked(101, changed=True)
    assert schedule.outdated, "that look had begun before"
    assert schedule.due <= 101
    schedule.looking()
    schedule.looked(103, changed=False)
    assert not schedule.outdated


def test_a_look_that_fails_is_repeated_at_growing_distances() -> None:
    schedule = hinted()
    taken: list[float] = []
    while len(taken) < 6:
        taken.append(schedule.due)
        schedule.failed(schedule.due)
    assert all(later > earlier + 1 for earlier, later in pairwise(taken))
    assert taken[-1] < 150
    schedule.looking()
    schedule.looked(200, changed=True)
    assert schedule.due < 205
