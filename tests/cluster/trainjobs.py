"""One TrainJob of the test cluster: what Trainer makes of it, and tells of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.apiserver import Refused
from tests.cluster.companions import make_companions
from tests.cluster.events import post_event
from tests.cluster.jobsets import JobSetRun, jobset_path
from tests.cluster.kubelet import now
from tests.cluster.merge import jobset_of
from tests.cluster.pods import Node
from tests.cluster.scenarios import Scenario

Object = dict[str, Any]

API = "/apis/trainer.kubeflow.org/v1alpha1"
TYPE = {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainJob"}
QUEUE = "kueue.x-k8s.io/queue-name"
MULTIKUEUE = "kueue.x-k8s.io/multikueue"


class TrainJobRun:
    """One TrainJob.

    Args:
        node: Where its pods run.
        job: As it was first seen.
        scenario: Returns what is to happen to a TrainJob; asked when its JobSet is made.
        requeue: Returns the seconds until what was refused is tried again.
    """

    def __init__(
        self, node: Node, job: Object, scenario: Callable[[str], Scenario], requeue: Callable[[], float]
    ) -> None:
        self._node, self._scenario, self._requeue = node, scenario, requeue
        self._newest = node.minor == "2.3"
        self._object = job
        metadata = job["metadata"]
        self._name: str = metadata["name"]
        self._namespace: str = metadata["namespace"]
        self._path = f"{API}/namespaces/{self._namespace}/trainjobs/{self._name}"
        self._conditions: list[Object] = list((job.get("status") or {}).get("conditions") or [])
        self._written: Object = {}
        self._jobset: JobSetRun | None = None
        self._snapshot: Object | None = None
        self._over = any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in self._conditions)
        self._suspended: bool | None = None
        self._starts = 0
        self._gone = False

    def update(self, job: Object) -> None:
        """Act on what the TrainJob says now."""
        self._object = job
        if job["metadata"].get("deletionTimestamp"):
            self.collect()
            self._node.wire.patch(self._path, {"metadata": {"finalizers": None}})
            return
        if self._over or self._gone:
            return
        spec = job["spec"]
        if spec.get("managedBy") == MULTIKUEUE and self._newest:
            return
        if self._suspended is None and QUEUE in (job["metadata"].get("labels") or {}) and not spec.get("suspend"):
            self._node.wire.patch(self._path, {"spec": {"suspend": True}})  # Kueue takes over what names a queue
            return
        suspend = bool(spec.get("suspend"))
        if suspend == self._suspended:
            return
        resumed = self._suspended is True and not suspend
        self._suspended = suspend
        if suspend:
            self._condition("Suspended", "True", "Suspended", "TrainJob is suspended")
        elif resumed:
            self._condition("Suspended", "False", "Resumed", "TrainJob is resumed")
        self._starts += 1
        if not suspend:
            self._set_deadline(spec.get("activeDeadlineSeconds"))
        self._reconcile()

    def pod_deleted(self, uid: str) -> None:
        """Take note that a pod, perhaps of this job, is deleted."""
        if self._jobset is not None:
            for pod in self._jobset.pods():
                if pod.uid == uid:
                    pod.deleted()

    def collect(self) -> None:
        """Delete all that was made for the job, as the cluster does when an owner is gone."""
        self._gone = True
        self._drop_jobset()

    def _drop_jobset(self) -> None:
        jobset, self._jobset = self._jobset, None
        if jobset is not None:
            jobset.remove()

    def _set_deadline(self, seconds: int | None) -> None:
        start = self._starts

        def over() -> None:
            if not self._over and not self._gone and self._starts == start:
                self._drop_jobset()
                message = f"TrainJob was active for longer than {seconds} seconds"
                self._finish(
                    "Failed",
                    "DeadlineExceeded",
                    "TrainJob exceeded its active deadline" if self._newest else message,
                )

        if seconds is not None:
            self._node.loop.later(seconds, over)

    def _reconcile(self) -> None:
        if self._over or self._gone:
            return
        running = self._jobset is not None and self._jobset.state != "Suspended"
        if running and not self._suspended:
            self._sync()  # a JobSet that runs is left alone
            return
        try:
            applied = self._apply()
        except Refused as refused:
            self._refused(refused.message)
            return
        if self._jobset is None:
            self._jobset = JobSetRun(self._node, applied, self._scenario(self._name), self._changed)
            if self._newest and applied["spec"].get("volumeClaimPolicies"):
                self._apply_again()
        elif self._suspended:
            self._jobset.suspend()
        else:
            self._jobset.resume(applied["spec"])
        self._sync()

    def _apply(self) -> Object:
        """Apply what the job needs, and return the JobSet as the server has it."""
        runtime = self._snapshot or self._runtime()
        made, making = jobset_of(self._object, runtime, self._node.minor)
        if problem := self._scenario(self._name).refused:
            raise Refused(403, {"message": problem})
        owner = {**TYPE, "name": self._name, "uid": self._object["metadata"]["uid"]}
        owner |= {"controller": True, "blockOwnerDeletion": True}
        if self._newest:
            self._snapshot = runtime
        make_companions(self._node.wire, owner, self._namespace, making, self._snapshot)
        manifest = {
            "apiVersion": "jobset.x-k8s.io/v1alpha2",
            "kind": "JobSet",
            "metadata": {
                **made["metadata"],
                "name": self._name,
                "namespace": self._namespace,
                "ownerReferences": [owner],
            },
            "spec": {**made["spec"], "suspend": bool(self._suspended)},
        }
        return self._node.wire.apply(jobset_path(self._namespace, self._name), manifest, manager="trainer")

    def _apply_again(self) -> None:
        """Do as Trainer does before its cache has the JobSet: what is refused then is an event of a healthy job."""
        try:
            self._apply()
        except Refused as refused:
            self._tell_refused(refused.message)

    def _runtime(self) -> Object:
        reference = self._object["spec"]["runtimeRef"]
        path = f"{API}/clustertrainingruntimes/{reference['name']}"
        if reference.get("kind") == "TrainingRuntime":
            path = f"{API}/namespaces/{self._namespace}/trainingruntimes/{reference['name']}"
        return self._node.wire.send("GET", path)

    def _refused(self, message: str) -> None:
        self._tell_refused(message)
        self._node.loop.later(self._requeue(), self._reconcile)

    def _tell_refused(self, message: str) -> None:
        new_style = self._node.minor not in ("2.0", "2.1")
        start = "TrainJob resources reconciliation failed" if self._newest else "Failed to create resources"
        post_event(
            self._node.wire,
            self._object,
            "trainer-trainjob-controller" if self._newest else "trainjob-controller",
            "TrainJobResourcesCreationFailed",
            f"{start}: {message[:950]}",
            warning=True,
            new_style=new_style,
        )

    def _changed(self) -> None:
        self._node.loop.soon(self._sync)

    def _sync(self) -> None:
        jobset = self._jobset
        if jobset is None or self._over or self._gone:
            return
        if jobset.state in ("Completed", "Failed"):
            self._finish("Complete" if jobset.state == "Completed" else "Failed", jobset.reason, jobset.message)
            ttl = jobset.object["spec"].get("ttlSecondsAfterFinished")
            if ttl is not None:
                self._node.loop.later(ttl, self._forget_jobset)
        else:
            self._write()

    def _forget_jobset(self) -> None:
        """Delete the JobSet some time after its end, and do what Trainer 2.3.0 does then: start a failed job again."""
        if self._gone:
            return
        self._drop_jobset()
        failed = any(each["type"] == "Failed" for each in self._conditions)
        if failed and self._newest:
            self._over = False
            self._conditions = [each for each in self._conditions if each["type"] != "Failed"]
            self._reconcile()
            self._write()

    def _finish(self, type_: str, reason: str, message: str) -> None:
        self._over = True
        self._condition(type_, "True", reason, message)

    def _condition(self, type_: str, status: str, reason: str, message: str) -> None:
        others = [condition for condition in self._conditions if condition["type"] != type_]
        condition = {"type": type_, "status": status, "reason": reason, "message": message}
        self._conditions = [*others, {**condition, "lastTransitionTime": now()}]
        self._write()

    def _write(self) -> None:
        status: Object = {"conditions": self._conditions} if self._conditions or self._written else {}
        if self._node.minor != "2.0" and self._jobset is not None:
            status["jobsStatus"] = self._jobset.counts()
        if status and status != self._written:
            self._written = {**status, "conditions": list(self._conditions)}
            self._node.wire.patch(f"{self._path}/status", {"status": status})
