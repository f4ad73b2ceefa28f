"""The table of algorithms by engine: the page, the classes and the data that checks and renderers read say the same."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from kubeflow import optimizer
from kubeflow.optimizer.algorithms.algorithm_table import ALGORITHMS, EARLY_STOPPING, AlgorithmEntry
from kubeflow.optimizer.types.algorithm_types import ALGORITHM_REGISTRY

PAGE = Path(__file__).parents[2] / "docs" / "tuning.md"


def row(entry: AlgorithmEntry) -> tuple[str, ...]:
    engines = (("yes" if "client" in entry.engines else "no"), *(_name(entry, each) for each in ("katib", "optimizationjob")))  # fmt: skip
    return (entry.title, f"`{entry.written}`", *engines, "`kubeflow[optimizer]`" if entry.library else "")


def _name(entry: AlgorithmEntry, engine: Any) -> str:
    return f"`{entry.engines[engine]}`" if engine in entry.engines else "no"


def test_the_page_has_the_table_that_the_code_reads() -> None:
    text = PAGE.read_text("utf-8")
    table = text[text.index("| algorithm | class |") :].partition("\n\n")[0].splitlines()[2:]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table]
    assert rows == [row(entry) for entry in (*ALGORITHMS.values(), *EARLY_STOPPING.values())]


def test_every_algorithm_and_rule_is_in_the_table_by_its_own_name() -> None:
    assert set(ALGORITHMS) == set(ALGORITHM_REGISTRY)
    for name, entry in ALGORITHMS.items():
        made = eval(entry.written if "(" in entry.written else f"{entry.written}({_needed(entry.written)})", vars(optimizer) | {n: getattr(optimizer, n) for n in optimizer.__all__ if n[0].isupper()})  # fmt: skip
        assert made.algorithm_name == name
        assert isinstance(made, ALGORITHM_REGISTRY[name])
    rules = [optimizer.MedianStop(), optimizer.PercentileStop(), optimizer.ASHA()]
    assert {rule.rule_name: type(rule).__name__ for rule in rules} == {n: e.written for n, e in EARLY_STOPPING.items()}


def _needed(name: str) -> str:
    parameters = inspect.signature(getattr(optimizer, name)).parameters.values()
    return ", ".join("9" for each in parameters if each.default is each.empty)


def test_the_rules_of_the_page_have_the_defaults_of_the_code() -> None:
    text = PAGE.read_text("utf-8")
    for name, field, value in re.findall(r"`(MedianStop|PercentileStop|ASHA)\((\w+)=([\d.]+)", text):
        assert getattr(getattr(optimizer, name)(), field) == float(value)


def test_published_names_and_signatures_are_valid() -> None:
    from kubeflow.optimizer.constants import constants
    from kubeflow.optimizer.types import algorithm_types, optimization_types, search_types

    published = {
        "GridSearch", "KubernetesBackendConfig", "Objective", "OptimizationJob", "OptimizerClient", "RandomSearch", "Result",
        "Search", "TrainJobTemplate", "TrialConfig",
    }  # fmt: skip
    assert published <= set(optimizer.__all__)
    for module, names in (
        (algorithm_types, "ALGORITHM_REGISTRY BaseAlgorithm GridSearch RandomSearch"),
        (optimization_types, "Direction Metric Objective OptimizationJob Result Trial TrialConfig"),
        (search_types, "CategoricalSearchSpace ContinuousSearchSpace Distribution Search"),
        (constants, "API_VERSION EXPERIMENT_KIND EXPERIMENT_LABEL EXPERIMENT_PLURAL EXPERIMENT_SUCCEEDED GROUP VERSION "
                    "METRICS_COLLECTOR_CONTAINER OPTIMIZATION_JOB_COMPLETE OPTIMIZATION_JOB_CREATED OPTIMIZATION_JOB_FAILED "
                    "OPTIMIZATION_JOB_KIND OPTIMIZATION_JOB_RUNNING TRIAL_KIND TRIAL_PLURAL DOUBLE_PARAMETER "
                    "CATEGORICAL_PARAMETERS"),
    ):  # fmt: skip
        assert all(hasattr(module, name) for name in names.split())
    positional = {
        "Objective": ("metric", "direction"),
        "TrialConfig": ("num_trials", "parallel_trials", "max_failed_trials"),
        "Result": ("parameters", "metrics"),
        "RandomSearch": ("random_state",),
        "TrainJobTemplate": ("trainer", "runtime", "initializer"),
        "OptimizationJob": (
            "name", "search_space", "objectives", "algorithm", "trial_config", "trials", "creation_timestamp", "status",
        ),
    }  # fmt: skip
    for name, fields in positional.items():
        assert tuple(inspect.signature(getattr(optimizer, name)).parameters)[: len(fields)] == fields
    assert list(inspect.signature(optimizer.Search.uniform).parameters)[:2] == ["min", "max"]
    assert list(inspect.signature(optimizer.Search.loguniform).parameters) == ["min", "max"]
    assert list(inspect.signature(optimizer.Search.choice).parameters) == ["values"]
