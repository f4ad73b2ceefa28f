"""Searches that the played Katib runs: trials are real processes, and what they print is what their metrics are."""

from __future__ import annotations

import random
import time

from kubeflow.optimizer import OptimizationJob, Search
from kubeflow.optimizer.engines.katib.katib_engine import KatibEngine
from tests.optimizer.katib.searches import search


def over(engine: KatibEngine, name: str, seconds: float = 120) -> OptimizationJob:
    deadline = time.monotonic() + seconds
    job = engine.get_job(name)
    while job.status not in ("Complete", "Failed", "Stopped"):
        assert time.monotonic() < deadline, engine.explain(name)
        job = engine.next_change(name, job, 5)
    return job


def test_a_search_runs_to_its_best_trial_with_values_of_the_types_of_its_space(engine: KatibEngine) -> None:
    engine.optimize(search())

    job = over(engine, "tune")

    assert job.status == "Complete", engine.explain("tune")
    assert len(job.trials) == 4
    assert {trial.status for trial in job.trials} == {"Complete"}
    for trial in job.trials:
        assert type(trial.parameters["lr"]) is float
        assert trial.parameters["batch_size"] in (16, 32, 64)
        expected = abs(trial.parameters["lr"] - 0.01) + trial.parameters["batch_size"] / 1000
        assert trial.metrics[0].min == expected
        assert trial.trainjob is not None
        assert trial.trainjob.status == "Complete"
    values = {trial.name: trial.metrics[0].min for trial in job.trials}
    assert job.best_trial is not None
    assert job.best_trial.name == min(values, key=lambda name: values[name] or 0)
    assert any("loss=" in line for line in engine.get_job_logs("tune"))


def train_func(learning_rate: float, batch_size: int) -> None:
    """Training function with hyperparameters, as the introduction to the SDK has it, without its ten seconds."""
    for i in range(10):
        time.sleep(0.01)
        print(f"Training {i}, lr: {learning_rate}, batch_size: {batch_size}")

    print(f"loss={round(random.uniform(0.77, 0.99), 2)}")


def test_the_introduction_runs_as_it_is(engine: KatibEngine) -> None:
    space = {"learning_rate": Search.loguniform(0.001, 0.1), "batch_size": Search.choice([16, 32, 64, 128])}
    arguments = {"func_args": {"learning_rate": "0.01", "batch_size": "16"}}
    engine.optimize(search("intro", train_func, space, trials=4, parallel=4, trainer=arguments))

    job = over(engine, "intro")

    best = job.best_trial
    assert best is not None, engine.explain("intro")
    assert 0.77 <= (best.metrics[0].min or 0) <= 0.99
    assert {type(value) for value in best.parameters.values()} == {float, int}
