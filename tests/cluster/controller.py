"""Trainer on the test cluster: watches TrainJobs and pods, and has each job played.

With `webhooks`, `trainjobs`, `jobsets`, `jobs`, `pods` and `kubelet` it plays a whole cluster on a real API server. A pod is
played by a script, or runs the command of the TrainJob as processes of this machine: see `scenarios`.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cluster.events import post_event
from tests.cluster.loop import Loop
from tests.cluster.pods import Node
from tests.cluster.scenarios import REAL, Scenario
from tests.cluster.trainjobs import API, TYPE, TrainJobRun
from tests.cluster.webhooks import Webhooks
from tests.cluster.wire import Wire

Object = dict[str, Any]


class Controller:
    """Plays the control plane of one Trainer minor, and the cluster below it, until it is stopped.

    Attributes:
        scenarios: What happens to a TrainJob, by its name; read when its JobSet is made.
        default: What happens to the others.
        requeue: Seconds until a JobSet that was refused is tried again.
        beside: Makes the life of a container that a webhook adds to pods, by the container's name.
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
        self._node = Node(self.wire, self.loop, self.logs, self.work, Path(sys.executable).parent, grace, minor=minor)
        self.beside = self._node.beside
        self._webhooks = Webhooks(self.wire, folder, minor)
        self._jobs: dict[str, TrainJobRun] = {}
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin."""
        self._webhooks.start()
        self.loop.start()
        self._watch(f"{API}/trainjobs", self._on_job)
        self._watch("/api/v1/pods", self._on_pod)

    def stop(self) -> None:
        """End all that runs; raise if anything went wrong."""
        self._stop.set()
        self.loop.wait(self._collect_all)
        self.loop.stop()
        self._webhooks.stop()
        self.wire.close()
        for thread in self._threads:
            thread.join()
        assert not self.loop.errors, "\n".join(self.loop.errors)

    def admit(self, name: str, namespace: str = "default") -> None:
        """Start a job that waits in a queue, as Kueue does."""
        path = f"{API}/namespaces/{namespace}/trainjobs/{name}"
        job = self.wire.patch(path, {"spec": {"suspend": False}})
        post_event(self.wire, job, "kueue", "Admitted", "Admitted by clusterQueue test-queue, wait time 1s")

    def scenario(self, name: str) -> Scenario:
        """Return what is to happen to a TrainJob."""
        return self.scenarios.get(name, self.default)

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

    def _on_job(self, event: Object) -> None:
        if event["type"] == "RELIST":
            listed = {job["metadata"]["uid"]: job for job in event["object"]["items"]}
            for uid in [uid for uid in self._jobs if uid not in listed]:
                self._jobs.pop(uid).collect()
            for job in listed.values():
                self._on_job({"type": "MODIFIED", "object": {**TYPE, **job}})
            return
        job = event["object"]
        uid = job["metadata"]["uid"]
        if event["type"] == "DELETED":
            if uid in self._jobs:
                self._jobs.pop(uid).collect()
            return
        if uid not in self._jobs:
            self._jobs[uid] = TrainJobRun(self._node, job, self.scenario, lambda: self.requeue)
        self._jobs[uid].update(job)

    def _on_pod(self, event: Object) -> None:
        pods = event["object"]["items"] if event["type"] == "RELIST" else [event["object"]]
        for pod in pods:
            if event["type"] == "DELETED" or pod["metadata"].get("deletionTimestamp"):
                for run in list(self._jobs.values()):
                    run.pod_deleted(pod["metadata"]["uid"])
