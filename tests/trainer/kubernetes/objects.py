"""Makes the objects of a job as Trainer, JobSet and the kubelet would: their labels, names and statuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubeflow.core.resource import MERGE_PATCH, Request, Transport

Json = dict[str, Any]


@dataclass(frozen=True)
class Made:
    """Objects of one namespace, made and changed."""

    transport: Transport
    namespace: str

    def trainjob(self, name: str, **spec: object) -> Json:
        body = {
            "apiVersion": "trainer.kubeflow.org/v1alpha1",
            "kind": "TrainJob",
            "metadata": {"name": name},
            "spec": {"runtimeRef": {"name": "torch-distributed"}, "trainer": {"numNodes": 1}, **spec},
        }
        return dict(self.transport.send(Request("POST", self._jobs, body=body)))

    def job_status(self, name: str, **status: object) -> Json:
        path = f"{self._jobs}/{name}/status"
        return dict(self.transport.send(Request("PATCH", path, body={"status": status}, content_type=MERGE_PATCH)))

    def end(self, name: str, kind: str = "Complete", reason: str = "AllJobsCompleted", message: str = "done") -> Json:
        return self.job_status(name, conditions=[condition(kind, reason, message)])

    def delete_job(self, name: str) -> None:
        self.transport.send(Request("DELETE", f"{self._jobs}/{name}"))

    def pod(
        self,
        job: str,
        replicated_job: str = "node",
        index: int | None = 0,
        *,
        suffix: str = "abcde",
        attempt: int = 0,
        container: str = "node",
        replica: int = 0,
        replicas: int = 1,
        spec: Mapping[str, object] | None = None,
        status: Mapping[str, object] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> str:
        """Make a pod of `job`, placed on a machine unless `spec` says otherwise, and return its name.

        `index=None` is a pod of a Job that is not Indexed.
        """
        place = f"{job}-{replicated_job}-{replica}"
        name = f"{place}-{suffix}" if index is None else f"{place}-{index}-{suffix}"
        indexed = {} if index is None else {"batch.kubernetes.io/job-completion-index": str(index)}
        body: Json = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "labels": {
                    "jobset.sigs.k8s.io/jobset-name": job,
                    "jobset.sigs.k8s.io/jobset-uid": f"uid-of-{job}",
                    "jobset.sigs.k8s.io/replicatedjob-name": replicated_job,
                    "jobset.sigs.k8s.io/replicatedjob-replicas": str(replicas),
                    "jobset.sigs.k8s.io/job-index": str(replica),
                    "jobset.sigs.k8s.io/restart-attempt": str(attempt),
                    **indexed,
                    **(labels or {}),
                },
            },
            "spec": {"nodeName": "machine-1", "containers": [{"name": container, "image": "image"}], **(spec or {})},
        }
        self.transport.send(Request("POST", self._pods, body=body))
        if status is not None:
            self.pod_status(name, status)
        return name

    def pod_status(self, name: str, status: Mapping[str, object]) -> None:
        body = {"status": status}
        self.transport.send(Request("PATCH", f"{self._pods}/{name}/status", body=body, content_type=MERGE_PATCH))

    def delete_pod(self, name: str) -> None:
        self.transport.send(Request("DELETE", f"{self._pods}/{name}", {"gracePeriodSeconds": "0"}))

    def event(self, kind: str, name: str, reason: str, message: str, **fields: object) -> None:
        about = {"kind": kind, "name": name, "namespace": self.namespace, "uid": fields.pop("uid", "")}
        number = len(list(self.transport.send(Request("GET", self._events))["items"]))  # type: ignore[call-overload]
        body = {
            "metadata": {"name": f"{name}.{number}"},
            "involvedObject": about,
            "reason": reason,
            "message": message,
            "type": "Normal",
            **fields,
        }
        self.transport.send(Request("POST", self._events, body=body))

    @property
    def _jobs(self) -> str:
        return f"/apis/trainer.kubeflow.org/v1alpha1/namespaces/{self.namespace}/trainjobs"

    @property
    def _pods(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods"

    @property
    def _events(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/events"


def condition(kind: str, reason: str, message: str, status: str = "True") -> Json:
    when = "2026-01-01T00:00:00Z"
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": when}


def running(container: str = "node", restarts: int = 0, last: Mapping[str, object] | None = None) -> Json:
    """Return the status of a pod whose container runs."""
    state = {"running": {"startedAt": "2026-01-01T00:00:01Z"}}
    return _status("Running", container, state, restarts, last)


def ended(
    exit_code: int,
    *,
    reason: str = "",
    message: str = "",
    finished: str = "2026-01-01T00:01:00Z",
    container: str = "node",
    restarts: int = 0,
) -> Json:
    """Return the status of a pod whose container has ended."""
    state = {"terminated": terminated(exit_code, reason=reason, message=message, finished=finished)}
    return _status("Failed" if exit_code else "Succeeded", container, state, restarts, None)


def terminated(exit_code: int, *, reason: str = "", message: str = "", finished: str = "2026-01-01T00:01:00Z") -> Json:
    reason = reason or ("Error" if exit_code else "Completed")
    return {
        "exitCode": exit_code,
        "reason": reason,
        "message": message,
        "startedAt": "2026-01-01T00:00:01Z",
        "finishedAt": finished,
    }


def waiting(
    reason: str, message: str = "", *, container: str = "node", last: Mapping[str, object] | None = None
) -> Json:
    """Return the status of a pod whose container waits."""
    return _status("Pending", container, {"waiting": {"reason": reason, "message": message}}, 0, last)


def unschedulable(message: str) -> Json:
    """Return the status of a pod that the scheduler cannot place."""
    return {"phase": "Pending", "conditions": [condition("PodScheduled", "Unschedulable", message, "False")]}


def _status(phase: str, container: str, state: Json, restarts: int, last: Mapping[str, object] | None) -> Json:
    container_status = {
        "name": container,
        "state": state,
        "restartCount": restarts,
        "ready": "running" in state,
        "image": "image",
        "imageID": "",
    }
    if last is not None:
        container_status["lastState"] = {"terminated": last}
    return {"phase": phase, "containerStatuses": [container_status]}
