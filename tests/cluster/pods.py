"""One pod of the test cluster, from its creation to its end: what scheduler and kubelet do to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.events import post_event
from tests.cluster.kubelet import Exit, Life, ProcessLife, ScriptedLife, environment_of, now, open_log, retire_log
from tests.cluster.loop import Loop
from tests.cluster.podobjects import SIDECAR, disruption, injected, manifest, terminated
from tests.cluster.scenarios import Disruption, Pod, Scenario, Script
from tests.cluster.wire import Wire

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Node:
    """What pods run on.

    Attributes:
        wire: The cluster.
        loop: Where pods are decided on.
        logs: Where container logs go.
        work: Where containers have their files.
        python: Folder of the interpreter that stands for the one in every image.
        grace: Seconds between TERM and KILL at most; a real cluster gives 30.
        back_off: Seconds before a container is started again; doubles each time. A real cluster begins with 10.
        minor: Of the Trainer that makes the pods.
        beside: Makes the life of a container that a webhook adds to a pod, by the container's name.
    """

    wire: Wire
    loop: Loop
    logs: Path
    work: Path
    python: Path
    grace: float = 3
    back_off: float = 0.2
    minor: str = "2.3"
    beside: dict[str, Callable[[PodRun, Callable[[Exit], None]], Life]] = field(default_factory=dict)


class PodRun:
    """A pod. `changed` is called on the loop after each change of its state.

    Attributes:
        state: `Pending`, `Running`, `Succeeded`, `Failed`, or `Gone` once the object is removed.
        restarts: How often its container was started again.
        index: Its index in the job.
    """

    def __init__(
        self,
        node: Node,
        template: Mapping[str, Any],
        job: Object,
        replicated: str,
        index: int,
        attempt: int,
        scenario: Scenario,
        ports: Mapping[str, str],
        changed: Callable[[], None],
    ) -> None:
        self.state, self.restarts, self.index = "Pending", 0, index
        self._node, self._job, self._replicated, self._attempt = node, job, replicated, attempt
        self._scenario, self._ports, self._changed = scenario, ports, changed
        self._leaving, self._tracked = False, True
        self._life: Life | None = None
        self._last: Exit | None = None
        self._container: Object = template["spec"]["containers"][0]
        self._sidecar: Life | None = None
        self._sidecar_code = 0
        self._sidecar_state: Object = {"waiting": {"reason": "PodInitializing"}}
        self._main_process: int | None = None
        self._held: Exit | None = None  # how the main container ended while its sidecar goes on
        self._disrupted: Disruption | None = None
        name = f"{job['metadata']['name']}-{index}"
        self.object: Object = node.wire.send(
            "POST",
            f"/api/v1/namespaces/{job['metadata']['namespace']}/pods",
            manifest(injected(template, scenario), job, name, index),
        )
        self.name: str = self.object["metadata"]["name"]
        self.uid: str = self.object["metadata"]["uid"]
        # As webhooks have left them.
        stored: list[Object] = self.object["spec"]["containers"]
        self._container = next(each for each in stored if each["name"] == self._container["name"])
        added = [each["name"] for each in stored if each["name"] in node.beside]
        self._sidecar_name: str | None = SIDECAR if scenario.sidecar is not None else next(iter(added), None)
        self.path = f"/api/v1/namespaces/{job['metadata']['namespace']}/pods/{self.name}"
        self._say("job-controller", "SuccessfulCreate", f"Created pod: {self.name}", about=job)
        if scenario.schedule is None:
            self._unschedulable()
        else:
            if scenario.schedule:
                self._unschedulable()
            node.loop.later(scenario.schedule, self._bind)

    @property
    def active(self) -> bool:
        """Whether it waits or runs, and is not being deleted."""
        return self.state in ("Pending", "Running") and not self._leaving

    @property
    def gone(self) -> bool:
        """Whether it ended by being deleted."""
        return self.state == "Gone"

    @property
    def failed(self) -> bool:
        """Whether it ended badly."""
        return self.state == "Failed"

    def deleted(self) -> None:
        """Take note that its object is marked for deletion or gone: end what runs, then let the object go."""
        if self._leaving:
            return
        self._leaving = True
        if self._sidecar is not None:
            self._sidecar.kill(self._node.grace)
        if self._life is not None:
            self._say("kubelet", "Killing", f"Stopping container {self._container['name']}")
            self._life.kill(self._node.grace)
        else:
            self._remove()

    def _say(
        self, source: str, reason: str, message: str, *, warning: bool = False, about: Object | None = None
    ) -> None:
        post_event(self._node.wire, about or self.object, source, reason, message, warning=warning)

    def _status(self, **changes: Any) -> None:
        self._node.wire.patch(f"{self.path}/status", {"status": changes})

    def _conditions(self, *, scheduled: bool = True, ready: bool = False, message: str = "") -> list[Object]:
        found: list[Object] = [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": now()}
            if scheduled
            else {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": message,
                "lastTransitionTime": now(),
            }
        ]
        for kind in ("Ready", "ContainersReady") if scheduled else ():
            found.append({"type": kind, "status": "True" if ready else "False", "lastTransitionTime": now()})
        return found

    def _state(self, state: Object, *, ready: bool = False) -> list[Object]:
        status: Object = {
            "name": self._container["name"],
            "image": self._container.get("image", ""),
            "imageID": "",
            "ready": ready,
            "started": ready,
            "restartCount": self.restarts,
            "state": state,
        }
        if self._last is not None and "terminated" not in state:
            status["lastState"] = terminated(self._last)
        if self._sidecar_name is None:
            return [status]
        name = self._sidecar_name
        sidecar = {"name": name, "image": name, "imageID": "", "ready": True, "restartCount": 0}
        return [status, {**sidecar, "state": self._sidecar_state}]

    def _unschedulable(self) -> None:
        message = self._scenario.unschedulable
        self._status(phase="Pending", conditions=self._conditions(scheduled=False, message=message))
        self._say("default-scheduler", "FailedScheduling", message, warning=True)

    def _bind(self) -> None:
        if self._leaving:
            return
        self._node.wire.patch(self.path, {"spec": {"nodeName": "test-node"}})
        self._say(
            "default-scheduler",
            "Scheduled",
            f"Successfully assigned {self.path.split('/')[4]}/{self.name} to test-node",
        )
        self._waiting("ContainerCreating")
        image = self._container.get("image", "")
        self._say("kubelet", "Pulling", f'Pulling image "{image}"')
        if self._scenario.pull_error:
            self._pull_failed(image)
        else:
            self._node.loop.later(self._scenario.pull, self._start)

    def _pull_failed(self, image: str) -> None:
        message = f'Failed to pull image "{image}": {self._scenario.pull_error}'
        self._waiting("ErrImagePull", message)
        self._say("kubelet", "Failed", message, warning=True)
        self._say("kubelet", "Failed", "Error: ErrImagePull", warning=True)
        self._node.loop.later(self._node.back_off, lambda: self._pull_backs_off(image))

    def _pull_backs_off(self, image: str) -> None:
        if not self._leaving:
            self._waiting("ImagePullBackOff", f'Back-off pulling image "{image}"')
            self._say("kubelet", "BackOff", f'Back-off pulling image "{image}"', warning=True)

    def _waiting(self, reason: str, message: str = "") -> None:
        waiting = {"reason": reason, **({"message": message} if message else {})}
        self._status(
            phase="Pending" if self.state == "Pending" else "Running",
            startTime=now(),
            hostIP="127.0.0.1",
            conditions=self._conditions(),
            containerStatuses=self._state({"waiting": waiting}),
        )

    def _start(self) -> None:
        if self._leaving:
            return
        name = self._container["name"]
        self._say("kubelet", "Pulled", f'Successfully pulled image "{self._container.get("image", "")}"')
        try:
            environment = self._environment()
        except LookupError as missing:
            self._waiting("CreateContainerConfigError", str(missing.args[0]))
            self._say("kubelet", "Failed", f"Error: {missing.args[0]}", warning=True)
            self._node.loop.later(self._node.back_off, self._start)  # until the object is there
            return
        # First the status, then the life: a script may be over before the status is written.
        first = self.state == "Pending"
        self.state = "Running"
        if first:
            self._sidecar_state = {"running": {"startedAt": now()}}
        self._status(
            phase="Running",
            startTime=now(),
            podIP="127.0.0.1",
            hostIP="127.0.0.1",
            conditions=self._conditions(ready=True),
            containerStatuses=self._state({"running": {"startedAt": now()}}, ready=True),
        )
        self._say("kubelet", "Created", f"Created container: {name}")
        self._say("kubelet", "Started", f"Started container {name}")
        self._life = self._live(environment)
        if first and self._sidecar_name is not None:
            if self._scenario.sidecar is not None:
                log = open_log(self.log_folder, self._sidecar_name)
                self._sidecar = ScriptedLife(self._scenario.sidecar, log, self._sidecar_ended)
            else:
                self._sidecar = self._node.beside[self._sidecar_name](self, self._sidecar_ended)
        planned = self._scenario.disrupted(self._asked) if first else None
        if planned is not None:
            self._node.loop.later(planned.after, lambda: self._disrupt(planned))
        self._changed()

    @property
    def _asked(self) -> Pod:
        """What a scenario is asked about."""
        replica = int(self.object["metadata"]["labels"].get("jobset.sigs.k8s.io/job-index", 0))
        return Pod(self._replicated, self.index, self._attempt + self.restarts, replica)

    @property
    def log_folder(self) -> Path:
        """Where the logs of its containers are."""
        namespace: str = self.object["metadata"]["namespace"]
        return self._node.logs / namespace / self.name

    @property
    def main_process(self) -> int | None:
        """The process of its main container; `None` when it has none."""
        return self._main_process

    def volume(self, name: str) -> Path:
        """Return the folder that stands for an `emptyDir` of the pod."""
        folder = self._node.work / self.uid / "volumes" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _live(self, environment: Mapping[str, str]) -> Life:
        log = open_log(self.log_folder, self._container["name"])
        script = self._scenario.run(self._asked) if self._scenario.run else None
        command = [*(self._container.get("command") or []), *(self._container.get("args") or [])]
        if script is None and command[:1] == ["/usr/sbin/sshd"]:  # a worker of MPI
            script = Script(lines=("Server listening on 0.0.0.0 port 2222.",), stays=None)
        elif script is None and (self._container["name"] != "node" or not command):
            script = Script(lines=(f"{self._container['name']}: nothing to do here",))

        def ended(exit_: Exit) -> None:
            self._node.loop.soon(lambda: self._ended(exit_))

        if script is not None:
            return ScriptedLife(script, log, ended)
        for mount in self._container.get("volumeMounts") or []:
            if mount["name"] in [each["name"] for each in self.object["spec"]["volumes"] if "emptyDir" in each]:
                place = str(self.volume(mount["name"]))
                command = [word.replace(mount["mountPath"], place) for word in command]
        folder = self._node.work / self.uid / str(self.restarts)
        life = ProcessLife(command, environment, folder, log, ended)
        self._main_process = life.pid
        return life

    def _environment(self) -> dict[str, str]:
        found = environment_of(self._container, self.object, self._lookup)
        for name, value in found.items():
            for told, real in self._ports.items():
                value = value.replace(told, real)  # noqa: PLW2901  (one after another)
            found[name] = value
        path = {"PATH": f"{self._node.python}:/usr/local/bin:/usr/bin:/bin"}
        # The controller of Jobs writes it into each container of an indexed Job, and JobSet makes no others.
        # https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode
        index = self.object["metadata"].get("annotations", {}).get("batch.kubernetes.io/job-completion-index")
        return {
            **path,
            **({} if index is None else {"JOB_COMPLETION_INDEX": index}),
            "HOSTNAME": self.object["spec"].get("hostname", self.name),
            **self._scenario.environment,
            **found,
        }

    def _lookup(self, kind: str, name: str) -> dict[str, str]:
        import base64

        namespace = self.object["metadata"]["namespace"]
        path = f"/api/v1/namespaces/{namespace}/{kind}/{name}"
        if not self._node.wire.exists(path):
            raise LookupError(f'{kind[:-1]} "{name}" not found')
        data: dict[str, str] = self._node.wire.send("GET", path).get("data") or {}
        return {key: base64.b64decode(value).decode() for key, value in data.items()} if kind == "secrets" else data

    def _disrupt(self, disruption_: Disruption) -> None:
        """Do what a node does that is shut down, or a scheduler that needs the place."""
        if self.state != "Running" or self._leaving or self._life is None:
            return
        message = f"Preempted by a pod on node {self.object['spec'].get('nodeName', 'test-node')}"
        if disruption_.deleted:
            self._say("default-scheduler", "Preempted", message)
            self._status(conditions=[*self._conditions(), disruption("PreemptionByScheduler", message)])
            self._node.wire.remove(self.path)
            self.deleted()
        else:
            self._disrupted = disruption_
            for life in (self._life, self._sidecar):
                if life is not None:
                    life.kill(self._node.grace)

    def _shut_down(self, exit_: Exit) -> None:
        self.state = "Failed"
        message = "Pod was terminated in response to imminent node shutdown."
        self._status(
            phase="Failed",
            reason="Terminated",
            message=message,
            conditions=[*self._conditions(), disruption("TerminationByKubelet", message)],
            containerStatuses=self._state(terminated(exit_)),
        )
        self._untrack()
        self._changed()

    def _ended(self, exit_: Exit) -> None:
        self._life, self._last = None, exit_
        if self._disrupted is not None and not self._leaving:
            self._shut_down(exit_)
            return
        if self._leaving:
            # The last that can be seen of it, for those who watch.
            self._status(
                phase="Failed" if exit_.code else "Succeeded", containerStatuses=self._state(terminated(exit_))
            )
            self._remove()
            return
        policy = self.object["spec"].get("restartPolicy", "Always")
        if exit_.code and policy == "OnFailure":
            self._restart(exit_)
        elif self._sidecar is not None:
            self._held = exit_
            self._status(containerStatuses=self._state(terminated(exit_)), conditions=self._conditions())
        else:
            self.state = "Failed" if exit_.code or self._sidecar_code else "Succeeded"
            self._status(
                phase=self.state, conditions=self._conditions(), containerStatuses=self._state(terminated(exit_))
            )
            self._untrack()
        self._changed()

    def _sidecar_ended(self, exit_: Exit) -> None:
        def ended() -> None:
            self._sidecar, self._sidecar_state, self._sidecar_code = None, terminated(exit_), exit_.code
            if self._held is not None and not self._leaving:
                self._ended(self._held)

        self._node.loop.soon(ended)

    def _restart(self, exit_: Exit) -> None:
        delay = self._node.back_off * 2**self.restarts
        # The kubelet shows the end for a moment, then that it waits; it counts the life once that begins.
        self._status(containerStatuses=self._state(terminated(exit_)), conditions=self._conditions())
        name = self._container["name"]
        retire_log(self.log_folder, name)
        self._waiting("CrashLoopBackOff", f"back-off {delay:g}s restarting failed container={name} pod={self.name}")
        self._say("kubelet", "BackOff", f"Back-off restarting failed container {name} in pod {self.name}", warning=True)
        self._node.loop.later(delay, self._start_again)

    def _start_again(self) -> None:
        self.restarts += 1
        self._start()

    def _untrack(self) -> None:
        """Let the object go, once: it may be gone at once."""
        if self._tracked:
            self._tracked = False
            self._node.wire.patch(self.path, {"metadata": {"finalizers": None}})

    def _remove(self) -> None:
        self.state = "Gone"
        try:
            self._untrack()
        finally:
            self._changed()
