"""IntOrString keeps the difference between 5 and "5", and knows percentages."""

from __future__ import annotations

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.core.int_or_string import IntOrString


def test_equal_to_what_was_written_only() -> None:
    assert IntOrString(80) == 80 == IntOrString(80)
    assert IntOrString("http") == "http"
    assert IntOrString(5) != "5"
    assert IntOrString("5") != 5
    assert len({IntOrString(5), IntOrString(5), IntOrString("5")}) == 2


@pytest.mark.parametrize(
    ("value", "total", "round_up", "expected"),
    [("25%", 10, True, 3), ("25%", 10, False, 2), ("0%", 7, True, 0), ("100%", 7, False, 7), (4, 100, True, 4)],
)
def test_a_percentage_of_a_total(value: int | str, total: int, round_up: bool, expected: int) -> None:
    assert IntOrString(value).of(total, round_up=round_up) == expected


def test_numbers_in_strings() -> None:
    assert int(IntOrString("8080")) == 8080
    assert IntOrString("25%").is_percent
    assert not IntOrString("http").is_percent
    with pytest.raises(InvalidInput, match="no number"):
        int(IntOrString("http"))
    with pytest.raises(InvalidInput, match="percentage"):
        IntOrString("http").of(3)


@pytest.mark.parametrize("value", [True, 1.5, None])
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises(InvalidInput):
        IntOrString(value)  # type: ignore[arg-type]
