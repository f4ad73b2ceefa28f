"""Search spaces: what is refused, and that every value survives the way through text with its type."""

from __future__ import annotations

import math
from enum import Enum
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeflow.core.errors import InvalidInput
from kubeflow.optimizer import (
    CategoricalSearchSpace,
    ContinuousSearchSpace,
    Distribution,
    IntegerSearchSpace,
    Objective,
    Search,
    TrialConfig,
)
from kubeflow.optimizer.types.search_spaces import BoundedSearchSpace

made: Any = Search  # at run time its methods return search spaces


class Color(Enum):
    RED = 1
    BLUE = "1"


FINITE = st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), FINITE, st.text(max_size=5), st.sampled_from(Color))


def distinct(values: list[object]) -> list[object]:
    """Leave out what another one equals that has its type: `(0,)` and `(False,)` are the same choice."""
    return [
        value
        for place, value in enumerate(values)
        if not any(type(value) is type(other) and value == other for other in values[:place])
    ]


CHOICES = st.lists(
    st.one_of(PLAIN, st.tuples(PLAIN), st.lists(PLAIN, max_size=2), st.dictionaries(st.text(max_size=2), PLAIN, max_size=2)),
    min_size=1, max_size=6,
).map(distinct)  # fmt: skip


@given(FINITE, FINITE, st.floats(0, 1))
def test_a_float_is_the_same_float_after_its_text(one: float, other: float, part: float) -> None:
    low, high = sorted((one / 2, other / 2))
    space: ContinuousSearchSpace = made.uniform(low, high)
    value = min(max(low + (high / 2 - low / 2) * part, low), high)
    read = space.decode(space.encode(value))
    assert type(read) is float
    assert read == value
    assert space.contains(read)


