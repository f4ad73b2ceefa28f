"""Searches for tests of Katib's engine, and the functions that their trials run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kubeflow.optimizer import BaseAlgorithm, Objective, OptimizationSpec, Search, TrialConfig
from kubeflow.optimizer.optimization_spec import optimization_spec
from kubeflow.trainer import CustomTrainer
from kubeflow.trainer.runtimes.shipped import shipped_runtime

SPACE: Mapping[str, object] = {"lr": Search.loguniform(1e-4, 1e-1), "batch_size": Search.choice([16, 32, 64])}


def fit(lr, batch_size):  # type: ignore[no-untyped-def]  # users annotate nothing
    assert isinstance(lr, float), type(lr)
    assert isinstance(batch_size, int), type(batch_size)
    print("lr is", lr)
    return {"loss": abs(lr - 0.01) + batch_size / 1000}


def search(
    name: str = "tune",
    func: Callable[..., object] = fit,
    space: Mapping[str, object] | None = None,
    *,
    trials: int = 4,
    parallel: int = 2,
    algorithm: BaseAlgorithm | None = None,
    objectives: list[Objective] | None = None,
    runtime: str = "torch-distributed",
    trainer: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    **more: Any,
) -> OptimizationSpec:
    """Return a search over a function."""
    return optimization_spec(
        name=name,
        runtime=shipped_runtime(runtime),
        trainer=CustomTrainer(func=func, **(trainer or {})),
        search_space=SPACE if space is None else space,
        objectives=objectives,
        algorithm=algorithm,
        trial_config=TrialConfig(trials, parallel, **(config or {})),
        **more,
    )
