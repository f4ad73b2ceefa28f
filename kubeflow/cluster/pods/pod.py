"""A pod as its status reports it: phase, containers and how they ended, scheduling, disruption, volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from kubeflow.cluster import wire
from kubeflow.cluster.wire import Json

ContainerState = Literal["Waiting", "Running", "Terminated", "Unknown"]


@dataclass(frozen=True, slots=True)
class Exit:
    """How a container ended once.

    Attributes:
        exit_code: Of its first process; `None` when unknown. 128 and a signal's number for one that a signal ended.
        reason: The kubelet's word: `"Completed"`, `"Error"`, `"OOMKilled"`, ...; may be empty.
        message: The termination message: what the container itself left; may be empty.
        started: When it started, if known.
        finished: When it ended, if known; whole seconds.
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
        state: `"Waiting"`, `"Running"`, `"Terminated"`, or `"Unknown"` before the kubelet has said anything.
        reason: Why it waits or how it ended: `"ImagePullBackOff"`, `"OOMKilled"`, `"Error"`; may be empty.
        message: In words, or what the container itself left when it ended; may be empty.
        exit_code: Of its present instance, when that has ended.
        restarts: How often it was started again in this pod.
        started: When the present instance started.
        finished: When the present instance ended.
        previous: How the instance before ended; `None` when there was none.
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

    @property
    def exits(self) -> list[Exit]:
        """How its last two instances ended, as far as they have, oldest first."""
        known = [self.previous] if self.previous is not None else []
        if self.state == "Terminated":
            known.append(Exit(self.exit_code, self.reason, self.message, self.started, self.finished))
        return known

    @property
    def has_log(self) -> bool:
        """True when some instance of it has run, so that there is a log to read."""
        return self.state in ("Running", "Terminated") or self.restarts > 0 or self.previous is not None


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod, whoever owns it.

    Attributes:
        name: Its name.
        uid: Its uid.
        phase: `"Pending"`, `"Running"`, `"Succeeded"`, `"Failed"` or `"Unknown"`.
        containers: Init containers first, in the order of the pod.
        main: Name of the container that matters: its log is the pod's.
        reason: Why the pod as a whole failed: `"Evicted"`, `"NodeLost"`; mostly empty.
        message: The same in words; mostly empty.
        scheduling_reason: Why it is not placed: `"Unschedulable"`, `"SchedulingGated"`; empty once it is.
        scheduling_message: The same in the scheduler's words.
        disruption: Why the cluster ends it: `"PreemptionByScheduler"`, `"DeletionByTaintManager"`; mostly empty.
        disruption_message: The same in words.
        created: When it was made; `None` when unknown.
        deleting: True when its deletion is under way.
        node: The machine that it was placed on; empty before.
        owner_uid: Uid of the object that made it, such as a Job; may be empty.
        claims: Names of the PersistentVolumeClaims that it mounts.
        resources: What its main container has been promised, by resource name: limits, else requests.
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
    created: datetime | None = None
    deleting: bool = False
    node: str = ""
    owner_uid: str = ""
    claims: Sequence[str] = ()
    resources: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def display_name(self) -> str:
        """What users call the pod in findings; owners that give their pods roles have a better word than its name."""
        return self.name

    @property
    def container(self) -> Container:
        """The main container; one without a state when the kubelet has not reported it."""
        return next((c for c in self.containers if c.name == self.main and not c.init), Container(self.main))

    @property
    def ended(self) -> bool:
        """True when all of its containers have ended for good."""
        return self.phase in ("Succeeded", "Failed")


def pods_path(namespace: str) -> str:
    """Return the path of the pods of `namespace`."""
    return wire.core_path(namespace, "pods")


def read_pod(item: object, main: Json | None = None) -> Pod:
    """Return what a pod says, as the API server wrote it; an odd one has odd values and raises nothing.

    Args:
        item: The pod.
        main: The container of its spec that matters. Default: the first.
    """
    if main is None:
        main = next(iter(wire.objects(item, "spec", "containers")), wire.NOTHING)
    unplaced = wire.condition(item, "PodScheduled", "False")
    disrupted = wire.condition(item, "DisruptionTarget")
    volumes = wire.objects(item, "spec", "volumes")
    claims = [wire.text(volume, "persistentVolumeClaim", "claimName") for volume in volumes]
    return Pod(
        name=wire.text(item, "metadata", "name"),
        uid=wire.text(item, "metadata", "uid"),
        phase=wire.text(item, "status", "phase") or "Unknown",
        containers=_containers(item),
        main=wire.text(main, "name"),
        reason=wire.text(item, "status", "reason"),
        message=wire.text(item, "status", "message"),
        scheduling_reason=wire.text(unplaced, "reason"),
        scheduling_message=wire.text(unplaced, "message"),
        disruption=wire.text(disrupted, "reason"),
        disruption_message=wire.text(disrupted, "message"),
        created=wire.time(item, "metadata", "creationTimestamp"),
        deleting=bool(wire.at(item, "metadata", "deletionTimestamp")),
        node=wire.text(item, "spec", "nodeName"),
        owner_uid=next((wire.text(owner, "uid") for owner in wire.objects(item, "metadata", "ownerReferences")), ""),
        claims=[claim for claim in claims if claim],
        resources={**_amounts(main, "requests"), **_amounts(main, "limits")},
    )


def _containers(item: object) -> list[Container]:
    found: list[Container] = []
    for listed, statuses, init in (
        ("initContainers", "initContainerStatuses", True),
        ("containers", "containerStatuses", False),
    ):
        reported = {wire.text(status, "name"): status for status in wire.objects(item, "status", statuses)}
        names = [wire.text(container, "name") for container in wire.objects(item, "spec", listed)]
        names += [name for name in reported if name not in names]
        found += [_container(name, reported.get(name, {}), init) for name in names]
    return found


def _container(name: str, status: Json, init: bool) -> Container:
    state = wire.mapping(status, "state")
    restarts = wire.integer(status, "restartCount") or 0
    before = wire.mapping(status, "lastState", "terminated")
    previous = _exit(before) if before else None
    if waiting := wire.mapping(state, "waiting"):
        reason, message = wire.text(waiting, "reason"), wire.text(waiting, "message")
        return Container(name, init, "Waiting", reason, message, restarts=restarts, previous=previous)
    if "running" in state:
        started = wire.time(state, "running", "startedAt")
        return Container(name, init, "Running", restarts=restarts, started=started, previous=previous)
    if "terminated" in state:
        end = _exit(wire.mapping(state, "terminated"))
        return Container(
            name,
            init,
            "Terminated",
            end.reason,
            end.message,
            end.exit_code,
            restarts,
            end.started,
            end.finished,
            previous,
        )
    known: ContainerState = "Waiting" if "waiting" in state else "Unknown"
    return Container(name, init, known, restarts=restarts, previous=previous)


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
