"""Algorithms: what they draw, that they find something, and that a search is the same again, also after crashes."""

from __future__ import annotations

import itertools
import math
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeflow.core.errors import InvalidInput
from kubeflow.optimizer import (
    CMAES,
    NSGAII,
    PBT,
    TPE,
    BayesianOptimization,
    GridSearch,
    Hyperband,
    KnownTrial,
    RandomSearch,
    Sobol,
    TrialConfig,
)
from kubeflow.optimizer.algorithms.history import PastTrial
from kubeflow.optimizer.algorithms.searchers import searcher, searcher_findings
from kubeflow.optimizer.optimization_spec import optimization_spec
from kubeflow.trainer import CustomTrainer
from tests.optimizer.searches import AIMS, MIXED, RUNTIME, loss, made, play, search

ALL: dict[str, Any] = {
    "random": RandomSearch(3),
    "sobol": Sobol(3),
    "tpe": TPE(3, n_startup_trials=4, multivariate=False),
    "multivariate tpe": TPE(3, n_startup_trials=4),
    "cmaes": CMAES(3),
    "nsgaii": NSGAII(3, population_size=4),
    "hyperband": Hyperband(9, random_state=3),
    "pbt": PBT(4, random_state=3),
}


def drawn(rows: list[PastTrial]) -> list[Mapping[str, object]]:
    return [trial.parameters for trial in rows]


@pytest.mark.parametrize("algorithm", ALL)
def test_every_value_is_in_its_space_and_of_its_type(algorithm: str) -> None:
    rows = play(search(ALL[algorithm]), trials=16, parallel=2)
    assert len(rows) == 16
    for trial in rows:
        assert list(trial.parameters) == list(MIXED)
        assert all(MIXED[name].contains(value) for name, value in trial.parameters.items()), trial.parameters
    assert {type(trial.parameters["width"]) for trial in rows} == {int}


