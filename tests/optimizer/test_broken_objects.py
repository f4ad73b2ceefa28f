"""Experiments, Trials and OptimizationJobs with one thing wrong, at every place: each is shown, and none is an error."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from kubeflow.optimizer import OptimizationJob
from kubeflow.optimizer.api.progress_text import block
from kubeflow.optimizer.engines.katib.experiment_view import optimization_view
from kubeflow.optimizer.engines.optimizationjob.optimizationjob_view import optimizationjob_view
from kubeflow.optimizer.results.exports import job_document

TIME = "2026-01-01T00:00:00Z"
SPACES = '{"a":{"kind":"int","min":1,"max":3},"b":{"kind":"choice","choices":[{"json":1}]}}'
EXPERIMENT: dict[str, Any] = {
    "metadata": {"name": "x", "creationTimestamp": TIME, "annotations": {"kubeflow.org/search-space": SPACES}},
    "spec": {
        "objective": {
            "type": "minimize", "objectiveMetricName": "loss", "goal": 0.1, "additionalMetricNames": ["b"],
            "metricStrategies": [{"name": "loss", "value": "min"}],
        },
        "algorithm": {
            "algorithmName": "pbt",
            "algorithmSettings": [{"name": "truncation_threshold", "value": "0.2"}, {"name": "n_population", "value": "5"}],
        },
        "parameters": [
            {"name": "a", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "3", "step": "1"}},
            {"name": "b", "parameterType": "categorical", "feasibleSpace": {"list": ["x", "y"]}},
            {"name": "c", "parameterType": "double", "feasibleSpace": {"min": "0.1", "max": "1", "distribution": "logNormal"}},
        ],
        "maxTrialCount": 3, "parallelTrialCount": 2, "maxFailedTrialCount": 1,
        "trialTemplate": {"retain": True, "trialSpec": {"spec": {"activeDeadlineSeconds": 3}}},
    },
    "status": {"conditions": [{"type": "Running", "status": "True", "message": "m"}]},
}  # fmt: skip
FOREIGN = {**EXPERIMENT, "metadata": {**EXPERIMENT["metadata"], "annotations": {}}}
TRIAL: dict[str, Any] = {
    "metadata": {"name": "x-1", "creationTimestamp": TIME},
    "spec": {"parameterAssignments": [{"name": "a", "value": "2"}, {"name": "other", "value": "1"}]},
    "status": {
        "startTime": TIME, "completionTime": None, "conditions": [{"type": "Succeeded", "status": "True"}],
        "observation": {"metrics": [{"name": "loss", "min": "0.1", "max": "nan", "latest": ""}]},
    },
}  # fmt: skip
OPTIMIZATION_JOB: dict[str, Any] = {
    "metadata": {"name": "o", "uid": "u", "creationTimestamp": TIME},
    "spec": {
        "objectives": [{"metric": "loss", "direction": "Minimize"}],
        "searchAlgorithm": {"random": {"seed": 3}},
        "parameters": [
            {"name": "a", "searchSpace": {"uniform": {"min": "1", "max": "2", "type": "Int"}}},
            {"name": "b", "searchSpace": {"categorical": {"choices": ["x"]}}},
        ],
        "numTrials": 3, "parallelTrials": 1, "trainJobTemplate": {"spec": {"activeDeadlineSeconds": 2}},
    },
    "status": {"conditions": []},
}  # fmt: skip
GONE = object()
WRONG: list[Any] = [
    GONE, None, 0, -1, "", "nan", "1e400", [], {}, True, "x", [None], {"a": None}, 1e308, ["x", "x"], 10**30, "inf",
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inside:
        yield (*path, key)
        yield from places(part, (*path, key))


def broken(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in places(item):
        for wrong in WRONG:
            changed = copy.deepcopy(item)
            within: Any = changed
            for key in path[:-1]:
                within = within[key]
            if wrong is GONE:
                del within[path[-1]]
            else:
                within[path[-1]] = wrong
            yield changed


def shown(job: OptimizationJob) -> bool:
    return bool(repr(job) and job_document(job) and block(job))


@pytest.mark.parametrize("item", [EXPERIMENT, FOREIGN], ids=["own", "foreign"])
def test_an_experiment_is_shown_whatever_is_wrong_with_it(item: dict[str, Any]) -> None:
    assert all(shown(optimization_view(each, [TRIAL], {})) for each in broken(item))


def test_an_experiment_is_shown_whatever_is_wrong_with_a_trial() -> None:
    assert all(shown(optimization_view(EXPERIMENT, [each], {})) for each in broken(TRIAL))


def test_an_optimization_job_is_shown_whatever_is_wrong_with_it() -> None:
    assert all(shown(optimizationjob_view(each, [])) for each in broken(OPTIMIZATION_JOB))
