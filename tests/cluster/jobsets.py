"""One JobSet of the test cluster: its Jobs in order of their dependencies, restarts, and its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from kubeflow.local.executors.ports import ReservedPort
from tests.apiserver import Refused
from tests.cluster.childjobs import child_job
from tests.cluster.events import post_event
from tests.cluster.frameworks import PORT
from tests.cluster.jobs import JobRun
from tests.cluster.kubelet import now
from tests.cluster.pods import Node, PodRun
from tests.cluster.scenarios import Scenario

Object = dict[str, Any]

_COUNTS = ("ready", "succeeded", "failed", "active", "suspended")
_RETRY = 1.0  # seconds until Jobs that were refused are tried again


class JobSetRun:
    """A JobSet. `changed` is called on the loop after each change of its state.

    Attributes:
        object: As it was created.
        state: Where it is.
        reason: Why it ended, in one word.
        message: Why it ended.
        jobs: The Jobs of this attempt, by their replicated job and their place in it.
    """

    def __init__(self, node: Node, object_: Object, scenario: Scenario, changed: Callable[[], None]) -> None:
        self.state: Literal["Suspended", "Active", "Completed", "Failed"] = "Active"
        self.reason = self.message = ""
        self.jobs: dict[tuple[str, int], JobRun] = {}
        self.object = object_
        self._node, self._scenario, self._changed = node, scenario, changed
        self._attempt = 0
        self._gone = False
        self._former: list[JobRun] = []
        self._written: Object = {}
        self._spec: Object = object_["spec"]
        self._newest = node.minor == "2.3"
        metadata = object_["metadata"]
        self.name: str = metadata["name"]
        self.path = jobset_path(metadata["namespace"], self.name)
        self._port: ReservedPort | None = None
        self._ports = self._new_ports()
        if self._spec.get("suspend"):
            self.state = "Suspended"
        self._begin()

    def pods(self) -> list[PodRun]:
        """Return all pods that it ever had."""
        return [pod for job in [*self._former, *self.jobs.values()] for pod in job.all_pods]

    def counts(self) -> list[Object]:
        """Return for each replicated job how many of its Jobs are in which state; the order is nobody's promise."""
        found: list[Object] = []
        for replicated in self._spec["replicatedJobs"]:
            jobs = self._of(replicated["name"])
            states = {
                "ready": [job.state == "Active" and job.ready for job in jobs],
                "succeeded": [job.state == "Complete" for job in jobs],
                "failed": [job.state == "Failed" for job in jobs],
                "active": [job.state == "Active" and job.active > 0 for job in jobs],
                "suspended": [job.state == "Suspended" for job in jobs],
            }
            found.append({"name": replicated["name"], **{key: sum(states[key]) for key in _COUNTS}})
        return found[::-1] if self._newest else found

    def suspend(self) -> None:
        """End all pods and make no others."""
        if self.state == "Active":
            self.state = "Suspended"
            for job in self.jobs.values():
                job.suspend()
            self._say("SuspendedJobs" if self._newest else "Suspended", "jobset is suspended")
            self._sync()

    def resume(self, spec: Object) -> None:
        """Start anew from a spec that may have changed."""
        if self.state == "Suspended":
            self.state = "Active"
            self._spec = spec
            self._say("ResumeJobs" if self._newest else "Resumed", "jobset is resumed")
            self._ports = self._new_ports()
            for (name, place), job in self.jobs.items():
                job.resume(self._job(next(each for each in spec["replicatedJobs"] if each["name"] == name), place))
            self._begin()

    def remove(self) -> None:
        """Delete it with all that belongs to it."""
        self._gone = True
        self.release()
        self._node.wire.remove(self.path)
        for job in [*self._former, *self.jobs.values()]:
            job.remove()

    def release(self) -> None:
        """Give up the port where its nodes meet."""
        if self._port is not None:
            self._port.close()

    def _of(self, replicated: str) -> list[JobRun]:
        return [job for (name, _), job in self.jobs.items() if name == replicated]

    def _new_ports(self) -> Mapping[str, str]:
        """What the nodes are told about each other, and what is true on this machine, where nothing resolves it."""
        self.release()
        self._port = ReservedPort()  # nodes take seconds to listen on it, and other tests ask for ports meanwhile
        port = str(self._port.number)
        found: dict[str, str] = {}
        for replicated in self._spec["replicatedJobs"]:
            for place in range(replicated.get("replicas", 1)):
                leader = f"{self.name}-{replicated['name']}-{place}-0.{self.name}"
                found |= {f"{leader}:{PORT}": f"127.0.0.1:{port}", leader: "127.0.0.1"}
        return {**found, str(PORT): port}

    def _begin(self) -> None:
        if self._gone or self.state not in ("Active", "Suspended"):
            return
        for replicated in self._spec["replicatedJobs"]:
            name = replicated["name"]
            if not (self.state == "Suspended" or self._may_begin(replicated)):
                continue
            for place in range(replicated.get("replicas", 1)):
                if (name, place) not in self.jobs:
                    self._make(replicated, place)
        self._sync()

    def _make(self, replicated: Object, place: int) -> None:
        manifest, name = self._job(replicated, place), replicated["name"]
        try:
            job = JobRun(self._node, manifest, name, self._scenario, self._ports, self._job_changes)
        except Refused as refused:
            message = f'job "{manifest["metadata"]["name"]}" creation failed with error: {refused.message}'
            self._say("JobCreationFailed", message, warning=True)
            self._node.loop.later(_RETRY, self._begin)
            return
        self.jobs[name, place] = job
        job.sync()

    def _may_begin(self, replicated: Object) -> bool:
        for needed in replicated.get("dependsOn") or []:
            jobs = self._of(needed["name"])
            if not jobs or not all(
                job.state == "Complete" or (needed["status"] == "Ready" and job.ready) for job in jobs
            ):
                return False
        return True

    def _job(self, replicated: Object, place: int) -> Object:
        made = child_job(self.object, self._spec["replicatedJobs"], replicated, place, self._attempt)
        made["spec"]["suspend"] = self.state == "Suspended"
        return made

    def _job_changes(self) -> None:
        self._node.loop.soon(self._job_changed)

    def _job_changed(self) -> None:
        if self._gone:
            return
        if self.state == "Active":
            self._judge()
        self._sync()
        self._changed()

    def _judge(self) -> None:
        failed = next((job for job in self.jobs.values() if job.state == "Failed"), None)
        if failed is not None:
            first = f"(first failed job: {failed.name})"
            allowed = (self._spec.get("failurePolicy") or {}).get("maxRestarts", 0)
            if self._attempt < allowed:
                self._restart(first)
            elif allowed:
                self._finish(
                    "Failed", "ReachedMaxRestarts", f"jobset failed due to reaching max number of restarts {first}"
                )
            else:
                self._finish("Failed", "FailedJobs", f"jobset failed due to one or more job failures {first}")
            return
        policy = self._spec.get("successPolicy") or {}
        targets = policy.get("targetReplicatedJobs") or [each["name"] for each in self._spec["replicatedJobs"]]
        done = [bool(jobs) and all(job.state == "Complete" for job in jobs) for jobs in map(self._of, targets)]
        if any(done) if policy.get("operator") == "Any" else all(done):
            self._finish("Completed", "AllJobsCompleted", "jobset completed successfully")
        else:
            self._begin()

    def _finish(self, state: Literal["Completed", "Failed"], reason: str, message: str) -> None:
        self.state, self.reason, self.message = state, reason, message
        self._say(reason, message, warning=state == "Failed")
        if self._newest and self._attempt and state == "Failed":
            self._say("JobSetFailed", "jobset failed", warning=True)
        self.release()
        for key, job in list(self.jobs.items()):
            if job.state == "Active":  # what has not ended by itself is deleted, with its pods
                job.remove()
                self._former.append(self.jobs.pop(key))

    def _restart(self, first: str) -> None:
        self._attempt += 1
        if self._newest:
            self._say("DefaultFailurePolicy", "jobset is restarting", warning=True)
            message = f"applying RestartJobSet failure policy action {first}"
            self._say("RestartJobSetFailurePolicyAction", message, warning=True)
        else:
            self._say("Restarting", f"restarting jobset, attempt {self._attempt}", warning=True)
        for job in self.jobs.values():
            job.remove()
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
        if told != self._written and not self._gone:
            self._written = told
            self._node.wire.patch(f"{self.path}/status", {"status": status})

    def _say(self, reason: str, message: str, *, warning: bool = False) -> None:
        post_event(self._node.wire, self.object, "jobset", reason, message, warning=warning, new_style=self._newest)


def jobset_path(namespace: str, name: str) -> str:
    """Return the path of a JobSet."""
    return f"/apis/jobset.x-k8s.io/v1alpha2/namespaces/{namespace}/jobsets/{name}"
