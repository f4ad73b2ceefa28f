"""The control plane of OptimizationJob on the test cluster, as its proposal has it; Trainer ships none so far.

A TrainJob for each trial, owned by the OptimizationJob, with values in its environment. Metrics come from the status of
TrainJobs, which is written here from what the trial's process reports.
"""

from __future__ import annotations

import itertools
import json
import random
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.apiserver import UPSTREAM
from tests.cluster.kubelet import now
from tests.cluster.scenarios import Scenario
from tests.cluster.stage import Stage, documents, install

Object = dict[str, Any]

API = "/apis/trainer.kubeflow.org/v1alpha1"
PREFIX = "KUBEFLOW_TRAINER_OPT_"
_STATUS = "status.json"  # in the folder of a container
_TYPE = {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "OptimizationJob"}


def optimizationjob_crds() -> list[Object]:
    """Return the CRD of OptimizationJob as Trainer's main has it."""
    folder = Path(str(UPSTREAM)) / "trainer" / "main-2026-08" / "manifests" / "base" / "crds"
    return [each for each in documents(folder) if each["spec"]["names"]["kind"] == "OptimizationJob"]


class OptimizationJobs:
    """Plays the controller on a stage, until it is stopped. Use it as a context."""

    def __init__(self, stage: Stage, seed: int = 0) -> None:
        self._stage, self._wire, self._loop = stage, stage.wire, stage.controller.loop
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._grids: dict[str, Iterator[dict[str, str]]] = {}

    def __enter__(self) -> OptimizationJobs:
        install(self._wire, optimizationjob_crds())
        # What a rank reports goes to a file, in place of Trainer's server, which is where the feature gate is on.
        environment = {"KUBEFLOW_STATUS_FILE": _STATUS, "KUBEFLOW_TRAINER_SERVER_URL": "https://127.0.0.1:1"}
        self._stage.controller.default = Scenario(environment=environment)
        for path in (f"{API}/optimizationjobs", f"{API}/trainjobs"):
            threading.Thread(target=self._watch, args=(path,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def _watch(self, path: str) -> None:
        for event in self._wire.watch(path, self._stop):
            items = event["object"]["items"] if event["type"] == "RELIST" else [event["object"]]
            for item in items:
                owners = item["metadata"].get("ownerReferences") or []
                names = [each["name"] for each in owners if each["kind"] == "OptimizationJob"]
                for name in [item["metadata"]["name"]] if path.endswith("optimizationjobs") else names:
                    key = item["metadata"]["namespace"], name
                    self._loop.later(0.02, lambda key=key: self._reconcile(*key))  # type: ignore[misc]

    def _reconcile(self, namespace: str, name: str) -> None:
        path = f"{API}/namespaces/{namespace}/optimizationjobs/{name}"
        job = self._wire.find(path)
        if job is None or job["metadata"].get("deletionTimestamp") or self._stop.is_set():
            return
        conditions = (job.get("status") or {}).get("conditions") or []
        if any(each["type"] in ("Complete", "Failed") for each in conditions):
            return
        if not conditions:
            self._condition(path, [], "Created", "TrainJobsCreated", "TrainJobs are created")
            return
        uid = job["metadata"]["uid"]
        trials = [
            each
            for each in self._wire.items(f"{API}/namespaces/{namespace}/trainjobs")
            if any(owner["uid"] == uid for owner in each["metadata"].get("ownerReferences") or [])
        ]
        ended = [each for each in map(self._reported, trials) if _end(each)]
        spec = job["spec"]
        running = len(trials) - len(ended)
        while running < spec["parallelTrials"] and len(trials) + 1 <= spec["numTrials"]:
            drawn = self._draw(uid, spec)
            if drawn is None:
                break
            trials.append(self._create(namespace, job, len(trials), drawn))
            running += 1
        if not running:
            self._finish(path, job, conditions, ended)

    def _create(self, namespace: str, job: Object, number: int, drawn: Mapping[str, str]) -> Object:
        template = json.loads(json.dumps(job["spec"]["trainJobTemplate"]))
        metadata = job["metadata"]
        owner = {**_TYPE, "name": metadata["name"], "uid": metadata["uid"], "controller": True}
        trainer = template["spec"].setdefault("trainer", {})
        values = [{"name": PREFIX + name.upper(), "value": value} for name, value in drawn.items()]
        trainer["env"] = [*(trainer.get("env") or []), *values]
        body = {
            "apiVersion": "trainer.kubeflow.org/v1alpha1",
            "kind": "TrainJob",
            "metadata": {
                **(template.get("metadata") or {}),
                "name": f"{metadata['name']}-{number}",
                "namespace": namespace,
                "ownerReferences": [owner],
            },
            "spec": template["spec"],
        }
        return self._wire.send("POST", f"{API}/namespaces/{namespace}/trainjobs", body)

    def _draw(self, uid: str, spec: Object) -> dict[str, str] | None:
        if "grid" in spec["searchAlgorithm"]:
            if uid not in self._grids:
                names = [each["name"] for each in spec["parameters"]]
                lists = [each["searchSpace"]["categorical"]["choices"] for each in spec["parameters"]]
                self._grids[uid] = iter([dict(zip(names, point, strict=True)) for point in itertools.product(*lists)])
            return next(self._grids[uid], None)
        return {each["name"]: drawn_text(each["searchSpace"], self._random) for each in spec["parameters"]}

    def _reported(self, trial: Object) -> Object:
        """Return a trial with what its first rank has reported in its status."""
        if not _end(trial) or (trial.get("status") or {}).get("trainerStatus"):
            return trial
        namespace, name = trial["metadata"]["namespace"], trial["metadata"]["name"]
        selector = {"labelSelector": f"jobset.sigs.k8s.io/jobset-name={name}"}
        for pod in self._wire.send("GET", f"/api/v1/namespaces/{namespace}/pods", query=selector)["items"]:
            for file in (self._stage.controller.work / pod["metadata"]["uid"]).rglob(_STATUS):
                status = {"trainerStatus": {**json.loads(file.read_text("utf-8")), "lastUpdatedTime": now()}}
                return self._wire.patch(f"{API}/namespaces/{namespace}/trainjobs/{name}/status", {"status": status})
        return trial

    def _finish(self, path: str, job: Object, conditions: list[Object], trials: list[Object]) -> None:
        objective = job["spec"]["objectives"][0]
        sign = -1 if objective["direction"] == "Maximize" else 1
        best: tuple[float, Object] | None = None
        for trial in trials:
            metrics = ((trial.get("status") or {}).get("trainerStatus") or {}).get("metrics") or []
            for metric in metrics:
                if metric["name"] == objective["metric"] and (best is None or sign * float(metric["value"]) < best[0]):
                    best = sign * float(metric["value"]), trial
        if best is not None:
            result = {"trainJobName": best[1]["metadata"]["name"]}
            self._wire.patch(f"{path}/status", {"status": {"result": result}})
        self._condition(path, conditions, "Complete", "MaxTrialsReached", "all trials have ended")

    def _condition(self, path: str, before: list[Object], kind: str, reason: str, message: str) -> None:
        condition = {"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": now()}
        self._wire.patch(f"{path}/status", {"status": {"conditions": [*before, condition]}})


def drawn_text(space: Mapping[str, Any], generator: random.Random) -> str:
    """Return a value of a search space of an OptimizationJob, as text."""
    if "categorical" in space:
        return str(generator.choice(space["categorical"]["choices"]))
    logarithmic = "logUniform" in space
    ends = space["logUniform" if logarithmic else "uniform"]
    low, high = float(ends["min"]), float(ends["max"])
    if ends.get("type") == "Int":
        return str(generator.randint(int(low), int(high)))
    if logarithmic:
        import math

        return repr(min(high, max(low, math.exp(generator.uniform(math.log(low), math.log(high))))))
    return repr(generator.uniform(low, high))


def _end(trial: Mapping[str, Any]) -> bool:
    conditions = (trial.get("status") or {}).get("conditions") or []
    return any(each["type"] in ("Complete", "Failed") and each["status"] == "True" for each in conditions)
