"""Quantities compare by value and are sent as written."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeflow.core.errors import InvalidInput
from kubeflow.core.quantity import Quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"),
        ("100m", "0.1"),
        ("1.5", "1.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("+2", "2"),
        ("-1k", "-1000"),
        ("1Ki", "1024"),
        ("1.5Gi", "1610612736"),
        ("1e3", "1000"),
        ("12E", "12000000000000000000"),
        ("12E3", "12000"),
        ("1e-3", "0.001"),
        ("7n", "0.000000007"),
        ("3u", "0.000003"),
        ("2Ei", str(2 * 1024**6)),
        (4, "4"),
    ],
)
def test_value(text: str | int, value: str) -> None:
    assert Quantity(text).value == Decimal(value)
    assert Quantity(text).raw == text


@pytest.mark.parametrize("text", ["", "1 Gi", "Gi", "1gi", "1KiB", "1e", "1e1.5", "--1", "١", "1\n", "0x10", "nan", "inf"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="no quantity"):
        Quantity(text)


@pytest.mark.parametrize("value", [True, None, [], float("nan"), float("inf")])
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises(InvalidInput):
        Quantity(value)  # type: ignore[arg-type]


def test_comparison_is_by_value() -> None:
    assert Quantity("1Gi") == "1024Mi" == Quantity("1048576Ki")
    assert Quantity("500m") < 1 < Quantity("1500m") <= "1.5"
    assert Quantity("2") == 2 == Quantity(2)
    assert Quantity("1") != "no quantity"
    assert Quantity("1") != None  # noqa: E711
    assert max(Quantity("900Mi"), Quantity("1Gi"), Quantity("1G")) == "1Gi"
    assert Quantity("1Gi") > Quantity("1G")
    with pytest.raises(TypeError):
        _ = Quantity("1") < []  # type: ignore[operator]


def test_whole_units_are_rounded_up_as_kubernetes_does() -> None:
    assert int(Quantity("100m")) == 1
    assert int(Quantity("-1500m")) == -1
    assert float(Quantity("1500m")) == 1.5


def test_an_absurd_exponent_is_refused_before_it_takes_memory() -> None:
    with pytest.raises(InvalidInput, match="out of range"):
        _ = Quantity("1e999999999").value


def test_it_is_not_hashable_because_equal_ones_have_different_texts() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Quantity("1"))


@given(st.integers(-(10**12), 10**12), st.sampled_from(["", "m", "k", "M", "Ki", "Mi", "Gi", "e2"]))
def test_order_agrees_with_arithmetic(number: int, suffix: str) -> None:
    factor = {"": 1, "m": Decimal("0.001"), "k": 1000, "M": 10**6, "Ki": 1024, "Mi": 1024**2, "Gi": 1024**3, "e2": 100}
    quantity = Quantity(f"{number}{suffix}")
    assert quantity.value == number * Decimal(factor[suffix])
    assert (quantity < 5) == (number * Decimal(factor[suffix]) < 5)
