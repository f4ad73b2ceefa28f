"""Searches of Katib that have ended, with trials by the hundred, written straight into a cluster."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kubeflow.optimizer.engines.katib.experiment_rendering import Surroundings, rendered_experiment
from tests.cluster.katib.experimentrules import default_experiment
from tests.cluster.katib.katibcontroller import API, LABEL
from tests.cluster.wire import Wire
from tests.optimizer.katib.searches import search

TRAINJOBS = "/apis/trainer.kubeflow.org/v1alpha1/namespaces/{}/trainjobs"
_TIME = "2026-01-01T00:00:00Z"


def condition(kind: str, reason: str) -> dict[str, str]:
    return {"type": kind, "status": "True", "reason": reason, "message": reason, "lastTransitionTime": _TIME}


def stock_search(wire: Wire, namespace: str, name: str, trials: int) -> dict[str, Any]:
    """Make a search with complete trials, each with its TrainJob, and return its Experiment.

    Trial `number` has the loss `number`.
    """
    body = default_experiment(rendered_experiment(search(name, trials=trials, parallel=1), Surroundings()).to_dict())
    path = f"{API}/namespaces/{namespace}"
    stored = wire.send("POST", f"{path}/experiments", body)
    ended = [condition("Succeeded", "ExperimentMaxTrialsReached")]
    wire.patch(f"{path}/experiments/{name}/status", {"status": {"conditions": ended, "trials": trials}})
    template = body["spec"]["trialTemplate"]["trialSpec"]

    def make(number: int) -> None:
        called = f"{name}-{number:08}"
        values = [{"name": "lr", "value": "0.01"}, {"name": "batch_size", "value": "1"}]
        job = {**template, "metadata": {**template["metadata"], "name": called}}
        trial = {
            "apiVersion": "kubeflow.org/v1beta1",
            "kind": "Trial",
            "metadata": {"name": called, "labels": {LABEL: name}},
            "spec": {"parameterAssignments": values, "objective": body["spec"]["objective"], "runSpec": job},
        }
        wire.send("POST", f"{path}/trials", trial)
        metric = {"name": "loss", **dict.fromkeys(("min", "max", "latest"), str(number))}
        status = {"conditions": [condition("Succeeded", "TrialSucceeded")], "observation": {"metrics": [metric]}}
        wire.patch(f"{path}/trials/{called}/status", {"status": status})
        wire.send("POST", TRAINJOBS.format(namespace), job)
        done = {"conditions": [condition("Complete", "AllJobsCompleted")]}
        wire.patch(f"{TRAINJOBS.format(namespace)}/{called}/status", {"status": done})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, range(trials)))
    return stored
