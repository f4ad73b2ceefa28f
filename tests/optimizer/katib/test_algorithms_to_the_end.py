"""Algorithms of Katib that the other searches do not take, each to the end of a search with trials that really run."""

from __future__ import annotations

import pytest

from kubeflow.optimizer import CMAES, BaseAlgorithm, Hyperband, OptimizationJob, Search, Sobol
from kubeflow.optimizer.engines.katib.katib_engine import KatibEngine
from tests.optimizer.katib.searches import search
from tests.optimizer.katib.test_searches import over

SPACE = {"lr": Search.uniform(0.0, 1.0), "epochs": Search.int(1, 4)}


def train(lr: float, epochs: int) -> float:
    """Return a loss that more epochs make smaller."""
    assert type(lr) is float
    assert type(epochs) is int
    return lr / epochs


def ended(engine: KatibEngine, algorithm: BaseAlgorithm, trials: int) -> OptimizationJob:
    engine.optimize(search(func=train, space=SPACE, algorithm=algorithm, trials=trials, parallel=2))
    job = over(engine, "tune")
    assert job.status == "Complete", engine.explain("tune")
    assert {trial.status for trial in job.trials} == {"Complete"}
    for trial in job.trials:
        lr, epochs = trial.parameters["lr"], trial.parameters["epochs"]
        assert type(lr) is float
        assert type(epochs) is int
        assert trial.metrics[0].latest == lr / epochs
    assert job.algorithm == algorithm
    assert job.best_trial is not None
    assert job.best_trial.metrics[0].latest == min(trial.metrics[0].latest or 0 for trial in job.trials)
    return job


@pytest.mark.parametrize("algorithm", [CMAES(random_state=1), Sobol()], ids=["cmaes", "sobol"])
def test_points_of_goptuna(engine: KatibEngine, algorithm: BaseAlgorithm) -> None:
    job = ended(engine, algorithm, 3)

    assert len(job.trials) == 3
    assert len({str(trial.parameters) for trial in job.trials}) == 3


def test_hyperband_gives_the_better_trials_more_of_the_resource(engine: KatibEngine) -> None:
    job = ended(engine, Hyperband(2, "epochs", eta=2), 5)

    # Trials of one second are in the order of their names, which say nothing.
    *first, last = sorted(job.trials, key=lambda trial: str(trial.parameters["epochs"]))
    assert [trial.parameters["epochs"] for trial in (*first, last)] == [1, 1, 2]
    assert last.parameters["lr"] in [trial.parameters["lr"] for trial in first]
    assert last.started is not None
    assert all(trial.ended is not None and trial.ended <= last.started for trial in first)
