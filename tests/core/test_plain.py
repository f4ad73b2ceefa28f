"""Results as plain JSON values: what `to_dict()` of the public types returns."""

from __future__ import annotations

import importlib
import json
import math
from collections import deque
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from kubeflow.core.plain import dict_of_fields, plain
from kubeflow.core.quantity import Quantity
from kubeflow.optimizer import TPE, Metric, Objective, OptimizationJob, Search, Trial, TrialConfig
from kubeflow.spark import SparkJob, SparkJobStatus
from kubeflow.trainer import Event, Runtime, RuntimeKind, RuntimeTrainer, Step, TrainerType, TrainJob
from kubeflow.trainer.diagnosis.diagnosis import Diagnosis

NOW = datetime(2026, 11, 29, 9, 30, 15, 250_000, timezone(timedelta(hours=1)))
RUNTIME = Runtime("torch", RuntimeTrainer(TrainerType.CUSTOM_TRAINER, "torch", "img"), RuntimeKind.TRAINING_RUNTIME)
JOB = TrainJob(
    "a", RUNTIME, (Step("node-0", None, "a-node-0"),), 1, NOW, "Running", 40, 12, {"loss": math.nan, "x": "b"}
)
SECRET = "hf_" + "a" * 34


class Colour(Enum):
    RED = "red"


@dataclass
class Held:
    token: str
    hidden: str = field(default="b", repr=False)
    keys: Any = field(default_factory=dict, metadata={"references": True})
    _private: int = 1


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (None, None), (True, True), (3, 3), ("a", "a"), (0.5, 0.5), (math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity"),
        (NOW, "2026-11-29T08:30:15.250000Z"), (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00Z"),
        (datetime(2026, 1, 2, 3), "2026-01-02T03:00:00"), (date(2026, 1, 2), "2026-01-02"), (timedelta(minutes=2), 120.0),  # noqa: DTZ001
        (Colour.RED, "red"), (SparkJobStatus.RUNNING, SparkJobStatus.RUNNING.value), (Path("/a/b"), "/a/b"), (b"ab", "YWI="),
        (Quantity("4Gi"), "4Gi"), ((1, [2]), [1, [2]]), ({3, 1}, [1, 3]), (deque([1]), [1]), ({1: {"a": NOW.date()}}, {"1": {"a": "2026-11-29"}}),
        (np.float64(0.5), 0.5), (np.int64(3), 3), (np.array([[1, 2]]), [[1, 2]]), (len, "len"), (Colour, "Colour"),
        ({Colour.RED: 1}, {"red": 1}), ({"api_key": "b", "lr": 1}, {"api_key": "***", "lr": 1}), (SECRET, "***"),
        ([{"name": "HF_TOKEN", "value": "b"}], [{"name": "HF_TOKEN", "value": "***"}]), ({"a": object}, {"a": "object"}),
        (complex(1, 2), "(1+2j)"),
    ],
)  # fmt: skip
def test_values_become_what_json_has(value: object, form: object) -> None:
    made = plain(value)
    assert made == form
    assert type(made) is type(form)
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert yaml.safe_load(yaml.safe_dump(made)) == made


def test_a_secret_is_told_as_set_and_not_what_it_is() -> None:
    held = dict_of_fields(Held("a", keys={"HF_TOKEN": "key-in-the-secret"}))
    assert held == {"token": "***", "hidden": "***", "keys": {"HF_TOKEN": "key-in-the-secret"}}
    assert dict_of_fields(Held("", hidden=""))["token"] == ""


def test_a_job_has_its_fields_by_name() -> None:
    form = JOB.to_dict()
    assert list(form) == [field.name for field in fields(JOB)]
    assert form["creation_timestamp"] == "2026-11-29T08:30:15.250000Z"
    assert form["metrics"] == {"loss": "NaN", "x": "b"}
    assert form["runtime"] == RUNTIME.to_dict()
    assert RUNTIME.to_dict()["kind"] == "TrainingRuntime"
    assert form["steps"] == [JOB.steps[0].to_dict()]


def test_nested_results_are_plain_all_the_way_down() -> None:
    event = Event("Pod", "a", "Started", "Started", NOW)
    diagnosis = Diagnosis(JOB, "It runs.", [event])
    space: dict[str, Any] = {"lr": Search.loguniform(1e-4, 1e-1), "kind": Search.choice([len, "b"])}
    trials = [Trial("a-0", {"lr": 0.1, "kind": len}, JOB, [Metric("loss", 0.1)], started=NOW)]
    search = OptimizationJob("a", space, [Objective("loss")], TPE(1), TrialConfig(), trials, NOW)
    for result in (diagnosis, search, SparkJob("a", status=SparkJobStatus.RUNNING)):
        assert json.loads(json.dumps(result.to_dict(), allow_nan=False)) == result.to_dict()
    assert diagnosis.to_dict()["timeline"] == [event.to_dict()]
    form: Any = search.to_dict()
    assert form["algorithm"] == {"algorithm": "multivariate-tpe", **dict_of_fields(TPE(1))}
    assert form["objectives"][0]["direction"] == "minimize"
    assert form["trials"][0]["parameters"] == {"lr": 0.1, "kind": "len"}
    assert form["trials"][0]["trainjob"]["name"] == "a"


# What methods of clients return, and what is in that. A new one gets `to_dict = dict_of_fields` and stands here.
RESULTS = {
    "kubeflow.trainer": ("Artifact", "Event", "MetricHistory", "MetricPoint", "Runtime", "RuntimeTrainer", "Step", "TrainJob"),
    "kubeflow.trainer.diagnosis.diagnosis": ("Diagnosis",),
    "kubeflow.optimizer": ("Metric", "Objective", "OptimizationJob", "Result", "Trial", "TrialConfig"),
    "kubeflow.kserve": ("Endpoint", "ModelFormat", "ModelLoading", "Prediction", "Revision", "Service", "ServiceCondition"),
    "kubeflow.hub": ("ModelArtifact", "ModelVersion", "RegisteredModel"),
    "kubeflow.spark": ("SparkConnectInfo", "SparkJob"),
    "kubeflow.local": ("CachedEnvironment",),
}  # fmt: skip


def test_every_result_has_a_plain_form() -> None:
    for package, names in RESULTS.items():
        for name in names:
            kind: Any = getattr(importlib.import_module(package), name)
            assert kind.to_dict.__name__ == dict_of_fields.__name__, name
