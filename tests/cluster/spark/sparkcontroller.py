"""Spark Operator 2.5 on the test cluster: the state machine of SparkApplications, and the servers of SparkConnects.

Written from what the operator does (internal/controller of 2.5.2), without a look at the SDK's own table: the two must
agree by themselves. A driver whose scenario has no script runs its file with this Python, from the mounted ConfigMap.
"""

from __future__ import annotations

import sys
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.apiserver import UPSTREAM, Refused
from tests.cluster.events import post_event
from tests.cluster.kubelet import now
from tests.cluster.loop import Loop
from tests.cluster.scenarios import Script
from tests.cluster.spark.sparkpods import DRIVER, EXECUTOR, SERVER, PodPlan, SparkMachines, SparkPod
from tests.cluster.stage import documents
from tests.cluster.wire import Wire

Object = dict[str, Any]

APPLICATIONS = "/apis/sparkoperator.k8s.io/v1beta2"
CONNECTS = "/apis/sparkoperator.k8s.io/v1alpha1"
_STAYS = Script(lines=("ready",), stays=None)


def spark_crds() -> list[Object]:
    """Return the operator's CRDs as upstream ships them."""
    return list(documents(Path(str(UPSTREAM)) / "spark-operator" / "v2.5.2" / "config" / "crd" / "bases"))


@dataclass(frozen=True, slots=True)
class SparkScenario:
    """What happens to one application or session.

    Attributes:
        driver: The life of the driver by attempt, from 0; `None` runs its file as a process.
        executor: The life of each executor by its number, from 1.
        submission_error: What spark-submit says, by submission from 0; empty for none.
        pull_error: What the registry says of the driver's image.
        unschedulable: What the scheduler says of the driver.
        unschedulable_executors: What the scheduler says of executors.
        ignored: True when the operator does not look at it.
        environment: What the image sets.
        pull: Seconds until the driver's image is there.
        python: The image's Python. Default: the one that runs the tests.
        server: What the server of a session runs, in place of a script.
        grace: Seconds between TERM and KILL at most; a real cluster gives 30.
        again: Once it is set, an application is tried again, not earlier than its retry interval says.
    """

    driver: Callable[[int], Script | None] = lambda _: None
    executor: Callable[[int], Script] = lambda _: _STAYS
    submission_error: Callable[[int], str] = lambda _: ""
    pull_error: str = ""
    unschedulable: str = ""
    unschedulable_executors: str = ""
    ignored: bool = False
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    pull: float = 0
    python: str = sys.executable
    server: tuple[str, ...] = ()
    grace: float = 2
    again: threading.Event | None = None


