"""Trainer on the test cluster: makes TrainJobs into JobSets, and tells of them as the controller of each minor does.

With `jobsets`, `jobs`, `pods` and `kubelet` it plays a whole cluster on a real API server. A pod is played by a script, or
runs the command of the TrainJob as processes of this machine: see `scenarios`.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.apiserver import Refused
from tests.cluster.events import post_event
from tests.cluster.jobsets import JobSetRun
from tests.cluster.kubelet import now
from tests.cluster.loop import Loop
from tests.cluster.merge import jobset_of
from tests.cluster.pods import Node
from tests.cluster.scenarios import REAL, Scenario
from tests.cluster.wire import Wire

Object = dict[str, Any]

API = "/apis/trainer.kubeflow.org/v1alpha1"
QUEUE = "kueue.x-k8s.io/queue-name"
MULTIKUEUE = "kueue.x-k8s.io/multikueue"
_JOBSETS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/jobsets.jobset.x-k8s.io"
_NAME_LIMIT = 63
_POD_SUFFIX = 6  # a dash and five characters


class Controller:
    """Plays the control plane of one Trainer minor, and the cluster below it, until it is stopped.

    Attributes:
        scenarios: What happens to a TrainJob, by its name; read when its JobSet is made.
        default: What happens to the others.
        requeue: Seconds until a JobSet that was refused is tried again.
    """

    def __init__(self, kubeconfig: Path, minor: str = "2.3", *, logs: Path | None = None, grace: float = 3) -> None:
        self.scenarios: dict[str, Scenario] = {}
        self.default = REAL
        self.requeue = 2.0
        self.minor = minor
        self.wire = Wire(kubeconfig)
        self.loop = Loop("controller")
        folder = kubeconfig.parent
        self.logs = logs or folder / "podlogs"
        self.work = folder / "containers"
        self._node = Node(self.wire, self.loop, self.logs, self.work, Path(sys.executable).parent, grace)
        self._jobs: dict[str, TrainJobRun] = {}
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin."""
        stored = self.wire.exists(_JOBSETS)
        self.loop.start()

        def added(job: Object) -> TrainJobRun:
            return TrainJobRun(self, self._node, job, stored=stored)

        self._watch(f"{API}/trainjobs", lambda event: self._on_job(event, added))
        self._watch("/api/v1/pods", self._on_pod)

    def stop(self) -> None:
        """End all that runs; raise if anything went wrong."""
        self._stop.set()
        self.loop.wait(self._collect_all)
        self.loop.stop()
        self.wire.close()
        for thread in self._threads:
            thread.join()
        assert not self.loop.errors, "\n".join(self.loop.errors)

    def admit(self, name: str, namespace: str = "default") -> None:
        """Start a job that waits in a queue, as Kueue does."""
        path = f"{API}/namespaces/{namespace}/trainjobs/{name}"
        job = self.wire.patch(path, {"spec": {"suspend": False}})
        post_event(self.wire, job, "kueue", "Admitted", "Admitted by clusterQueue test-queue, wait time 1s")

    def _collect_all(self) -> None:
        for run in self._jobs.values():
            run.collect()

    def _watch(self, path: str, decide: Callable[[Object], None]) -> None:
        def read() -> None:
            for event in self.wire.watch(path, self._stop):
                self.loop.soon(lambda event=event: decide(event))  # type: ignore[misc]

        thread = threading.Thread(target=read, name=f"watch of {path}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _on_job(self, event: Object, added: Callable[[Object], TrainJobRun]) -> None:
        if event["type"] == "RELIST":
            listed = {job["metadata"]["uid"]: job for job in event["object"]["items"]}
            for uid in [uid for uid in self._jobs if uid not in listed]:
                self._jobs.pop(uid).collect()
            for job in listed.values():
                self._on_job({"type": "MODIFIED", "object": {**_TYPE, **job}}, added)
            return
        job = event["object"]
        uid = job["metadata"]["uid"]
        if event["type"] == "DELETED":
            if uid in self._jobs:
                self._jobs.pop(uid).collect()
            return
        if uid not in self._jobs:
            self._jobs[uid] = added(job)
        self._jobs[uid].update(job)

    def _on_pod(self, event: Object) -> None:
        pods = event["object"]["items"] if event["type"] == "RELIST" else [event["object"]]
        for pod in pods:
            if event["type"] == "DELETED" or pod["metadata"].get("deletionTimestamp"):
                for run in list(self._jobs.values()):
                    run.pod_deleted(pod["metadata"]["uid"])


_TYPE = {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainJob"}


class TrainJobRun:
    """One TrainJob."""

    def __init__(self, controller: Controller, node: Node, job: Object, *, stored: bool) -> None:
        self._controller, self._node, self._stored = controller, node, stored
        self._object = job
        metadata = job["metadata"]
        self._name: str = metadata["name"]
        self._namespace: str = metadata["namespace"]
        self._path = f"{API}/namespaces/{self._namespace}/trainjobs/{self._name}"
        self._conditions: list[Object] = list((job.get("status") or {}).get("conditions") or [])
        self._written: Object = {}
        self._jobset: JobSetRun | None = None
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
        if spec.get("managedBy") == MULTIKUEUE and self._controller.minor == "2.3":
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
        if jobset is None:
            return
        jobset.release()
        if self._stored:
            self._node.wire.remove(jobset.path)
        for job in jobset.jobs.values():
            self._node.wire.remove(job.path)
        for pod in jobset.pods():
            if not pod.gone:
                self._node.wire.remove(pod.path)
                pod.deleted()

    def _set_deadline(self, seconds: int | None) -> None:
        start = self._starts

        def over() -> None:
            if not self._over and not self._gone and self._starts == start:
                message = f"TrainJob was active for longer than {seconds} seconds"
                self._drop_jobset()
                self._finish("Failed", "DeadlineExceeded", message)

        if seconds is not None:
            self._node.loop.later(seconds, over)

    def _reconcile(self) -> None:
        if self._over or self._gone:
            return
        runtime = self._runtime()
        if runtime is None:
            return
        made = jobset_of(self._object, runtime)
        if self._jobset is None:
            self._make(made)
        elif self._suspended:
            self._jobset.suspend()
        else:
            self._jobset.resume(made["spec"])
        self._sync()

    def _runtime(self) -> Object | None:
        reference = self._object["spec"]["runtimeRef"]
        path = f"{API}/clustertrainingruntimes/{reference['name']}"
        if reference.get("kind") == "TrainingRuntime":
            path = f"{API}/namespaces/{self._namespace}/trainingruntimes/{reference['name']}"
        try:
            return self._node.wire.send("GET", path)
        except Refused as refused:
            self._refused(str(refused))
            return None

    def _make(self, made: Object) -> None:
        scenario = self._controller.scenarios.get(self._name, self._controller.default)
        owner = {**_TYPE, "name": self._name, "uid": self._object["metadata"]["uid"]}
        manifest = {
            "apiVersion": "jobset.x-k8s.io/v1alpha2",
            "kind": "JobSet",
            "metadata": {
                **made["metadata"],
                "name": self._name,
                "namespace": self._namespace,
                "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
            },
            "spec": {**made["spec"], "suspend": bool(self._suspended)},
        }
        if problem := scenario.refused or _name_problem(manifest):
            self._refused(problem)
            return
        try:
            self._jobset = JobSetRun(self._node, manifest, scenario, self._changed, stored=self._stored)
        except Refused as refused:
            self._refused(str(refused))

    def _refused(self, message: str) -> None:
        message = f"Failed to create resources: {message}"
        self._say("TrainJobResourcesCreationFailed", message, warning=True)
        self._node.loop.later(self._controller.requeue, self._reconcile)

    def _changed(self) -> None:
        self._node.loop.soon(self._sync)

    def _sync(self) -> None:
        jobset = self._jobset
        if jobset is None or self._over or self._gone:
            return
        if jobset.state == "Completed":
            self._finish("Complete", jobset.reason, jobset.message)
        elif jobset.state == "Failed":
            self._finish("Failed", jobset.reason, jobset.message)
        else:
            self._write()

    def _finish(self, type_: str, reason: str, message: str) -> None:
        self._over = True
        self._condition(type_, "True", reason, message)
        self._write()

    def _condition(self, type_: str, status: str, reason: str, message: str) -> None:
        others = [condition for condition in self._conditions if condition["type"] != type_]
        condition = {"type": type_, "status": status, "reason": reason, "message": message}
        self._conditions = [*others, {**condition, "lastTransitionTime": now()}]
        self._write()

    def _write(self) -> None:
        status: Object = {"conditions": self._conditions} if self._conditions else {}
        if self._controller.minor != "2.0" and self._jobset is not None:
            status["jobsStatus"] = self._jobset.counts()
        if status and status != self._written:
            self._written = {**status, "conditions": list(self._conditions)} if self._conditions else status
            self._node.wire.patch(f"{self._path}/status", {"status": status})

    def _say(self, reason: str, message: str, *, warning: bool = False) -> None:
        new_style = self._controller.minor not in ("2.0", "2.1")
        source = "trainjob-controller"
        post_event(self._node.wire, self._object, source, reason, message, warning=warning, new_style=new_style)


def _name_problem(manifest: Mapping[str, Any]) -> str:
    """JobSet's own rule: the names of its Jobs and pods must fit into a label."""
    for replicated in manifest["spec"]["replicatedJobs"]:
        job = f"{manifest['metadata']['name']}-{replicated['name']}-0"
        last = (replicated["template"]["spec"].get("completions") or 1) - 1
        if len(f"{job}-{last}") + _POD_SUFFIX > _NAME_LIMIT:
            return (
                'admission webhook "vjobset.kb.io" denied the request: the JobSet name is too long, the names of its '
                "pods must be no more than 63 characters"
            )
    return ""
