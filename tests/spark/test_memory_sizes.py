"""Amounts of memory, in the notation of Kubernetes and in that of Spark."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeflow.core.errors import InvalidInput
from kubeflow.core.quantity import Quantity
from kubeflow.spark.types.memory_sizes import LEAST, MEBIBYTE, memory_bytes, spark_memory

KUBERNETES = ("Ki", "Mi", "Gi", "Ti", "Pi", "M", "G", "T", "P")
SPARK = {letter: 1024**power for power, letter in enumerate("kmgtp", start=1)}


def spark_reads(text: str) -> int:
    """Return the bytes that Spark's own parser makes of a text (JavaUtils.byteStringAs)."""
    match = re.fullmatch(r"([0-9]+)([a-z]+)", text.lower())
    assert match is not None
    return int(match[1]) * int(SPARK[match[2].removesuffix("b")])


@given(st.integers(1, 10**9), st.sampled_from(KUBERNETES))
def test_what_kubernetes_reads_is_what_is_asked_for(number: int, unit: str) -> None:
    text = f"{number}{unit}"
    meant = Quantity(text).value
    if meant < LEAST:
        with pytest.raises(InvalidInput, match="give it a unit"):
            memory_bytes(text, "memory")
    else:
        assert memory_bytes(text, "memory") == math.ceil(meant)


@given(st.integers(1, 10**6), st.sampled_from(sorted(SPARK)), st.sampled_from(["", "b", "B"]))
def test_what_spark_reads_is_what_is_asked_for(number: int, unit: str, end: str) -> None:
    text = f"{number}{unit}{end}"
    if (meant := spark_reads(text)) >= LEAST:
        assert memory_bytes(text, "memory") == meant


@given(st.integers(LEAST, 2**50))
def test_spark_gets_what_was_asked_for_and_less_than_a_mebibyte_more(amount: int) -> None:
    text = spark_memory(memory_bytes(amount, "memory"))
    assert 0 <= spark_reads(text) - amount < MEBIBYTE
    assert memory_bytes(text, "memory") == spark_reads(text)


@given(st.fractions(Fraction(1), Fraction(4096), max_denominator=8), st.sampled_from(["Gi", "g", "gb"]))
def test_fractions_are_taken_in_either_notation(number: Fraction, unit: str) -> None:
    assert memory_bytes(f"{float(number)}{unit}", "memory") == math.ceil(number * 2**30)


@pytest.mark.parametrize(
    ("text", "mebibytes"), [("8Gi", 8192), ("8g", 8192), ("8GB", 8192), ("512m", 512), ("1.5Gi", 1536), ("8G", 7630)]
)
def test_the_notations_that_people_write(text: str, mebibytes: int) -> None:
    assert spark_memory(memory_bytes(text, "memory")) == f"{mebibytes}m"


@pytest.mark.parametrize(
    "text", ["", "8", "4096", 4096, "8x", "8 G i", "-1Gi", "1e3", "ein Gi", "8Gib", None, True, [8]]
)
def test_what_is_no_amount_is_refused_with_what_to_write(text: object) -> None:
    with pytest.raises(InvalidInput, match=r"memory.*(Gi|unit)"):
        memory_bytes(text, "memory")
