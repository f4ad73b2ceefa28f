"""Which of several failed ranks or containers failed first."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from kubeflow.trainer.diagnosis.first_failure import first_of, in_order


@dataclass(frozen=True)
class Part:
    name: str
    ended_at: float
    told_to_end: bool = False
    killed: bool = False


@pytest.mark.parametrize(
    ("first", "others"),
    [
        (Part("raised", 1), [Part("raised later", 2)]),
        (Part("raised", 2), [Part("told to end, and gone sooner", 1, told_to_end=True)]),
        (Part("killed", 1.9, killed=True), [Part("noticed", 1), Part("noticed too", 1.5)]),
        (Part("raised", 1), [Part("killed long after", 9, killed=True)]),
        (Part("killed", 1, killed=True), [Part("killed later", 1.1, killed=True)]),
        (Part("told to end", 1, told_to_end=True), []),
        (Part("at a time", 5), [Part("nobody knows when", float("inf"))]),
        (Part("killed", 2, killed=True), [Part("told", 1, told_to_end=True), Part("noticed", 1.2)]),
    ],
    ids=lambda part: part.name if isinstance(part, Part) else "",
)
def test_the_first_failure_is_found_in_whatever_order_they_are_told(first: Part, others: list[Part]) -> None:
    parts = [first, *others]
    for seed in range(6):
        random.Random(seed).shuffle(parts)
        assert first_of(parts, within=1) == first


def test_without_failures_there_is_no_first_one() -> None:
    assert first_of((), within=1) is None


def test_what_was_told_to_end_comes_last_and_equals_keep_their_order() -> None:
    told, one, other = Part("told", 0, told_to_end=True), Part("one", 1), Part("other", 1)
    assert in_order([told, one, other]) == [one, other, told]
