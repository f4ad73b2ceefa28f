"""One JobSet of the test cluster: its Jobs in order of their dependencies, restarts, and its end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Literal

from kubeflow.local.executors.ports import ReservedPort
from tests.cluster.events import post_event
from tests.cluster.jobs import JobRun
from tests.cluster.kubelet import now
from tests.cluster.merge import PORT
from tests.cluster.pods import Node, PodRun
from tests.cluster.scenarios import Scenario

Object = dict[str, Any]

GROUP = "jobset.sigs.k8s.io"
_COUNTS = ("ready", "succeeded", "failed", "active", "suspended")


class JobSetRun:
    """A JobSet. `changed` is called on the loop after each change of its state.

    Attributes:
        state: Where it is.
        reason: Why it ended, in one word.
        message: Why it ended.
        jobs: The Jobs of this attempt, by the name of their replicated job.
    """

    def __init__(
        self,
        node: Node,
        manifest: Object,
        scenario: Scenario,
        changed: Callable[[], None],
        *,
        stored: bool,
    ) -> None:
        self.state: Literal["Suspended", "Active", "Completed", "Failed"] = "Active"
        self.reason = self.message = ""
        self.jobs: dict[str, JobRun] = {}
        self._node, self._scenario, self._changed = node, scenario, changed
        self._attempt = 0
        self._former: list[JobRun] = []
        self._written: Object = {}
        self._manifest, self._stored = manifest, stored
        metadata = manifest["metadata"]
        self.name: str = metadata["name"]
        self.path = f"/apis/jobset.x-k8s.io/v1alpha2/namespaces/{metadata['namespace']}/jobsets/{self.name}"
        if stored:
            self.object = node.wire.send("POST", self.path.rpartition("/")[0], manifest)
        else:  # the cluster has no such kind: the TrainJob stands in as the owner of the Jobs
            owner = metadata["ownerReferences"][0]
            self.object = {
                "apiVersion": owner["apiVersion"],
                "kind": owner["kind"],
                "metadata": {"name": self.name, "namespace": metadata["namespace"], "uid": owner["uid"]},
            }
        self._port: ReservedPort | None = None
        self._ports = self._new_ports()
        if manifest["spec"].get("suspend"):
            self.state = "Suspended"
        self._begin()

    def pods(self) -> list[PodRun]:
        """Return all pods that it ever had."""
        return [pod for job in [*self._former, *self.jobs.values()] for pod in job.all_pods]

    def counts(self) -> list[Object]:
        """Return for each replicated job how many of its Jobs (there is one) are in which state."""
        found: list[Object] = []
        for replicated in self._manifest["spec"]["replicatedJobs"]:
            job = self.jobs.get(replicated["name"])
            states = {
                "ready": job is not None and job.state == "Active" and job.ready,
                "succeeded": job is not None and job.state == "Complete",
                "failed": job is not None and job.state == "Failed",
                "active": job is not None and job.state == "Active" and job.active > 0,
                "suspended": job is not None and job.state == "Suspended",
            }
            found.append({"name": replicated["name"], **{key: int(states[key]) for key in _COUNTS}})
        return found

    def suspend(self) -> None:
        """End all pods and make no others."""
        if self.state == "Active":
            self.state = "Suspended"
            self._patch({"spec": {"suspend": True}})
            for job in self.jobs.values():
                job.suspend()
            self._say("Suspended", "jobset is suspended")
            self._sync()

    def resume(self, spec: Object) -> None:
        """Start anew from a spec that may have changed."""
        if self.state == "Suspended":
            self.state = "Active"
            self._manifest = {**self._manifest, "spec": spec}
            self._patch({"spec": {"suspend": False}})
            self._say("Resumed", "jobset is resumed")
            self._ports = self._new_ports()
            for name, job in self.jobs.items():
                job.resume(self._job(next(r for r in spec["replicatedJobs"] if r["name"] == name)))
            self._begin()

    def end(self) -> None:
        """Delete all pods that wait or run: the JobSet is deleted, or has ended."""
        self.release()
        for job in [*self._former, *self.jobs.values()]:
            job.end()

    def release(self) -> None:
        """Give up the port where its nodes meet."""
        if self._port is not None:
            self._port.close()

    def _new_ports(self) -> Mapping[str, str]:
        """What the nodes are told about each other, and what is true on this machine, where nothing resolves it."""
        self.release()
        self._port = ReservedPort()  # nodes take seconds to listen on it, and other tests ask for ports meanwhile
        port = str(self._port.number)
        spec = self._manifest["spec"]
        found: dict[str, str] = {}
        for replicated in spec["replicatedJobs"]:
            leader = f"{self.name}-{replicated['name']}-0-0.{self.name}"
            found |= {f"{leader}:{PORT}": f"127.0.0.1:{port}", leader: "127.0.0.1"}
        return {**found, str(PORT): port}

    def _begin(self) -> None:
        suspended = self.state == "Suspended"
        for replicated in self._manifest["spec"]["replicatedJobs"]:
            name = replicated["name"]
            if name not in self.jobs and (suspended or self._may_begin(replicated)):
                self.jobs[name] = JobRun(
                    self._node, self._job(replicated), name, self._scenario, self._ports, self._job_changes
                )
                self.jobs[name].sync()
        self._sync()

    def _may_begin(self, replicated: Object) -> bool:
        for needed in replicated.get("dependsOn") or []:
            job = self.jobs.get(needed["name"])
            if job is None or not (job.state == "Complete" or (needed["status"] == "Ready" and job.ready)):
                return False
        return True

    def _job(self, replicated: Object) -> Object:
        metadata = self._manifest["metadata"]
        name = f"{self.name}-{replicated['name']}-0"
        labels = {
            f"{GROUP}/jobset-name": self.name,
            f"{GROUP}/jobset-uid": self.object["metadata"]["uid"],
            f"{GROUP}/replicatedjob-name": replicated["name"],
            f"{GROUP}/replicatedjob-replicas": "1",
            f"{GROUP}/job-index": "0",
            f"{GROUP}/job-key": hashlib.sha1(f"{metadata['namespace']}/{name}".encode()).hexdigest(),
            f"{GROUP}/restart-attempt": str(self._attempt),
        }
        template = replicated["template"]
        given = template.get("metadata") or {}
        pod = template["spec"]["template"]
        pod_given = pod.get("metadata") or {}
        owner = {key: self.object[key] for key in ("apiVersion", "kind")}
        owner |= {"name": self.name, "uid": self.object["metadata"]["uid"]}
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": name,
                "namespace": metadata["namespace"],
                "labels": {**(given.get("labels") or {}), **labels},
                "annotations": {**(given.get("annotations") or {}), **labels},
                "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
            },
            "spec": {
                "completionMode": "Indexed",
                "completions": 1,
                "parallelism": 1,
                **{key: value for key, value in template["spec"].items() if key != "template"},
                "suspend": self.state == "Suspended",
                "template": {
                    "metadata": {
                        "labels": {**(pod_given.get("labels") or {}), **labels},
                        "annotations": {**(pod_given.get("annotations") or {}), **labels},
                    },
                    "spec": {"restartPolicy": "OnFailure", "subdomain": self.name, **pod["spec"]},
                },
            },
        }

    def _job_changes(self) -> None:
        self._node.loop.soon(self._job_changed)

    def _job_changed(self) -> None:
        if self.state == "Active":
            self._judge()
        self._sync()
        self._changed()

    def _judge(self) -> None:
        spec = self._manifest["spec"]
        if any(job.state == "Failed" for job in self.jobs.values()):
            allowed = (spec.get("failurePolicy") or {}).get("maxRestarts", 0)
            if self._attempt < allowed:
                self._restart()
            elif allowed:
                self._finish("Failed", "ReachedMaxRestarts", "jobset failed due to reaching max number of restarts")
            else:
                failed = next(job for job in self.jobs.values() if job.state == "Failed")
                message = f"jobset failed due to one or more job failures (first failed job: {failed.name})"
                self._finish("Failed", "FailedJobs", message)
            return
        policy = spec.get("successPolicy") or {}
        targets = policy.get("targetReplicatedJobs") or [r["name"] for r in spec["replicatedJobs"]]
        done = [name in self.jobs and self.jobs[name].state == "Complete" for name in targets]
        if any(done) if policy.get("operator") == "Any" else all(done):
            self._finish("Completed", "AllJobsCompleted", "jobset completed successfully")
        else:
            self._begin()

    def _finish(self, state: Literal["Completed", "Failed"], reason: str, message: str) -> None:
        self.state, self.reason, self.message = state, reason, message
        self._say(reason, message, warning=state == "Failed")
        self.end()

    def _restart(self) -> None:
        self._attempt += 1
        self._say("Restarting", f"restarting jobset, attempt {self._attempt}", warning=True)
        for job in self.jobs.values():
            self._node.wire.remove(job.path)
            for pod in job.all_pods:
                self._node.wire.remove(pod.path)
                pod.deleted()
        self._former += self.jobs.values()
        self.jobs = {}
        self._ports = self._new_ports()
        self._begin()

    def _sync(self) -> None:
        status: Object = {"restarts": self._attempt, "replicatedJobsStatus": self.counts()}
        if self.state != "Active":
            condition = {
                "type": self.state,
                "status": "True",
                "reason": self.reason or "SuspendedJobs",
                "message": self.message or "jobset is suspended",
                "lastTransitionTime": now(),
            }
            status["conditions"] = [condition]
        if self.state in ("Completed", "Failed"):
            status["terminalState"] = self.state
        told = {key: value for key, value in status.items() if key != "conditions"} | {"state": self.state}
        if self._stored and told != self._written:
            self._written = told
            self._node.wire.patch(f"{self.path}/status", {"status": status})

    def _patch(self, body: Object) -> None:
        if self._stored:
            self._node.wire.patch(self.path, body)

    def _say(self, reason: str, message: str, *, warning: bool = False) -> None:
        post_event(self._node.wire, self.object, "jobset", reason, message, warning=warning)
