"""The played Katib against itself: an Experiment that is written by hand runs as on a real one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.apiserver import Refused
from tests.cluster.katib.katibcontroller import API, LABEL, Katib, labelled_namespace, state_of
from tests.cluster.stage import MISSING, REASON, Stage, stage

Object = dict[str, Any]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    if MISSING:
        pytest.skip(REASON)
    with stage(tmp_path_factory.mktemp("katib")) as running, Katib(running):
        labelled_namespace(running, "ml")
        yield running


def experiment(name: str, script: str, **changes: Any) -> Object:
    trial = {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "spec": {
            "runtimeRef": {"name": "torch-distributed"},
            "trainer": {"command": ["bash", "-c", script]},
        },
    }
    spec = {
        "objective": {"type": "minimize", "objectiveMetricName": "loss"},
        "algorithm": {"algorithmName": "random"},
        "parallelTrialCount": 2,
        "maxTrialCount": 3,
        "parameters": [{"name": "lr", "parameterType": "double", "feasibleSpace": {"min": "0.1", "max": "0.9"}}],
        "trialTemplate": {
            "primaryContainerName": "node",
            "retain": True,
            "trialParameters": [{"name": "rate", "reference": "lr"}],
            "trialSpec": trial,
        },
        **changes,
    }
    return {"apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment", "metadata": {"name": name}, "spec": spec}


def create(cluster: Stage, body: Object, namespace: str = "ml") -> None:
    cluster.wire.send("POST", f"{API}/namespaces/{namespace}/experiments", body)


def ended(cluster: Stage, name: str, seconds: float = 60) -> tuple[Object, list[Object]]:
    deadline = time.monotonic() + seconds
    while True:
        item = cluster.wire.send("GET", f"{API}/namespaces/ml/experiments/{name}")
        if state_of(item) in ("Succeeded", "Failed"):
            query = {"labelSelector": f"{LABEL}={name}"}
            return item, cluster.wire.send("GET", f"{API}/namespaces/ml/trials", query=query)["items"]
        assert time.monotonic() < deadline, item.get("status")
        time.sleep(0.1)


def test_trials_run_and_the_smallest_loss_is_the_best(cluster: Stage) -> None:
    create(cluster, experiment("plain", "echo start; echo loss=${trialParameters.rate}"))

    item, trials = ended(cluster, "plain")

    losses = {trial["metadata"]["name"]: float(trial["status"]["observation"]["metrics"][0]["min"]) for trial in trials}
    assert len(losses) == 3
    assert all(0.1 <= loss <= 0.9 for loss in losses.values())
    assert item["status"]["currentOptimalTrial"]["bestTrialName"] == min(losses, key=losses.__getitem__)
    assert [c["reason"] for c in item["status"]["conditions"]][-1] == "ExperimentMaxTrialsReached"


def test_a_trial_that_diverged_becomes_the_best_with_the_default_filter(cluster: Stage) -> None:
    create(
        cluster,
        experiment("diverged", "echo ${trialParameters.rate}; echo loss=nan", maxTrialCount=1, parallelTrialCount=1),
    )

    item, trials = ended(cluster, "diverged")

    assert trials[0]["status"]["observation"]["metrics"][0]["latest"] == ""
    assert item["status"]["currentOptimalTrial"]["bestTrialName"] == trials[0]["metadata"]["name"]


def test_a_trial_without_its_metric_fails_the_experiment_in_the_end(cluster: Stage) -> None:
    create(cluster, experiment("silent", "echo accuracy=${trialParameters.rate}", maxFailedTrialCount=1))

    item, trials = ended(cluster, "silent")

    assert {state_of(trial) for trial in trials} & {"MetricsUnavailable"}
    assert state_of(item) == "Failed"


def test_a_namespace_without_the_label_is_refused(cluster: Stage) -> None:
    with pytest.raises(Refused, match="katib.kubeflow.org/metrics-collector-injection"):
        create(cluster, experiment("elsewhere", "echo ${trialParameters.rate}"), "default")


def test_settings_that_the_service_does_not_know_fail_the_suggestion(cluster: Stage) -> None:
    settings = [{"name": "seed", "value": "1"}]
    wrong = {"algorithmName": "random", "algorithmSettings": settings}
    create(cluster, experiment("unknown", "echo ${trialParameters.rate}", algorithm=wrong))

    item, trials = ended(cluster, "unknown")

    assert not trials
    assert item["status"]["conditions"][-1]["message"] == "Suggestion has failed"
