"""A pod of the played Spark Operator: a driver, an executor, or the server of a SparkConnect."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.events import post_event
from tests.cluster.kubelet import Exit, Life, ProcessLife, ScriptedLife, environment_of, now, open_log
from tests.cluster.loop import Loop
from tests.cluster.podobjects import terminated
from tests.cluster.scenarios import Script
from tests.cluster.wire import Wire

Object = dict[str, Any]

DRIVER, EXECUTOR, SERVER = "driver", "executor", "connect-server"
CONTAINERS = {
    DRIVER: "spark-kubernetes-driver",
    EXECUTOR: "spark-kubernetes-executor",
    SERVER: "spark-kubernetes-driver",
}


@dataclass(frozen=True, slots=True)
class SparkMachines:
    """What the pods run on. `grace`: seconds between TERM and KILL at most. `environment`: what every image sets."""

    wire: Wire
    loop: Loop
    logs: Path
    work: Path
    grace: float = 2
    environment: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class PodPlan:
    """One pod.

    Attributes:
        name: Its name.
        role: `driver`, `executor` or `connect-server`.
        labels: Of the pod.
        template: A pod template, which may lack anything.
        command: What its container runs, where `script` is `None`.
        script: How its container lives without a process.
        pull_error: What the registry says; the image never comes then.
        unschedulable: What the scheduler says; the pod never gets a machine then.
        pull: Seconds until the image is there.
        image: Of the container.
        python: The image's Python. Default: the one that runs the tests.
    """

    name: str
    role: str
    labels: Mapping[str, str]
    template: Mapping[str, Any]
    command: tuple[str, ...] = ()
    script: Script | None = None
    pull_error: str = ""
    unschedulable: str = ""
    pull: float = 0
    image: str = "apache/spark:4.0.1"
    python: str = sys.executable


class SparkPod:
    """A pod, from its creation to its end. `changed` is called on the loop once it runs, and once it has ended.

    Attributes:
        state: `Pending`, `Running`, `Succeeded`, `Failed` or `Gone`.
        exit: How its container ended.
    """

    def __init__(
        self, machines: SparkMachines, owner: Object, plan: PodPlan, changed: Callable[[SparkPod], None]
    ) -> None:
        self.state, self.plan = "Pending", plan
        self.exit: Exit | None = None
        self._machines, self._changed = machines, changed
        self._life: Life | None = None
        self._leaving = self._overdue = False
        namespace = owner["metadata"]["namespace"]
        self.object = machines.wire.send("POST", f"/api/v1/namespaces/{namespace}/pods", _manifest(owner, plan))
        self.name: str = plan.name
        self.uid: str = self.object["metadata"]["uid"]
        self.path = f"/api/v1/namespaces/{namespace}/pods/{self.name}"
        self._container = next(c for c in self.object["spec"]["containers"] if c["name"] == CONTAINERS[plan.role])
        if plan.unschedulable:
            self._status(phase="Pending", conditions=[_unplaced(plan.unschedulable)])
            self._say("default-scheduler", "FailedScheduling", plan.unschedulable, warning=True)
            return
        machines.wire.patch(self.path, {"spec": {"nodeName": "test-node"}})
        self._say("default-scheduler", "Scheduled", f"Successfully assigned {namespace}/{self.name} to test-node")
        if plan.pull_error:
            self._waiting("ErrImagePull", f'Failed to pull image "{plan.image}": {plan.pull_error}')
            self._say("kubelet", "Failed", f'Failed to pull image "{plan.image}": {plan.pull_error}', warning=True)
            return
        self._waiting("ContainerCreating")
        machines.loop.later(plan.pull, self._start)

    @property
    def log_folder(self) -> Path:
        """Where the logs of its containers are."""
        return self._machines.logs / str(self.object["metadata"]["namespace"]) / self.name

    @property
    def ended(self) -> bool:
        """True when it does not run any more."""
        return self.state in ("Succeeded", "Failed", "Gone")

    def kill(self) -> None:
        """End it, and remove the object."""
        self._leaving = True
        if self._life is not None:
            self._life.kill(self._machines.grace)
        elif not self.ended:
            self._remove()
        else:
            self._machines.wire.remove(self.path, uid=self.uid)

    def _start(self) -> None:
        if self._leaving or self.state != "Pending":
            return
        missing = self._missing_volume()
        if missing:
            self._say("kubelet", "FailedMount", missing, warning=True)
            self._machines.loop.later(0.2, self._start)
            return
        self.state = "Running"
        self._status(
            phase="Running",
            startTime=now(),
            podIP="127.0.0.1",
            conditions=[{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}],
            containerStatuses=[self._container_status({"running": {"startedAt": now()}}, ready=True)],
        )
        self._say("kubelet", "Started", f"Started container {self._container['name']}")
        self._life = self._live()
        if seconds := self.object["spec"].get("activeDeadlineSeconds"):
            self._machines.loop.later(seconds, self._expire)
        self._changed(self)

    def _expire(self) -> None:
        if self._life is not None and not self._leaving:
            self._overdue = True
            self._life.kill(self._machines.grace)

    def _live(self) -> Life:
        log = open_log(self.log_folder, self._container["name"])

        def ended(exit_: Exit) -> None:
            self._machines.loop.soon(lambda: self._ended(exit_))

        if self.plan.script is not None:
            return ScriptedLife(self.plan.script, log, ended)
        command = list(self.plan.command)
        for mount in self._container.get("volumeMounts") or []:
            if place := self._volume(mount["name"]):
                command = [word.replace(mount["mountPath"], str(place)) for word in command]
        environment = {
            **self._machines.environment,
            "HOSTNAME": self.name,
            **environment_of(self._container, self.object, self._data),
        }
        words = [self.plan.python if word == "python3" else word for word in command]
        return ProcessLife(words, environment, self._machines.work / self.uid / "root", log, ended)

    def _volume(self, name: str) -> Path | None:
        """Return the folder that stands for a volume with files of a ConfigMap, or for an `emptyDir`."""
        for volume in self.object["spec"].get("volumes") or []:
            folder = self._machines.work / str(self.uid) / "volumes" / name
            if volume["name"] != name or not {"configMap", "emptyDir"} & volume.keys():
                continue
            folder.mkdir(parents=True, exist_ok=True)
            if "configMap" in volume:
                for key, text in self._data("configmaps", volume["configMap"]["name"]).items():
                    (folder / key).write_text(text, "utf-8")
            return folder
        return None

    def _missing_volume(self) -> str:
        for volume in self.object["spec"].get("volumes") or []:
            if "configMap" in volume:
                try:
                    self._data("configmaps", volume["configMap"]["name"])
                except LookupError as missing:
                    return f'MountVolume.SetUp failed for volume "{volume["name"]}" : {missing.args[0]}'
        return ""

    def _data(self, kind: str, name: str) -> dict[str, str]:
        import base64

        namespace = self.object["metadata"]["namespace"]
        found = self._machines.wire.find(f"/api/v1/namespaces/{namespace}/{kind}/{name}")
        if found is None:
            raise LookupError(f'{kind[:-1]} "{name}" not found')
        data: dict[str, str] = found.get("data") or {}
        return {key: base64.b64decode(text).decode() for key, text in data.items()} if kind == "secrets" else data

    def _ended(self, exit_: Exit) -> None:
        self.exit, self._life = exit_, None
        self.state = "Failed" if exit_.code else "Succeeded"
        if self._leaving:
            self._remove()
            return
        # As the kubelet writes it: pkg/kubelet/active_deadline.go.
        message = "Pod was active on the node longer than the specified deadline"
        why = {"reason": "DeadlineExceeded", "message": message} if self._overdue else {}
        self._status(phase=self.state, containerStatuses=[self._container_status(terminated(exit_))], **why)
        self._changed(self)

    def _remove(self) -> None:
        self.state = "Gone"
        self._machines.wire.remove(self.path, uid=self.uid)
        self._changed(self)

    def _waiting(self, reason: str, message: str = "") -> None:
        waiting = {"reason": reason, **({"message": message} if message else {})}
        self._status(phase="Pending", containerStatuses=[self._container_status({"waiting": waiting})])

    def _container_status(self, state: Object, *, ready: bool = False) -> Object:
        status = {"name": self._container["name"], "image": self.plan.image, "imageID": "", "ready": ready}
        return {**status, "restartCount": 0, "state": state}

    def _status(self, **changes: Any) -> None:
        self._machines.wire.patch(f"{self.path}/status", {"status": changes})

    def _say(self, source: str, reason: str, message: str, *, warning: bool = False) -> None:
        post_event(self._machines.wire, self.object, source, reason, message, warning=warning)


def _manifest(owner: Object, plan: PodPlan) -> Object:
    """Return the pod as Spark makes it of a template: the container of its role is completed, the rest stays."""
    template = copy.deepcopy(dict(plan.template))
    spec: Object = template.get("spec") or {}
    containers: list[Object] = spec.get("containers") or []
    name = CONTAINERS[plan.role]
    if all(container.get("name") != name for container in containers):
        containers.insert(0, {"name": name})
    main = next(container for container in containers if container["name"] == name)
    main.setdefault("image", plan.image)
    metadata: Object = template.get("metadata") or {}
    reference = {key: owner[key] for key in ("apiVersion", "kind")}
    reference |= {"name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "controller": True}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **metadata,
            "name": plan.name,
            "labels": {**(metadata.get("labels") or {}), **plan.labels, "spark-role": plan.role},
            "ownerReferences": [reference],
        },
        "spec": {"restartPolicy": "Never", **spec, "containers": containers},
    }


def _unplaced(message: str) -> Object:
    return {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
