"""Searches without jobs: rows as an engine keeps them, played with functions in place of trials."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kubeflow.optimizer import Objective, OptimizationSpec, Search, TrialConfig
from kubeflow.optimizer.algorithms.history import PastTrial, ReportedValue, may_be_asked
from kubeflow.optimizer.algorithms.searchers import searcher
from kubeflow.optimizer.trial_jobs import decoded, encoded
from kubeflow.trainer import JobSpec, Runtime, RuntimeKind, RuntimeTrainer, TrainerType

made: Any = Search
RUNTIME = Runtime(
    "torch-distributed",
    RuntimeTrainer(TrainerType.CUSTOM_TRAINER, "torch", "image"),
    RuntimeKind.CLUSTER_TRAINING_RUNTIME,
)
MIXED: dict[str, Any] = {
    "lr": made.loguniform(1e-4, 1e-1),
    "momentum": made.uniform(0.0, 1.0, step=0.1),
    "width": made.int(8, 512, log=True),
    "depth": made.int(1, 9, step=2),
    "noise": made.normal(0.0, 1.0),
    "scale": made.lognormal(min=0.1, max=10.0),
    "optimizer": made.choice(["adam", "sgd", None, True, 1]),
}
Values = Sequence[float]


def search(algorithm: Any, space: Mapping[str, Any] = MIXED, **fields: Any) -> OptimizationSpec:
    """Return a search, of which only what algorithms see is real."""
    fields.setdefault("config", TrialConfig(24))
    seed = 7 if algorithm.random_state is None else algorithm.random_state
    return OptimizationSpec("a", JobSpec("a", RUNTIME), space, algorithm=algorithm, seed=seed, **fields)


def loss(parameters: Mapping[str, Any]) -> float:
    """Return a smooth value with its smallest one at lr=0.01, width=64."""
    worse = 0.0 if parameters.get("optimizer") == "adam" else 0.3
    return float(
        abs(math.log10(parameters.get("lr", 0.01)) + 2)
        + abs(math.log2(parameters.get("width", 64)) - 6) / 3
        + abs(parameters.get("noise", 0.0)) / 10
        + worse
    )


def kept(trial: PastTrial, spec: OptimizationSpec) -> PastTrial:
    """Return a trial as a store gives it back: parameters as text, notes as JSON."""
    texts = json.loads(json.dumps(encoded(spec.space, trial.parameters)))
    return replace(trial, parameters=decoded(spec.space, texts), notes=json.loads(json.dumps(trial.notes)))


def play(
    spec: OptimizationSpec,
    *,
    trials: int | None = None,
    parallel: int = 1,
    crashes: frozenset[int] = frozenset(),
    objective: Callable[[Mapping[str, Any]], float | Values] = loss,
) -> list[PastTrial]:
    """Run a search to its end and return its rows.

    Args:
        spec: The search.
        trials: How many at most; by default as its configuration says.
        parallel: Trials that run at once; they end oldest first.
        crashes: Before these trials, the algorithm is made anew from rows alone.
        objective: Returns the values of a trial.
    """
    algorithm = searcher(spec)
    rows: list[PastTrial] = []
    running: list[int] = []
    asking = True

    def end_one() -> None:
        number = running.pop(0)
        value = objective(rows[number].parameters)
        values = (value,) if isinstance(value, float) else tuple(value)
        state: Any = "complete" if all(map(math.isfinite, values)) else "failed"
        rows[number] = replace(rows[number], state=state, values=values, reports=[ReportedValue(1, values[0])])

    while asking or running:
        number = len(rows)
        asking = asking and number < (trials or spec.config.num_trials)
        if not asking or len(running) >= parallel or not may_be_asked(algorithm, rows, number):
            end_one()
            continue
        if number in crashes:
            algorithm = searcher(spec)
        proposal = algorithm.ask(rows, number)
        if proposal is None:
            asking = False
            continue
        rows.append(kept(PastTrial(number, proposal.parameters, notes=proposal.notes), spec))
        running.append(number)
    return rows


AIMS = (Objective("loss"), Objective("accuracy", "maximize"))
