"""Waits grow, stay within their bound, and differ between clients."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeflow.core.backoff import backoff


def test_waits_double_up_to_the_longest() -> None:
    waits = [backoff(n, first=0.5, longest=3.0, spread=0) for n in range(1, 6)]

    assert waits == [0.5, 1.0, 2.0, 3.0, 3.0]


@pytest.mark.parametrize(("draw", "wait"), [(0.0, 0.5), (0.5, 0.75), (1.0, 1.0)])
def test_chance_decides_a_part_of_the_wait(draw: float, wait: float) -> None:
    assert backoff(1, first=1.0, longest=9.0, draw=draw) == wait


@given(st.integers(1, 10**6), st.floats(0.001, 10), st.floats(0, 1))
def test_no_number_of_failures_leads_out_of_bounds(failures: int, first: float, spread: float) -> None:
    longest = 20.0
    wait = backoff(failures, first=first, longest=longest, spread=spread)

    assert first * (1 - spread) * 0.999 <= wait <= longest