@given(st.integers(), st.integers(0, 10**6), st.integers(1, 1000), st.integers(0, 10**6))
def test_an_int_is_the_same_int_after_its_text(low: int, width: int, step: int, k: int) -> None:
    space: IntegerSearchSpace = made.int(low, low + width, step=step)
    value = low + step * (k % (width // step + 1))
    assert space.contains(value)
    read = space.decode(space.encode(value))
    assert type(read) is int
    assert read == value
    assert space.last in (value, space.last)
    assert space.contains(space.last)


@given(st.integers(-(2**53), 2**53))
def test_an_int_is_read_from_a_float_that_katib_wrote(value: int) -> None:
    assert made.int(-(2**53), 2**53).decode(f"{value}.0") == value
    assert type(made.int(0, 1).decode("1.000000")) is int


@given(CHOICES)
def test_a_choice_is_the_very_object_after_its_text(values: list[object]) -> None:
    space: CategoricalSearchSpace = made.choice(values)
    for value in values:
        read = space.decode(space.encode(value))
        assert read is value
        assert space.contains(read)
    assert space.decode("0.0") is values[0]


def test_equal_values_of_different_types_are_different_choices() -> None:
    space: CategoricalSearchSpace = made.choice([True, 1, 1.0, "1", Color.RED, Color.BLUE, None, "None"])
    assert [space.decode(space.encode(value)) for value in space.choices] == list(space.choices)
    assert [type(space.decode(space.encode(value))) for value in (1, True, 1.0)] == [int, bool, float]
    assert not space.contains(Fraction(1))


@given(st.decimals(-1000, 1000, places=3), st.decimals("0.001", 10, places=3), st.integers(0, 300))
def test_steps_are_exact(low: Any, step: Any, count: int) -> None:
    space: ContinuousSearchSpace = made.uniform(float(low), float(low + count * step), step=float(step))
    points = [float(low + k * step) for k in range(count + 1)]
    assert space.grid() == points
    assert space.size == count + 1
    assert [space.place(value) for value in points] == list(range(count + 1))
    assert all(space.contains(value) for value in points)
    assert not any(space.contains(math.nextafter(value, math.inf)) for value in points)


def test_a_tenth_ten_times_is_one() -> None:
    assert made.uniform(0.1, 1.0, step=0.1).grid() == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: made.uniform(1, 0), "min 1.0 is above max 0.0"),
        (lambda: made.int(2, 1), "min 2 is above max 1"),
        (lambda: made.loguniform(0, 1), "has no logarithm"),
        (lambda: made.int(0, 5, log=True), "has no logarithm"),
        (lambda: made.int(1, 5, log=True, step=2), "exclude each other"),
        (lambda: made.uniform(math.nan, 1), "finite"),
        (lambda: made.uniform(0, math.inf), "finite"),
        (lambda: made.uniform(-1.7e308, 1.7e308), "so far apart that floats overflow"),
        (lambda: made.uniform(0, 1, step=0), "above 0"),
        (lambda: made.uniform(0, 1, step=1e-30), "more than 1,000,000 values"),
        (lambda: made.uniform(True, 2), "must be a number, not True"),
        (lambda: made.int(1.5, 2), "whole number, not 1.5"),
        (lambda: made.choice([]), "choice of nothing"),
        (lambda: made.choice("adam"), "takes a list"),
        (lambda: made.choice([1, 2, 1]), "comes twice"),
        (lambda: made.choice([(0,), (False,)]), "comes twice"),
        (lambda: made.normal(0), "needs mean and std, or min and max"),
        (lambda: made.normal(0, -1), "std must be above 0"),
        (lambda: made.normal(0, 1, min=9), "Hardly any value of this normal distribution is between min=9.0"),
        (lambda: made.lognormal(0, 1, min=0), "has no logarithm"),
        (lambda: Search(min="a", max=2), "must be a number, not 'a'"),
        (lambda: made(min=1, max=2, distribution="logUniforn"), "Did you mean 'logUniform'"),
        (lambda: made.uniform(0, 1).decode("nan"), "finite"),
        (lambda: made.int(0, 9).decode("1.5"), "whole number"),
        (lambda: made.choice([1, 2]).decode("2"), "no place among 2 choices"),
        (lambda: made.choice([1, 2]).encode(True), "none of the choices"),
        (lambda: TrialConfig(0), "num_trials must be a whole number of at least 1"),
        (lambda: TrialConfig(2, 9), "parallel_trials=9 is above num_trials=2"),
        (lambda: TrialConfig(2, max_failed_trials=-1), "max_failed_trials"),
        (lambda: TrialConfig(timeout=0), "timeout must be a number of seconds"),
        (lambda: Objective(""), "metric must be a non-empty string"),
        (lambda: Objective("loss", "smallest"), "'minimize' or 'maximize'"),  # type: ignore[arg-type]
        (lambda: Objective("loss", goal=math.nan), "goal must be a finite number"),
        (lambda: Objective("loss", goal="0.5"), "goal must be a finite number, not '0.5'"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_words(wrong: Any, words: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        wrong()
    assert words in str(raised.value)


def test_the_proposals_search_is_of_the_type_of_its_place() -> None:
    space: BoundedSearchSpace = made(min="4", max="8", distribution="uniform")
    assert space.resolve(int) == IntegerSearchSpace(4, 8)
    assert space.resolve(float) == ContinuousSearchSpace(4.0, 8.0)
    with pytest.raises(InvalidInput, match=r"may be of ints or of floats: write Search\.int"):
        space.resolve(None)
    assert made(min="0.01", max="0.1", distribution="logNormal").resolve(None) == ContinuousSearchSpace(
        0.01, 0.1, Distribution.LOG_NORMAL
    )


def test_bounds_of_a_normal_distribution_are_three_deviations_away_as_katib_reads_them() -> None:
    assert made.normal(min=0, max=6).normal_parameters == (3.0, 1.0)
    mean, std = made.lognormal(min=1, max=math.e**6).normal_parameters
    assert (mean, std) == pytest.approx((3.0, 1.0))
    assert made.normal(5, 2).normal_parameters == (5.0, 2.0)


def test_published_signatures_take_what_they_took() -> None:
    from kubeflow.optimizer.types.optimization_types import Direction, OptimizationJob, Result
    from kubeflow.optimizer.types.search_types import CategoricalSearchSpace as Published
    from kubeflow.optimizer.types.trials import Metric, Trial

    assert made.uniform("0.1", "1") == ContinuousSearchSpace(0.1, 1.0, Distribution.UNIFORM)
    assert Published([16, 32]).choices == (16, 32)
    assert Objective("acc", "maximize").direction is Direction.MAXIMIZE
    assert Result(parameters={}, metrics=[Metric(name="loss", min=0.1, max=0.2, latest=0.1)]).metrics[0].min == 0.1
    assert {"name", "search_space", "objectives", "algorithm", "trial_config", "trials", "creation_timestamp", "status"} <= set(
        OptimizationJob.__dataclass_fields__
    )  # fmt: skip
    assert list(Trial.__dataclass_fields__)[:2] == ["name", "parameters"]
