"""The runtimes of the measured cases: those that Trainer 2.3.0 ships, and two that the cases describe."""

from __future__ import annotations

from typing import Any

from tests.cluster.stage import runtimes

Object = dict[str, Any]


def runtimes_of_cases() -> dict[str, Object]:
    """Return them by name."""
    found = {runtime["metadata"]["name"]: runtime for runtime in runtimes("2.3")}
    template: Object = {
        "metadata": {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}},
        "spec": {
            "template": {
                "spec": {"containers": [{"name": "node", "image": "img:1", "resources": {"limits": {"cpu": "1"}}}]}
            }
        },
    }
    jobs: Object = {"replicatedJobs": [{"name": "node", "template": template}]}
    found["nopolicy"] = _runtime("nopolicy", {"template": {"spec": jobs}})
    failing: Object = {**template, "spec": {**template["spec"], "backoffLimit": 0}}
    jobs_with_ttl: Object = {
        "replicatedJobs": [{"name": "node", "template": failing}],
        "ttlSecondsAfterFinished": 2,
    }
    found["ttl"] = _runtime("ttl", {"mlPolicy": {"numNodes": 1, "torch": {}}, "template": {"spec": jobs_with_ttl}})
    return found


def _runtime(name: str, spec: Object) -> Object:
    kind = {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainingRuntime"}
    return {**kind, "metadata": {"name": name}, "spec": spec}
