"""Values of any search space, drawn by every algorithm: inside of it, of its type, and the same again from rows alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kubeflow.optimizer import CMAES, NSGAII, PBT, TPE, CategoricalSearchSpace, RandomSearch, Sobol, TrialConfig
from kubeflow.optimizer.algorithms.quantiles import value_at
from kubeflow.optimizer.types.search_spaces import Space
from tests.optimizer.drawn_spaces import spaces
from tests.optimizer.searches import made, play, search

WIDE: dict[str, Any] = {
    "one": made.uniform(0.3, 0.3), "tiny": made.uniform(1e-300, 2e-300), "huge": made.uniform(-1e100, 1e100),
    "log": made.loguniform(1e-300, 1e300), "single": made.choice([None]), "long": made.int(1, 1, log=True),
    "bits": made.int(-(2**40), 2**40, step=3), "narrow": made.normal(0, 1e-6, min=-1e-6), "far": made.normal(0, 1, min=3, max=4),
}  # fmt: skip


def worth(parameters: Mapping[str, Any]) -> float:
    return float(len(repr(parameters)) % 7)


@pytest.mark.parametrize("algorithm", [RandomSearch(1), Sobol(1), TPE(1, 2), TPE(1, 2, multivariate=False), NSGAII(1, 2), PBT(3, random_state=1), CMAES(1)])  # fmt: skip
@given(space=spaces())
@example(space=WIDE)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_value_is_in_its_space_and_of_its_type_and_comes_again(algorithm: Any, space: dict[str, Space]) -> None:
    if isinstance(algorithm, CMAES) and all(isinstance(each, CategoricalSearchSpace) for each in space.values()):
        return  # refused before
    spec = search(algorithm, space, config=TrialConfig(7))
    rows = play(spec, objective=worth)
    assert len(rows) == 7
    for trial in rows:
        assert {name: space[name].contains(value) for name, value in trial.parameters.items()} == dict.fromkeys(space, True), trial  # fmt: skip
    assert play(spec, objective=worth, crashes=frozenset({2, 4, 5})) == rows


@given(spaces(), st.floats(0, 1, exclude_max=True))
def test_every_quantile_is_a_value(space: dict[str, Space], quantile: float) -> None:
    for each in (*space.values(), *WIDE.values()):
        for part in (0.0, quantile, 1 - 2**-53):
            value = value_at(each, part)
            assert each.contains(value)
            assert each.decode(each.encode(value)) == value


def test_draws_are_spread_as_their_distribution_says() -> None:
    space = {"log": made.loguniform(1e-4, 1.0), "normal": made.normal(5, 2), "int": made.int(1, 3), "wide": made.int(1, 1000, log=True)}  # fmt: skip
    rows: list[Mapping[str, Any]] = [trial.parameters for trial in play(search(RandomSearch(1), space), trials=2000, parallel=2000, objective=worth)]  # fmt: skip
    assert 0.45 < sum(row["log"] < 1e-2 for row in rows) / 2000 < 0.55
    assert 4.8 < sum(row["normal"] for row in rows) / 2000 < 5.2
    assert 0.64 < sum(3 < row["normal"] < 7 for row in rows) / 2000 < 0.73
    assert all(0.3 < sum(row["int"] == value for row in rows) / 2000 < 0.37 for value in (1, 2, 3))
    assert 0.28 < sum(row["wide"] < 10 for row in rows) / 2000 < 0.42
