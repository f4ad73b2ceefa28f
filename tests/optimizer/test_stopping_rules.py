"""Rules of early stopping: what they say of trials, beside Optuna's pruners on the same trials."""

from __future__ import annotations

import math
from typing import Any

import optuna
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kubeflow.optimizer import ASHA, Hyperband, MedianStop, PercentileStop, RandomSearch
from kubeflow.optimizer.algorithms.history import PastTrial, ReportedValue
from kubeflow.optimizer.algorithms.searchers import searcher
from kubeflow.optimizer.algorithms.stopping_rules import bracket, rule_of
from tests.optimizer.searches import search

VALUES = st.floats(-100, 100).map(lambda value: round(value, 2))
CURVES = st.lists(st.lists(VALUES, min_size=1, max_size=9), min_size=1, max_size=8)


def trial(number: int, curve: list[float], state: Any = "complete") -> PastTrial:
    values = [curve[-1]] if state == "complete" else None
    return PastTrial(number, {}, state, values, [ReportedValue(step, value) for step, value in enumerate(curve)])


def pruned(pruner: Any, curves: list[list[float]], own: list[float], direction: Any) -> bool:
    study = optuna.create_study(direction=direction, pruner=pruner)
    for curve in curves:
        study.add_trial(optuna.trial.create_trial(value=curve[-1], intermediate_values=dict(enumerate(curve))))
    asked = study.ask()
    for step, value in enumerate(own):
        asked.report(value, step)
    return asked.should_prune()


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


@given(
    CURVES, st.lists(VALUES, min_size=1, max_size=9), st.integers(1, 5), st.integers(0, 5),
    st.sampled_from([10.0, 25.0, 50.0, 90.0]), st.booleans(),
)  # fmt: skip
# Ties, but for the last bit of the percentile.
@example(curves=[[-2.0], [-0.4]], own=[-1.2], least=1, start=0, percentile=50.0, maximizes=False)
@example(curves=[[-2.0], [1.9]], own=[1.51], least=1, start=0, percentile=90.0, maximizes=False)
@example(curves=[[-2.0], [0.0]], own=[-0.2], least=1, start=0, percentile=10.0, maximizes=True)
@settings(max_examples=60, deadline=None)
def test_percentiles_are_those_of_optuna(
    curves: list[list[float]], own: list[float], least: int, start: int, percentile: float, maximizes: bool
) -> None:
    rule = MedianStop(least, start) if percentile == 50 else PercentileStop(percentile, least, start)
    trials = [trial(number, curve) for number, curve in enumerate(curves)]
    running = trial(len(curves), own, "running")
    said = rule_of(rule, maximizes=maximizes, seed=0)([*trials, running], running)
    pruner = optuna.pruners.PercentilePruner(percentile, n_startup_trials=least, n_warmup_steps=start)
    assert (said is not None) == pruned(pruner, curves, own, "maximize" if maximizes else "minimize")


def test_a_stopped_trial_is_told_why() -> None:
    trials = [trial(number, [1.0] * 6) for number in range(3)]
    running = trial(3, [2.0] * 5, "running")
    algorithm = searcher(search(RandomSearch(1), early_stopping=MedianStop()))
    assert algorithm.judge([*trials, running], 3) == (
        "at step 4 its best value 2 is worse than 1, the median of 3 others"
    )
    assert algorithm.judge([*trials[:2], running], 3) is None, "too few are complete"
    assert algorithm.judge([*trials, trial(3, [2.0] * 4, "running")], 3) is None, "too early"
    assert algorithm.judge([*trials, trial(3, [2.0] * 4 + [0.5], "running")], 3) is None
    assert algorithm.judge([*trials, trial(3, [math.nan] * 5, "running")], 3) is not None


@given(st.lists(st.lists(VALUES, min_size=9, max_size=9), min_size=2, max_size=9), st.integers(2, 4))
@settings(max_examples=60, deadline=None)
def test_successive_halving_lets_one_of_eta_go_on_and_never_stops_the_best(curves: list[list[float]], eta: int) -> None:
    rule = rule_of(ASHA(1, eta), maximizes=False, seed=0)
    for step in (1, eta):
        trials = [trial(number, curve[: step + 1], "running") for number, curve in enumerate(curves)]
        kept = [each for each in trials if rule(trials, each) is None]
        best = min(curve[step] for curve in curves)
        assert best in [each.reports[-1].value for each in kept]
        if len({curve[step] for curve in curves}) == len(curves):
            assert len(kept) == max(len(curves) // eta, 1)
    alone = trial(0, curves[0], "running")
    assert rule([alone], alone) is None
    assert rule([trial(0, [1.0]), trial(1, [9.0], "running")], trial(1, [9.0], "running")) is None, "before the rung"


def test_brackets_of_hyperband_get_the_parts_that_the_paper_has() -> None:
    algorithm = Hyperband(81, random_state=1)
    counts = [0] * 5
    for number in range(4000):
        counts[bracket(algorithm, 1, number)] += 1
    # 81, 34, 15, 8, 5 configurations start in the brackets of R=81, eta=3.
    for count, expected in zip(counts, (81, 34, 15, 8, 5), strict=True):
        assert count / 4000 == pytest.approx(expected / 143, abs=0.03)
    first = next(number for number in range(99) if bracket(algorithm, 1, number) == 0)
    others = [number for number in range(99) if bracket(algorithm, 1, number) == 0][1:7]
    trials = [trial(number, [0.0, 1.0], "running") for number in others]
    own = trial(first, [0.0, 2.0], "running")
    said = searcher(search(algorithm)).judge([*trials, own], first)
    assert rule_of(algorithm, maximizes=False, seed=1)([*trials, own], own) == said
    assert said == "in bracket 0, at rung 1 its value 2 is not among the best 2 of 7"
