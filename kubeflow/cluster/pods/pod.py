"""A pod as its status reports it: phase, containers and how they ended, scheduling, disruption, volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Literal

from kubeflow.cluster import wire
from kubeflow.cluster.wire import Json

ContainerState = Literal["Waiting", "Running", "Terminated", "Unknown"]


@dataclass(frozen=True, slots=True)
class Exit:
    """The end of one container life.

    Attributes:
        exit_code: Exit code of the container's first process: 128 and the signal's number when a signal ended it;
            `None` when unknown.
        reason: The kubelet's reason: `"Completed"`, `"Error"`, `"OOMKilled"`, ...; may be empty.
        message: The termination message, which the container itself wrote; may be empty.
        started: When the life started; `None` when unknown.
        finished: When the life ended, in whole seconds; `None` when unknown.
    """

    exit_code: int | None
    reason: str = ""
    message: str = ""
    started: datetime | None = None
    finished: datetime | None = None


@dataclass(frozen=True, slots=True)
class Container:
    """A container of a pod.

    Attributes:
        name: Its name.
        init: True when it is an init container.
        state: `"Waiting"`, `"Running"`, `"Terminated"`, or `"Unknown"` before the kubelet has reported a state.
        reason: Why it waits or how it ended: `"ImagePullBackOff"`, `"OOMKilled"`, `"Error"`; may be empty.
        message: The reason in words, or the termination message; may be empty.
        exit_code: Exit code of the present life, once that has ended.
        restarts: How often it was started again in this pod.
        started: When the present life started.
        finished: When the present life ended.
        previous: The end of the previous life; `None` when there was none.
        restart_policy: Its own restart policy: `"Always"` of an init container that is a native sidecar; mostly empty.
    """

    name: str
    init: bool = False
    state: ContainerState = "Unknown"
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    restarts: int = 0
    started: datetime | None = None
    finished: datetime | None = None
    previous: Exit | None = None
    restart_policy: str = ""

    @property
    def exits(self) -> list[Exit]:
        """The ends of its last two lives, oldest first; of a life that goes on there is none."""
        exits = [self.previous] if self.previous is not None else []
        if self.state == "Terminated":
            exits.append(Exit(self.exit_code, self.reason, self.message, self.started, self.finished))
        return exits

    @property
    def has_log(self) -> bool:
        """True when it has been started at least once, so that there is a log to read."""
        return self.state in ("Running", "Terminated") or self.restarts > 0 or self.previous is not None


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod, whoever owns it.

    Attributes:
        name: Its name.
        uid: Its uid.
        phase: `"Pending"`, `"Running"`, `"Succeeded"`, `"Failed"` or `"Unknown"`.
        containers: Init containers first, in the order of the pod.
        main: Name of its main container: the log of that container is the pod's log.
        reason: Why the pod as a whole failed: `"Evicted"`, `"NodeLost"`; mostly empty.
        message: That reason in words; mostly empty.
        scheduling_reason: Why it is not placed: `"Unschedulable"`, `"SchedulingGated"`; empty once it is.
        scheduling_message: The scheduler's message.
        disruption: Why the cluster ends it: `"PreemptionByScheduler"`, `"DeletionByTaintManager"`; mostly empty.
        disruption_message: The message of the disruption.
        disrupted: When the cluster began to end it; `None` when unknown.
        created: When it was made; `None` when unknown.
        deleting: True when its deletion is under way.
        node: The machine that it was placed on; empty before.
        scheduler: Name of the scheduler that is to place it; empty when unknown.
        owner_uid: Uid of its owner, such as a Job; may be empty.
        claims: Names of the PersistentVolumeClaims that it mounts.
        resources: Amounts of its main container by resource name: limits, else requests.
        restart_policy: `"Always"`, `"OnFailure"` or `"Never"`; empty when unknown.
    """

    name: str
    uid: str = ""
    phase: str = "Unknown"
    containers: Sequence[Container] = ()
    main: str = ""
    reason: str = ""
    message: str = ""
    scheduling_reason: str = ""
    scheduling_message: str = ""
    disruption: str = ""
    disruption_message: str = ""
    disrupted: datetime | None = None
    created: datetime | None = None
    deleting: bool = False
    node: str = ""
    scheduler: str = ""
    owner_uid: str = ""
    claims: Sequence[str] = ()
    resources: Mapping[str, str] = field(default_factory=dict[str, str])
    restart_policy: str = ""

    @property
    def display_name(self) -> str:
        """What users call the pod in findings; owners that give their pods roles have a better word than its name."""
        return self.name

    @property
    def container(self) -> Container:
        """The main container; one without a state when the kubelet has not reported it."""
        return next((container for container in self.containers if container.name == self.main), Container(self.main))

    @property
    def ended(self) -> bool:
        """True when all of its containers have ended for good."""
        return self.phase in ("Succeeded", "Failed")

    @property
    def ended_at(self) -> datetime | None:
        """When it ended: the end of its last container, else when the cluster began to end it; `None` when unknown."""
        ends = [end.finished for container in self.containers for end in container.exits if end.finished is not None]
        return max(ends, default=self.disrupted)

    @property
    def main_ended(self) -> bool:
        """True when its main container has ended for good: it will not be started again in this pod."""
        if self.ended:
            return True
        main = self.container
        if main.state != "Terminated":
            return False
        policy = main.restart_policy or self.restart_policy
        if main.exit_code == 0:
            return policy in ("Never", "OnFailure") or (main.init and not main.restart_policy)
        return policy == "Never"

    @property
    def held_open_by(self) -> Sequence[Container]:
        """The containers that still run although the main container has ended for good: sidecars that do not end.

        The pod counts as running until they end. Native sidecars are not among them: the kubelet ends these.
        """
        if self.ended or self.container.init or not self.main_ended:
            return ()
        return [c for c in self.containers if c.name != self.main and not c.init and c.state == "Running"]

    @property
    def main_phase(self) -> str:
        """The phase of the pod by its main container: that of the pod, unless sidecars alone keep the pod running."""
        if not self.held_open_by:
            return self.phase
        return "Succeeded" if self.container.exit_code == 0 else "Failed"


