"""A job to be explained, and the words that its ranks leave behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from kubeflow.cluster import Cluster
from kubeflow.core.resource import MERGE_PATCH, Request
from kubeflow.trainer.backends.kubernetes.diagnosis.explanation import diagnose, failure
from kubeflow.trainer.backends.kubernetes.jobs.lookup import jobs_path
from kubeflow.trainer.diagnosis.diagnosis import Diagnosis
from kubeflow.trainer.errors import JobFailed
from kubeflow.trainer.types.jobs import JobStatus, TrainJob
from tests.trainer.kubernetes.edge import Edge
from tests.trainer.kubernetes.objects import Made
from tests.trainer.runtimes import TORCH


def raised(rank: int, kind: str = "ValueError", message: str = "boom") -> str:
    """Return the termination message of a rank that raised."""
    frame = {"file": "train.py", "line": 3, "function": "train", "text": "raise"}
    error = {"type": kind, "message": message, "traceback": f"{kind}: {message}", "frames": [frame]}
    return json.dumps({"version": 1, "status": "failed", "rank": rank, "attempt": 0, "error": error})


def returned(rank: int, value: object) -> str:
    """Return the termination message of a rank that returned."""
    return json.dumps({"version": 1, "status": "succeeded", "rank": rank, "attempt": 0, "result": value})


class Subject:
    """A job `a` to be explained."""

    def __init__(self, made: Made, edge: Edge, cluster: Cluster) -> None:
        self.made, self.edge, self.cluster = made, edge, cluster

    def job(self, **spec: object) -> None:
        self.made.trainjob("a", **spec)

    def raw(self) -> Mapping[str, object]:
        return self.cluster.send(Request("GET", f"{jobs_path(self.made.namespace)}/a"))

    def explain(self, status: JobStatus = "Created") -> Diagnosis:
        view = TrainJob("a", TORCH, [], 1, datetime(2026, 1, 1, tzinfo=UTC), status)
        return diagnose(self.cluster, self.made.namespace, self.raw(), view)

    def failure(self) -> JobFailed:
        return failure(self.cluster, self.made.namespace, self.raw())

    def post(self, path: str, body: Mapping[str, object]) -> None:
        self.made.transport.send(Request("POST", path, body=body))

    def patch(self, path: str, body: Mapping[str, object]) -> None:
        self.made.transport.send(Request("PATCH", path, body=body, content_type=MERGE_PATCH))
