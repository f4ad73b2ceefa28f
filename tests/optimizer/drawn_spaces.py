"""Search spaces and algorithms, drawn by Hypothesis."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from hypothesis import strategies as st

from kubeflow.optimizer import (
    CMAES,
    PBT,
    TPE,
    BaseAlgorithm,
    BayesianOptimization,
    CategoricalSearchSpace,
    ContinuousSearchSpace,
    Distribution,
    GridSearch,
    Hyperband,
    IntegerSearchSpace,
    RandomSearch,
    Sobol,
)
from kubeflow.optimizer.types.search_spaces import Space


class Color(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Layers:
    count: int


NAMES = st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), min_size=1, max_size=4, unique=True)
_CHOICES = st.sampled_from(
    [1, True, False, 1.0, "1", None, "$HOME", "it's", '"', "a b", "\\", "é", Color.RED, Layers(3), (1, 2), "", "1e-5"]
)
_FINITE = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 6))
_POSITIVE = st.floats(1e-6, 1e6).map(lambda value: round(value, 7))


def choices() -> st.SearchStrategy[CategoricalSearchSpace]:
    distinct = st.lists(_CHOICES, min_size=1, max_size=6, unique_by=lambda value: (type(value), repr(value)))
    return distinct.map(lambda values: CategoricalSearchSpace(tuple(values)))


def ints() -> st.SearchStrategy[IntegerSearchSpace]:
    plain = st.tuples(st.integers(-500, 500), st.integers(0, 400), st.integers(1, 9)).map(
        lambda drawn: IntegerSearchSpace(drawn[0], drawn[0] + drawn[1], drawn[2])
    )
    logarithmic = st.tuples(st.integers(1, 500), st.integers(0, 100_000)).map(
        lambda drawn: IntegerSearchSpace(drawn[0], drawn[0] + drawn[1], log=True)
    )
    return plain | logarithmic


def floats() -> st.SearchStrategy[ContinuousSearchSpace]:
    uniform = st.tuples(_FINITE, _FINITE).map(lambda ends: ContinuousSearchSpace(min(ends), max(ends)))
    logarithmic = st.tuples(_POSITIVE, _POSITIVE).map(
        lambda ends: ContinuousSearchSpace(min(ends), max(ends), Distribution.LOG_UNIFORM)
    )
    stepped = st.tuples(st.integers(-50, 50), st.integers(0, 60), st.sampled_from([0.1, 0.05, 0.25, 1.5])).map(
        lambda drawn: ContinuousSearchSpace(drawn[0] / 10, drawn[0] / 10 + drawn[1] * drawn[2], step=drawn[2])
    )
    normal = st.tuples(_FINITE, st.floats(0.01, 100)).map(
        lambda drawn: ContinuousSearchSpace(None, None, Distribution.NORMAL, mean=drawn[0], std=drawn[1])
    )
    lognormal = st.tuples(st.floats(-5, 5), st.floats(0.01, 3)).map(
        lambda drawn: ContinuousSearchSpace(None, None, Distribution.LOG_NORMAL, mean=drawn[0], std=drawn[1])
    )
    return uniform | logarithmic | stepped | normal | lognormal


def spaces(values: st.SearchStrategy[Space] | None = None) -> st.SearchStrategy[dict[str, Space]]:
    each: st.SearchStrategy[Space] = values if values is not None else choices() | ints() | floats()
    return NAMES.flatmap(
        lambda names: st.tuples(*(each for _ in names)).map(lambda drawn: dict(zip(names, drawn, strict=True)))
    )


def plain_numbers() -> st.SearchStrategy[Space]:
    """Ranges that every service draws as they are, or hardly otherwise."""
    whole = st.tuples(st.integers(-50, 50), st.integers(1, 300)).map(
        lambda drawn: IntegerSearchSpace(drawn[0], drawn[0] + drawn[1])
    )
    within_a_decade = st.tuples(_POSITIVE, st.floats(1.1, 9)).map(
        lambda drawn: ContinuousSearchSpace(drawn[0], drawn[0] * drawn[1])
    )
    return whole | within_a_decade


SEEDS = st.none() | st.integers(0, 2**31 - 1)
ALGORITHMS: st.SearchStrategy[BaseAlgorithm] = st.one_of(
    SEEDS.map(RandomSearch),
    SEEDS.map(GridSearch),
    st.builds(TPE, SEEDS, n_startup_trials=st.integers(0, 20), n_candidates=st.integers(1, 50)),
    st.builds(TPE, SEEDS, multivariate=st.just(False)),
    st.builds(BayesianOptimization, SEEDS, st.integers(1, 20)),
    st.builds(CMAES, SEEDS, restart_strategy=st.sampled_from([None, "ipop", "bipop"])),
    st.just(Sobol()),
    st.builds(Hyperband, st.integers(3, 30), st.just("a")),
    st.builds(PBT, st.integers(5, 9), st.sampled_from([0.1, 0.25])),
)