class SparkOperator:
    """Plays the operator, until it is stopped. Use it as a context.

    Attributes:
        scenarios: By the name of the application or session.
        default: For the others.
        interval: Seconds that stand for one second of a retry interval.
        states: The states that each application has been in, by name.
    """

    def __init__(self, kubeconfig: Path, *, logs: Path | None = None) -> None:
        self.scenarios: dict[str, SparkScenario] = {}
        self.default = SparkScenario()
        self.interval = 0.05
        self.states: dict[str, list[str]] = {}
        self.wire = Wire(kubeconfig)
        self.logs = logs or kubeconfig.parent / "podlogs"
        self.environment: dict[str, str] = {}
        self._loop = Loop("spark operator")
        self._machines = SparkMachines(
            self.wire, self._loop, self.logs, kubeconfig.parent / "containers", environment=self.environment
        )
        self._runs: dict[str, _Application | _Server] = {}
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> SparkOperator:
        self._loop.start()
        for path, kind in (
            (f"{APPLICATIONS}/sparkapplications", _Application),
            (f"{CONNECTS}/sparkconnects", _Server),
        ):
            thread = threading.Thread(target=self._watch, args=(path, kind), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._loop.wait(self._collect)
        self._loop.stop()
        self.wire.close()
        for thread in self._threads:
            thread.join()
        assert not self._loop.errors, "\n".join(self._loop.errors)

    def scenario(self, name: str) -> SparkScenario:
        """Return what is to happen to an application."""
        return self.scenarios.get(name, self.default)

    def note(self, name: str, state: str) -> None:
        """Remember a state of an application."""
        self.states.setdefault(name, []).append(state)

    def _collect(self) -> None:
        for run in self._runs.values():
            run.collect()

    def _watch(self, path: str, kind: type[_Application | _Server]) -> None:
        for event in self.wire.watch(path, self._stop):
            self._loop.soon(lambda event=event: self._decide(event, kind))  # type: ignore[misc]

    def _decide(self, event: Object, kind: type[_Application | _Server]) -> None:
        if event["type"] == "RELIST":
            for item in event["object"]["items"]:
                self._decide({"type": "MODIFIED", "object": {**kind.TYPE, **item}}, kind)
            return
        item = event["object"]
        uid = item["metadata"]["uid"]
        if event["type"] == "DELETED":
            if uid in self._runs:
                self._runs.pop(uid).delete()
            return
        if self.scenario(item["metadata"]["name"]).ignored:
            return
        if uid not in self._runs:
            self._runs[uid] = kind(self, self._machines, item)
        self._runs[uid].update(item)


def _machines_of(machines: SparkMachines, scenario: SparkScenario) -> SparkMachines:
    """Return the machines with what a scenario sets."""
    return replace(machines, grace=scenario.grace, environment={**machines.environment, **scenario.environment})


class _Application:
    """One SparkApplication."""

    TYPE: Mapping[str, str] = {"apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication"}

    def __init__(self, operator: SparkOperator, machines: SparkMachines, item: Object) -> None:
        self.name: str = item["metadata"]["name"]
        self._operator, self._machines, self._item = operator, machines, item
        namespace = item["metadata"]["namespace"]
        self._path = f"{APPLICATIONS}/namespaces/{namespace}/sparkapplications/{self.name}"
        self._scenario = operator.scenario(self.name)
        self._state = item.get("status", {}).get("applicationState", {}).get("state", "")
        self._submissions = self._executions = 0
        self._driver: SparkPod | None = None
        self._executors: list[SparkPod] = []
        self._leaving: list[SparkPod] = []

    def update(self, item: Object) -> None:
        """Take note of a change by users."""
        self._item = item
        suspend = item["spec"].get("suspend") is True
        if suspend and self._state not in ("SUSPENDING", "SUSPENDED", "COMPLETED", "FAILED"):
            self._set("SUSPENDING", "SparkApplicationSuspending")
            self.collect()
            self._set("SUSPENDED", "SparkApplicationSuspended")
        elif not suspend and self._state == "SUSPENDED":
            self._resume()
        elif not suspend and not self._state:
            self._say("SparkApplicationAdded", f"SparkApplication {self.name} was added, enqueuing it for submission")
            self._submit()

    def delete(self) -> None:
        """Take note that it is deleted."""
        self._state = "DELETED"
        self.collect()

    def collect(self) -> None:
        """End all that runs."""
        pods, self._executors = [*self._executors, *([self._driver] if self._driver else [])], []
        self._driver = None
        for pod in pods:
            pod.kill()
        self._leaving = [pod for pod in (*self._leaving, *pods) if not pod.ended]

    def _resume(self) -> None:
        """Submit it again once nothing is left of the run before. Until then its state stays."""
        if self._leaving:
            return
        if self._state == "SUSPENDED" and self._item["spec"].get("suspend") is not True:
            self._set("RESUMING", "SparkApplicationResuming")
            self._submit()
        elif self._state == "PENDING_RERUN":
            self._submit()

    def _left(self, pod: SparkPod) -> None:
        if pod in self._leaving:
            self._leaving.remove(pod)
            self._resume()

    def _submit(self) -> None:
        self._submissions += 1
        self._submission = str(uuid.uuid4())
        attempt = {"lastSubmissionAttemptTime": now(), "submissionAttempts": self._submissions}
        if error := self._scenario.submission_error(self._submissions - 1):
            self._set(
                "SUBMISSION_FAILED",
                "SparkApplicationSubmissionFailed",
                f"failed to run spark-submit: {error}",
                **attempt,
            )
            self._decide("onSubmissionFailure", self._submissions)
            return
        spec = self._item["spec"]
        pod = spec["driver"].get("podName") or f"{self.name}-driver"
        self._set(
            "SUBMITTED",
            "SparkApplicationSubmitted",
            "",
            **attempt,
            submissionID=self._submission,
            driverInfo={"podName": pod},
            sparkApplicationId=f"spark-{uuid.uuid4().hex}",
        )
        template = spec["driver"].get("template") or {}
        plan = PodPlan(
            pod,
            DRIVER,
            self._labels(spec["driver"]),
            {**template, "spec": {**(template.get("spec") or {}), **self._account()}},
            command=("python3", spec["mainApplicationFile"].removeprefix("local://"), *(spec.get("arguments") or [])),
            script=self._scenario.driver(self._submissions - 1),
            pull_error=self._scenario.pull_error,
            unschedulable=self._scenario.unschedulable,
            pull=self._scenario.pull,
            image=spec.get("image") or "",
            python=self._scenario.python,
        )
        self._driver = SparkPod(_machines_of(self._machines, self._scenario), self._item, plan, self._driver_changed)

    def _account(self) -> Object:
        account = self._item["spec"]["driver"].get("serviceAccount")
        return {"serviceAccountName": account} if account else {}

    def _labels(self, part: Object) -> dict[str, str]:
        return {
            **(part.get("labels") or {}),
            "sparkoperator.k8s.io/app-name": self.name,
            "sparkoperator.k8s.io/launched-by-spark-operator": "true",
            "sparkoperator.k8s.io/submission-id": self._submission,
        }

    def _driver_changed(self, pod: SparkPod) -> None:
        if pod is not self._driver:
            self._left(pod)
            return
        if pod.state == "Running":
            self._executions += 1
            self._set("RUNNING", "SparkDriverRunning", executionAttempts=self._executions)
            self._make_executors(pod)
        elif pod.state == "Succeeded":
            self._end_executors()
            self._set("SUCCEEDING", "SparkDriverCompleted", terminationTime=now())
            if self._policy == "Always":
                self._again()
            else:
                self._set("COMPLETED", "SparkApplicationCompleted")
        elif pod.state == "Failed" and pod.exit is not None:
            self._end_executors()
            words = f"driver container failed with ExitCode: {pod.exit.code}, Reason: {pod.exit.reason}"
            self._set("FAILING", "SparkDriverFailed", words, terminationTime=now())
            self._decide("onFailure", self._executions)

    @property
    def _policy(self) -> str:
        return str((self._item["spec"].get("restartPolicy") or {}).get("type", "Never"))

    def _decide(self, field_: str, attempts: int) -> None:
        policy = self._item["spec"].get("restartPolicy") or {}
        retries = policy.get(f"{field_}Retries")
        if self._policy == "Always" or (self._policy == "OnFailure" and retries is not None and attempts <= retries):
            seconds = policy.get(f"{field_}RetryInterval", 5) * self._operator.interval
            self._machines.loop.later(seconds, self._again)
        else:
            self._set("FAILED", "SparkApplicationFailed")

    def _again(self) -> None:
        if self._state not in ("FAILING", "SUBMISSION_FAILED", "SUCCEEDING"):
            return
        if self._scenario.again is not None and not self._scenario.again.is_set():
            self._machines.loop.later(0.02, self._again)
            return
        self._set("PENDING_RERUN", "SparkApplicationPendingRerun")
        self.collect()
        self._machines.loop.soon(self._resume)

    def _make_executors(self, driver: SparkPod) -> None:
        spec = self._item["spec"]
        count = spec["executor"].get("instances", 1)
        for number in range(1, count + 1):
            plan = PodPlan(
                f"{self.name}-{driver.uid[:8]}-exec-{number}",
                EXECUTOR,
                {**self._labels(spec["executor"]), "spark-exec-id": str(number)},
                spec["executor"].get("template") or {},
                script=self._scenario.executor(number),
                unschedulable=self._scenario.unschedulable_executors,
            )
            self._executors.append(SparkPod(self._machines, driver.object, plan, self._executor_changed))

    def _executor_changed(self, pod: SparkPod) -> None:
        if pod not in self._executors:
            self._left(pod)
            return
        words = {"Succeeded": "COMPLETED", "Gone": "UNKNOWN"}
        state = {each.name: words.get(each.state, each.state.upper()) for each in self._executors}
        self._patch({"executorState": state})

    def _end_executors(self) -> None:
        executors, self._executors = self._executors, []
        for pod in executors:
            pod.kill()

    def _set(self, state: str, reason: str, error: str = "", **status: Any) -> None:
        self._state = state
        self._operator.note(self.name, state)
        kept = self._error if state in ("FAILED", "PENDING_RERUN") and not error else error
        self._error = kept
        self._patch({"applicationState": {"state": state, "errorMessage": kept}, **status})
        if reason:
            self._say(reason, kept or f"SparkApplication {self.name}: {state}", warning="Failed" in reason)

    _error = ""
    _submission = ""

    def _patch(self, status: Object) -> None:
        try:
            # `driverInfo` is required in the status.
            self._machines.wire.patch(f"{self._path}/status", {"status": {"driverInfo": {}, **status}})
        except Refused as refused:
            if refused.code != 404:
                raise

    def _say(self, reason: str, message: str, *, warning: bool = False) -> None:
        post_event(
            self._machines.wire,
            {**self.TYPE, **self._item},
            "spark-application-controller",
            reason,
            message,
            warning=warning,
        )


class _Server:
    """One SparkConnect: its pod is made once."""

    TYPE: Mapping[str, str] = {"apiVersion": "sparkoperator.k8s.io/v1alpha1", "kind": "SparkConnect"}

    def __init__(self, operator: SparkOperator, machines: SparkMachines, item: Object) -> None:
        self.name: str = item["metadata"]["name"]
        self.pod: SparkPod | None = None
        self._operator, self._machines, self._item = operator, machines, item
        self._namespace: str = item["metadata"]["namespace"]
        self._path = f"{CONNECTS}/namespaces/{self._namespace}/sparkconnects/{self.name}"

    def update(self, item: Object) -> None:
        """Make the pod and the service, the first time."""
        self._item = item
        if self.pod is not None:
            return
        scenario = self._operator.scenario(self.name)
        spec = item["spec"]
        labels = {
            "sparkoperator.k8s.io/connect-name": self.name,
            "sparkoperator.k8s.io/launched-by-spark-operator": "true",
        }
        plan = PodPlan(
            f"{self.name}-server",
            SERVER,
            labels,
            spec["server"].get("template") or {},
            command=scenario.server,
            script=None if scenario.server else scenario.driver(0) or _STAYS,
            pull_error=scenario.pull_error,
            unschedulable=scenario.unschedulable,
            pull=scenario.pull,
            image=spec.get("image") or "",
        )
        service = {
            "metadata": {"name": f"{self.name}-server", "labels": labels},
            "spec": {"selector": labels, "ports": [{"name": "spark-connect-server", "port": 15002}]},
        }
        self._machines.wire.send("POST", f"/api/v1/namespaces/{self._namespace}/services", service)
        self.pod = SparkPod(_machines_of(self._machines, scenario), item, plan, self._changed)
        if self.pod.state == "Pending":
            self._status("NotReady")

    def delete(self) -> None:
        """Take note that it is deleted."""
        self.collect()

    def collect(self) -> None:
        """End all that runs."""
        if self.pod is not None:
            self.pod.kill()
        self._machines.wire.remove(f"/api/v1/namespaces/{self._namespace}/services/{self.name}-server")

    def _changed(self, pod: SparkPod) -> None:
        self._status("Ready" if pod.state == "Running" else "NotReady")

    def _status(self, state: str) -> None:
        ready = "True" if state == "Ready" else "False"
        condition = {
            "type": "ServerPodReady",
            "status": ready,
            "reason": f"ServerPod{state}",
            "message": f"Server pod: {state}",
        }
        status = {
            "state": state,
            "startTime": now(),
            "conditions": [{**condition, "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}],
            "server": {"podName": f"{self.name}-server", "podIp": "127.0.0.1", "serviceName": f"{self.name}-server"},
        }
        try:
            self._machines.wire.patch(f"{self._path}/status", {"status": status})
        except Refused as refused:
            if refused.code != 404:
                raise