@pytest.mark.parametrize("algorithm", ALL)
def test_the_same_seed_gives_the_same_trials_also_after_crashes(algorithm: str) -> None:
    spec = search(ALL[algorithm])
    count = 16
    whole = play(spec, trials=count)
    crashes = frozenset(random.Random(algorithm).sample(range(1, count), count // 2))
    assert play(spec, trials=count, crashes=crashes) == whole


def test_a_gaussian_process_gives_the_same_trials_also_after_crashes() -> None:
    # A draw takes seconds on a small machine: two of them tell enough.
    space = {"lr": MIXED["lr"], "optimizer": MIXED["optimizer"]}
    spec = search(BayesianOptimization(3, n_startup_trials=3), space)
    whole = play(spec, trials=5)
    assert play(spec, trials=5, crashes=frozenset({4})) == whole
    assert all(space[name].contains(value) for trial in whole for name, value in trial.parameters.items())


@pytest.mark.parametrize("algorithm", ["random", "sobol", "grid"])
def test_what_learns_nothing_gives_the_same_trials_at_any_parallelism(algorithm: str) -> None:
    ways = {**ALL, "grid": GridSearch(3)}
    space = {"momentum": MIXED["momentum"], "depth": MIXED["depth"]}
    spec = search(ways[algorithm], space)
    assert drawn(play(spec, parallel=1)) == drawn(play(spec, parallel=5, crashes=frozenset({3, 7})))


@pytest.mark.parametrize("algorithm", [TPE(1, 4, synchronous=True), NSGAII(1, 4, True), CMAES(1, synchronous=True)])
def test_synchronous_ones_give_the_same_trials_in_parallel(algorithm: Any) -> None:
    spec = search(algorithm, config=TrialConfig(18, 3))
    assert searcher(spec).batch == 3
    assert drawn(play(spec, parallel=3)) == drawn(play(spec, parallel=3, crashes=frozenset({4, 5, 11})))
    # Whenever they end: the last of a batch sees the first as running, also when it has ended already.
    assert drawn(play(spec, parallel=3)) == drawn(play(spec, parallel=1))


def test_another_seed_gives_other_trials() -> None:
    assert drawn(play(search(RandomSearch(1)), trials=3)) != drawn(play(search(RandomSearch(2)), trials=3))


@pytest.mark.parametrize("algorithm", ["tpe", "multivariate tpe", "cmaes"])
def test_what_learns_does_better_than_random_draws(algorithm: str) -> None:
    space = {"lr": MIXED["lr"], "width": MIXED["width"]}
    spec = search(ALL[algorithm], space, config=TrialConfig(40))

    def mean_of_last(rows: list[PastTrial]) -> float:
        return sum(loss(trial.parameters) for trial in rows[-10:]) / 10

    assert mean_of_last(play(spec)) < 0.8 * mean_of_last(play(search(RandomSearch(3), space), trials=40))


def test_a_grid_has_every_point_once_and_then_ends() -> None:
    space = {"a": made.choice([True, 1, "1"]), "b": made.uniform(0.1, 0.3, step=0.1), "c": made.int(0, 1)}
    points = [tuple(trial.parameters.values()) for trial in play(search(GridSearch(), space), trials=99)]
    assert points == list(itertools.product([True, 1, "1"], [0.1, 0.2, 0.3], [0, 1]))
    shuffled = [tuple(trial.parameters.values()) for trial in play(search(GridSearch(5), space), trials=99)]
    assert shuffled != points
    key = repr
    assert sorted(map(key, shuffled)) == sorted(map(key, points))


@given(st.lists(st.integers(1, 5), min_size=1, max_size=3), st.one_of(st.none(), st.integers(0, 2**31 - 1)))
@settings(max_examples=30, deadline=None)
def test_grids_of_any_shape_and_seed_are_complete(sizes: list[int], seed: int | None) -> None:
    space = {f"p{place}": made.int(1, size) for place, size in enumerate(sizes)}
    rows = play(search(GridSearch(seed), space), trials=math.prod(sizes) + 1, objective=lambda _: 1.0)
    assert len({tuple(trial.parameters.values()) for trial in rows}) == len(rows) == math.prod(sizes)


def test_first_trials_are_those_that_were_asked_for() -> None:
    first = [{"lr": 0.05}, {name: space.grid()[0] if space.grid() else 0.5 for name, space in MIXED.items() if name in ("depth", "optimizer")}]  # fmt: skip
    for algorithm in ("random", "multivariate tpe", "cmaes"):
        rows = play(search(ALL[algorithm], enqueue=first), trials=6)
        assert rows[0].parameters["lr"] == 0.05
        assert rows[1].parameters["depth"] == 1
        assert rows[1].parameters["optimizer"] == "adam"
    grid = search(GridSearch(), {"a": made.int(1, 3)}, enqueue=[{"a": 2}])
    assert [trial.parameters["a"] for trial in play(grid, trials=9)] == [2, 1, 2, 3]


def test_what_is_known_before_counts() -> None:
    space = {"lr": MIXED["lr"]}
    known = [
        KnownTrial({"lr": 10**-each}, {"loss": abs(each - 2.0)}) for each in (1.2, 1.5, 1.9, 2.0, 2.1, 2.5, 3.0, 3.9)
    ]
    without = play(search(TPE(1, n_startup_trials=4), space), trials=20)
    informed = play(search(TPE(1, n_startup_trials=4), space, warm_start=known), trials=20)
    assert informed[0].parameters != without[0].parameters, "no start-up draws are needed"
    assert sum(loss(trial.parameters) for trial in informed) < sum(loss(trial.parameters) for trial in without)


def test_unique_searches_skip_what_was_there_say_so_and_end_when_nothing_is_left() -> None:
    space = {"a": made.int(1, 3), "b": made.choice(["x", "y"])}
    for algorithm in (RandomSearch(1), TPE(1, n_startup_trials=2), Sobol(1)):
        rows = play(search(algorithm, space, config=TrialConfig(50, unique=True)), parallel=2)
        assert len(rows) == 6
        assert len({tuple(trial.parameters.values()) for trial in rows}) == 6
        assert any(trial.notes.get("skipped") for trial in rows)
    assert len(play(search(RandomSearch(1), space, config=TrialConfig(50)))) == 50


def test_parallel_trials_are_different_though_nothing_is_known_of_those_that_run() -> None:
    space = {"lr": MIXED["lr"], "momentum": made.uniform(0, 1)}
    rows = play(search(TPE(1, n_startup_trials=4), space, config=TrialConfig(40)), parallel=8)
    assert max(Counter(map(repr, drawn(rows))).values()) == 1


def test_trials_without_a_finite_value_teach_nothing_and_do_no_harm() -> None:
    values = itertools.cycle([math.nan, 0.5, math.inf, 0.4])
    for algorithm in ("multivariate tpe", "cmaes", "nsgaii"):
        rows = play(search(ALL[algorithm]), trials=14, objective=lambda _: next(values))
        assert len(rows) == 14


def test_several_objectives_are_searched_together() -> None:
    def values(parameters: Mapping[str, Any]) -> tuple[float, float]:
        return loss(parameters), parameters["momentum"]

    for algorithm in (NSGAII(1, 6), TPE(1, 6), RandomSearch(1)):
        spec = search(algorithm, objectives=AIMS)
        whole = play(spec, trials=20, objective=values)
        assert play(spec, trials=20, objective=values, crashes=frozenset({7, 13, 19})) == whole


def test_a_generation_goes_on_from_the_best_of_the_one_before() -> None:
    space = {"lr": MIXED["lr"], "kind": made.choice(["a", "b", "c"])}
    spec = search(PBT(5, truncation=0.4, random_state=1), space, config=TrialConfig(15))
    algorithm = searcher(spec)
    assert algorithm.batch == 5
    rows = play(spec, parallel=3)
    first = sorted(rows[:5], key=lambda trial: loss(trial.parameters))
    for number in range(5, 10):
        proposal = algorithm.ask(rows[:number], number)
        assert proposal is not None
        assert proposal.parent is not None
        if number - 5 in [trial.number for trial in first[:3]]:
            assert (proposal.parent, proposal.parameters) == (number - 5, rows[number - 5].parameters)
        else:
            assert proposal.parent in [trial.number for trial in first[:2]]
            assert proposal.parameters != rows[proposal.parent].parameters


def test_a_grid_begins_after_the_trials_of_its_user_and_fills_what_they_leave_out() -> None:
    space = {"a": made.int(1, 2), "b": made.choice(["x", "y"])}
    rows = play(search(GridSearch(), space, enqueue=({"b": "y"}, {"a": 2, "b": "y"})), trials=9)
    assert [tuple(trial.parameters.values()) for trial in rows] == [
        (1, "y"), (2, "y"), (1, "x"), (1, "y"), (2, "x"), (2, "y"),
    ]  # fmt: skip


def test_hyperbands_resource_is_not_drawn() -> None:
    space = {"epochs": made.int(1, 27), "lr": MIXED["lr"]}
    rows = play(search(Hyperband(27, "epochs", random_state=1), space), trials=5)
    assert {trial.parameters["epochs"] for trial in rows} == {27}
    assert len({trial.parameters["lr"] for trial in rows}) == 5


def fit(lr: float = 0.1, width: int = 8) -> float:
    return lr * width


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"algorithm": GridSearch(), "search_space": {"lr": made.uniform(0, 1)}}, "lr has endless values"),
        ({"algorithm": GridSearch(), "search_space": {"width": made.int(1, 4)}}, "The grid has 4 points, and num_trials is 10: give TrialConfig(num_trials=4)"),
        ({"search_space": {}}, "There is nothing to search"),
        ({"search_space": {"lr": 0.1}}, "write Search.choice([0.1])"),
        ({"search_space": {"lr": [0.1, 0.2]}}, "write Search.choice([0.1, 0.2])"),
        ({"search_space": {"learning_rate": made.uniform(0, 1)}}, "fit does not take it"),
        ({"search_space": {"lr": made.choice([1])}, "algorithm": CMAES()}, "there are choices only"),
        ({"algorithm": CMAES()}, "there is one alone, which would be drawn at random"),
        ({"algorithm": CMAES(), "objectives": AIMS}, "CMAES has one objective"),
        ({"algorithm": Hyperband(9, "width"), "search_space": {"lr": made.uniform(0, 1), "width": made.int(1, 5)}}, "uses 9 of width, and its search space is IntegerSearchSpace(min=1, max=5)"),
        ({"algorithm": TPE}, "write algorithm=TPE()"),
        ({"objectives": [*AIMS, AIMS[0]]}, "Two objectives are of 'loss'"),
        ({"enqueue": [{"lr": 2.0}]}, "enqueue[0] has lr=2.0, which is outside of"),
        ({"enqueue": [{"lrr": 0.5}]}, "Did you mean 'lr'"),
        ({"enqueue": [{"lr": 0.5}] * 11}, "enqueue has 11 trials, and num_trials is 10"),
        ({"enqueue": [{"width": 3}], "search_space": {"lr": made.uniform(0, 1), "width": made.int(1, 9)}, "algorithm": Hyperband(9, "width")}, "leave width out of enqueue"),
        ({"enqueue": {"lr": 0.5}}, "write enqueue=[{...}]"),
        ({"warm_start": [({"lr": 0.5}, {})]}, "needs a finite number for 'loss', not None"),
        ({"algorithm": PBT(), "trial_config": TrialConfig(unique=True)}, "leave unique= out"),
        ({"name": "a" * 60}, "too long for a search"),
    ],
)  # fmt: skip
def test_searches_that_cannot_work_are_refused_in_words(asked: dict[str, Any], words: str) -> None:
    given = {"name": "a", "runtime": RUNTIME, "trainer": CustomTrainer(fit), "search_space": {"lr": made.uniform(0, 1)}}
    with pytest.raises(InvalidInput) as raised:
        optimization_spec(**{**given, **asked})
    assert words in str(raised.value)


