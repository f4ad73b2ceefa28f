"""Finished jobs by the hundred, written straight into the cluster: for what lists them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.cluster.trainjobs import API, MULTIKUEUE
from tests.cluster.wire import Wire

PAGE = 500
"""What a client asks for at once."""
_CONDITION = {
    "type": "Complete",
    "status": "True",
    "reason": "AllJobsCompleted",
    "message": "jobset completed successfully",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}
_COUNTS = {"name": "node", "ready": 0, "succeeded": 1, "failed": 0, "active": 0, "suspended": 0}


def trainjob(name: str) -> dict[str, Any]:
    """Return a TrainJob as it is sent. No controller of Trainer 2.3 touches it: another cluster is to run it."""
    return {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "metadata": {"name": name},
        "spec": {
            "runtimeRef": {"name": "torch-distributed"},
            "managedBy": MULTIKUEUE,
            "trainer": {"numNodes": 1, "command": ["python", "-c", "print('trained')"]},
        },
    }


def stock(
    wire: Wire, namespace: str, count: int, *, with_pods: int, create: Callable[[str], object] | None = None
) -> list[str]:
    """Make complete jobs `job-00000`, ... of one node each, and return their names.

    Args:
        wire: The cluster.
        namespace: Of the jobs.
        count: How many.
        with_pods: How many of them, the first ones, still have their pods.
        create: Makes the job of a name. Default: writes one with a short command into the cluster.
    """
    path = f"{API}/namespaces/{namespace}/trainjobs"

    def make(number: int) -> str:
        name = f"job-{number:05}"
        if create is None:
            wire.send("POST", path, trainjob(name))
        else:
            create(name)
        status = {"status": {"conditions": [_CONDITION], "jobsStatus": [_COUNTS]}}
        job = wire.patch(f"{path}/{name}/status", status)
        if number < with_pods:
            _pod(wire, namespace, job)
        return name

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(make, range(count)))


def pod_name(job: str) -> str:
    """Return the name of the pod of a job in stock."""
    return f"{job}-node-0-0-abcde"


def _pod(wire: Wire, namespace: str, trainjob: dict[str, Any]) -> None:
    job, uid = trainjob["metadata"]["name"], trainjob["metadata"]["uid"]
    name = pod_name(job)
    code = {key: value for key, value in trainjob["spec"]["trainer"].items() if key in ("command", "args")}
    labels = {
        "jobset.sigs.k8s.io/jobset-name": job,
        "jobset.sigs.k8s.io/replicatedjob-name": "node",
        "jobset.sigs.k8s.io/job-index": "0",
        "batch.kubernetes.io/job-completion-index": "0",
    }
    owner = {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainJob", "name": job, "uid": uid}
    pods = f"/api/v1/namespaces/{namespace}/pods"
    wire.send(
        "POST",
        pods,
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": labels, "annotations": labels, "ownerReferences": [owner]},
            "spec": {"nodeName": "test-node", "containers": [{"name": "node", "image": "example/image", **code}]},
        },
    )
    state = {"terminated": {"exitCode": 0, "reason": "Completed"}}
    status = {"name": "node", "image": "", "imageID": "", "ready": False, "restartCount": 0, "state": state}
    wire.patch(f"{pods}/{name}/status", {"status": {"phase": "Succeeded", "containerStatuses": [status]}})