def pods_path(namespace: str) -> str:
    """Return the path of the pods of `namespace`."""
    return wire.core_path(namespace, "pods")


def read_pod(item: object, main: Json | None = None) -> Pod:
    """Read a pod from JSON. Values that do not fit the schema count as absent; no value raises an error.

    Args:
        item: The pod.
        main: Its main container, from its spec. Default: the first.
    """
    if main is None:
        main = next(iter(wire.objects(item, "spec", "containers")), wire.NOTHING)
    metadata, spec, status = (wire.mapping(item, part) for part in ("metadata", "spec", "status"))
    unplaced = wire.condition(item, "PodScheduled", "False")
    disrupted = wire.condition(item, "DisruptionTarget")
    claims = [wire.text(volume, "persistentVolumeClaim", "claimName") for volume in wire.objects(spec, "volumes")]
    return Pod(
        name=wire.text(metadata, "name"),
        uid=wire.text(metadata, "uid"),
        phase=wire.text(status, "phase") or "Unknown",
        containers=_containers(spec, status),
        main=wire.text(main, "name"),
        reason=wire.text(status, "reason"),
        message=wire.text(status, "message"),
        scheduling_reason=wire.text(unplaced, "reason"),
        scheduling_message=wire.text(unplaced, "message"),
        disruption=wire.text(disrupted, "reason"),
        disruption_message=wire.text(disrupted, "message"),
        disrupted=wire.time(disrupted, "lastTransitionTime"),
        created=wire.time(metadata, "creationTimestamp"),
        deleting=bool(wire.at(metadata, "deletionTimestamp")),
        node=wire.text(spec, "nodeName"),
        scheduler=wire.text(spec, "schedulerName"),
        owner_uid=next((wire.text(owner, "uid") for owner in wire.objects(metadata, "ownerReferences")), ""),
        claims=[claim for claim in claims if claim],
        resources={**_amounts(main, "requests"), **_amounts(main, "limits")},
        restart_policy=wire.text(spec, "restartPolicy"),
    )


def _containers(spec: Json, status: Json) -> list[Container]:
    containers: list[Container] = []
    for listed, statuses, init in (
        ("initContainers", "initContainerStatuses", True),
        ("containers", "containerStatuses", False),
    ):
        reported = {wire.text(each, "name"): each for each in wire.objects(status, statuses)}
        policies = {
            wire.text(container, "name"): wire.text(container, "restartPolicy")
            for container in wire.objects(spec, listed)
        }
        policies |= {name: "" for name in reported if name not in policies}
        containers += [_container(name, reported.get(name, {}), init, policy) for name, policy in policies.items()]
    return containers


def _container(name: str, status: Json, init: bool, policy: str) -> Container:
    state = wire.mapping(status, "state")
    restarts = wire.integer(status, "restartCount") or 0
    before = wire.mapping(status, "lastState", "terminated")
    previous = _exit(before) if before else None
    reported = partial(Container, name, init, restarts=restarts, previous=previous, restart_policy=policy)
    if waiting := wire.mapping(state, "waiting"):
        return reported("Waiting", wire.text(waiting, "reason"), wire.text(waiting, "message"))
    if "running" in state:
        return reported("Running", started=wire.time(state, "running", "startedAt"))
    if "terminated" in state:
        end = _exit(wire.mapping(state, "terminated"))
        return reported(
            "Terminated", end.reason, end.message, end.exit_code, started=end.started, finished=end.finished
        )
    return reported("Waiting" if "waiting" in state else "Unknown")


def _exit(terminated: Json) -> Exit:
    return Exit(
        wire.integer(terminated, "exitCode"),
        wire.text(terminated, "reason"),
        wire.text(terminated, "message"),
        wire.time(terminated, "startedAt"),
        wire.time(terminated, "finishedAt"),
    )


def _amounts(container: Json, which: str) -> dict[str, str]:
    given = wire.mapping(container, "resources", which)
    return {name: str(amount) for name, amount in given.items() if isinstance(amount, (str, int, float))}