def test_restarts_that_optuna_has_no_more_are_told_of() -> None:
    (finding,) = searcher_findings(search(CMAES(restart_strategy="ipop")))
    assert "engine='katib'" in str(finding)
    assert searcher_findings(search(TPE())) == []


def test_random_and_grid_searches_load_no_library_and_others_name_the_extra() -> None:
    code = (
        "import sys\n"
        "from tests.optimizer.searches import play, search, made\n"
        "from kubeflow.optimizer import *\n"
        "for name in ('optuna', 'scipy', 'numpy'): sys.modules[name] = None\n"
        "space = {'a': made.int(1, 9), 'b': made.uniform(0, 1, step=0.5), 'c': made.normal(0, 1)}\n"
        "assert len(play(search(RandomSearch(), space))) == 24\n"
        "del space['c']\n"
        "assert len(play(search(GridSearch(), space))) == 24\n"
        "for way in (TPE(), Sobol()):\n"
        "    try: play(search(way, space))\n"
        "    except MissingExtra as error: print(error)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == [
        "TPE needs optuna>=5, which is not installed: pip install 'kubeflow[optimizer]'.",
        "Sobol needs scipy>=1.11, which is not installed: pip install 'kubeflow[optimizer]'.",
    ]


def test_an_optuna_that_is_too_old_is_named(tmp_path: Any) -> None:
    metadata = tmp_path / "optuna-4.5.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: optuna\nVersion: 4.5.0\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from tests.optimizer.searches import play, search\n"
        "from kubeflow.optimizer import *\n"
        "try: play(search(TPE()))\n"
        "except MissingExtra as error: print(error)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "TPE needs optuna>=5, and optuna 4.5.0 is installed: pip install 'kubeflow[optimizer]'.\n"
