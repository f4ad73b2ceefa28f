"""One Job of the test cluster: its pods by index, and what their ends mean for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from tests.apiserver import Refused
from tests.cluster.events import post_event
from tests.cluster.kubelet import now
from tests.cluster.pods import Node, PodRun
from tests.cluster.scenarios import Scenario

Object = dict[str, Any]
_RETRY = 2.0  # seconds until a pod that was refused is tried again
State = Literal["Suspended", "Active", "Complete", "Failed", "Deleted"]


class JobRun:
    """An Indexed Job with a pod per index. `changed` is called on the loop after each change of its state.

    Attributes:
        state: Where it is.
        pods: The latest pod of each index.
    """

    def __init__(
        self,
        node: Node,
        manifest: Object,
        replicated: str,
        scenario: Scenario,
        ports: Mapping[str, str],
        changed: Callable[[], None],
    ) -> None:
        self._node, self._replicated, self._scenario = node, replicated, scenario
        self._ports, self._changed = ports, changed
        self._failures = 0
        self._written: Object = {}
        self._former: list[PodRun] = []
        namespace = manifest["metadata"]["namespace"]
        self.object = node.wire.send("POST", f"/apis/batch/v1/namespaces/{namespace}/jobs", manifest)
        self.name: str = self.object["metadata"]["name"]
        self.path = f"/apis/batch/v1/namespaces/{namespace}/jobs/{self.name}"
        self.pods: dict[int, PodRun] = {}
        spec = manifest["spec"]
        self.count: int = spec.get("completions") or spec.get("parallelism") or 1
        self._limit: int = spec.get("backoffLimit", 6)
        self._template: Object = spec["template"]
        self.state: State = "Suspended" if spec.get("suspend") else "Active"
        if self.state == "Active":
            self._fill()

    @property
    def active(self) -> int:
        """Pods that wait or run."""
        return sum(pod.active for pod in self.pods.values())

    @property
    def ready(self) -> bool:
        """Whether all pods run or have run well."""
        return len(self.pods) == self.count and all(p.state in ("Running", "Succeeded") for p in self.pods.values())

    @property
    def all_pods(self) -> list[PodRun]:
        """All that it ever made."""
        return [*self._former, *self.pods.values()]

    def suspend(self) -> None:
        """Delete the pods and make no others."""
        if self.state == "Active":
            self.state = "Suspended"
            self._node.wire.patch(self.path, {"spec": {"suspend": True}})
            self._say("Suspended", "Job suspended")
            self._delete_active()
            self.sync()

    def resume(self, manifest: Object) -> None:
        """Make pods anew, from a job that may have changed."""
        if self.state == "Suspended":
            self.state = "Active"
            spec = manifest["spec"]
            self._template, self.count = spec["template"], spec.get("completions") or 1
            sizes = {key: spec[key] for key in ("parallelism", "completions") if key in spec}
            self._node.wire.patch(self.path, {"spec": {"suspend": False, **sizes}})
            self._say("Resumed", "Job resumed")
            self._former += self.pods.values()
            self.pods = {}
            self._fill()
            self.sync()

    def remove(self) -> None:
        """Delete it with all its pods, whatever they do."""
        self.state = "Deleted"
        self._node.wire.remove(self.path)
        for pod in self.all_pods:
            if not pod.gone:
                self._node.wire.remove(pod.path)
                pod.deleted()

    def sync(self) -> None:
        """Write the counts if they changed."""
        states = [pod.state for pod in self.pods.values()]
        status: Object = {
            "active": self.active,
            "ready": sum(state == "Running" for state in states),
            "succeeded": states.count("Succeeded"),
            "failed": self._failures,
        }
        if self.state == "Complete":
            status["conditions"] = [_condition("Complete", "CompletionsReached", "Reached expected number of pods")]
        elif self.state == "Failed":
            message = "Job has reached the specified backoff limit"
            status["conditions"] = [_condition("Failed", "BackoffLimitExceeded", message)]
        elif self.state == "Suspended":
            status["conditions"] = [_condition("Suspended", "JobSuspended", "Job suspended")]
        elif "conditions" in self._written:
            status["conditions"] = []
        if status != self._written:
            self._written = status
            self._node.wire.patch(f"{self.path}/status", {"status": status})

    def _say(self, reason: str, message: str, *, warning: bool = False) -> None:
        post_event(self._node.wire, self.object, "job-controller", reason, message, warning=warning)

    def _fill(self) -> None:
        for index in range(self.count):
            if index not in self.pods:
                self._add(index)

    def _add(self, index: int) -> None:
        before = [pod for pod in self.all_pods if pod.index == index]
        attempt = sum(1 + pod.restarts for pod in before)
        try:
            self.pods[index] = PodRun(
                self._node,
                self._template,
                self.object,
                self._replicated,
                index,
                attempt,
                self._scenario,
                self._ports,
                lambda: self._node.loop.soon(self._pod_changed),
            )
        except Refused as refused:  # by a webhook
            self._say("FailedCreate", f"Error creating: {refused.message}", warning=True)
            self._node.loop.later(_RETRY, self._refill)

    def _pod_changed(self) -> None:
        if self.state == "Deleted":
            return
        if self.state == "Active":
            ended = [pod for pod in self.pods.values() if pod.failed or pod.gone]
            restarts = sum(pod.restarts for pod in self.pods.values())
            self._failures += len(ended)
            if self._failures + restarts > self._limit:
                self.state = "Failed"
                self._say("BackoffLimitExceeded", "Job has reached the specified backoff limit", warning=True)
                self._delete_active()
            elif ended:
                delay = self._node.back_off * 2 ** (self._failures - 1)
                for pod in ended:
                    self._former.append(self.pods.pop(pod.index))
                self._node.loop.later(delay, self._refill)
            elif len(self.pods) == self.count and all(pod.state == "Succeeded" for pod in self.pods.values()):
                self.state = "Complete"
                self._say("Completed", "Job completed")
        self.sync()
        self._changed()

    def _refill(self) -> None:
        if self.state == "Active":
            self._fill()
            self.sync()
            self._changed()

    def _delete_active(self) -> None:
        for pod in self.pods.values():
            if pod.active:
                self._node.wire.remove(pod.path)
                pod.deleted()


def _condition(type_: str, reason: str, message: str) -> Object:
    return {
        "type": type_,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastTransitionTime": now(),
        "lastProbeTime": now(),
    }
