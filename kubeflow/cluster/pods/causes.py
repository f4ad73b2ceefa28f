"""Why a pod waits or was ended by the cluster: image pulls, volumes, scheduling, eviction; from its status and events.

The rules know pods only, whatever owns them (a TrainJob, a Spark application). `Advice` has the owner's words for the
remedies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kubeflow.cluster import wire
from kubeflow.cluster.pods.events import Happening
from kubeflow.cluster.pods.pod import Pod
from kubeflow.cluster.readings import Absent, Found, NotPermitted, NotServed, ReadFailed, Reading
from kubeflow.cluster.wire import Json
from kubeflow.core.stdlib import re

_IGNORED = 30  # seconds after which a scheduler that works has said something of a pod
_PULL = ("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")
_CONFIG = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
_MISSING = re.compile(r'(secret|configmap) "([^"]+)" not found|(secret|configmap)s? "([^"]+)"')
# Events of a pod whose volumes are mounted.
_AFTER_MOUNTING = ("Pulling", "Pulled", "Created", "Started", "BackOff")
# How Volcano and the coscheduling plugin say that not all pods of a job can start together.
_GANG = re.compile(
    r"pod ?group|gang|coscheduling|minmember|minavailable|sibling pods|not enough (?:tasks|resources)", re.IGNORECASE
)
_QUEUE = re.compile(r"queue .*(?:quota|overused|not open|closed|not found)|(?:overused|closed) queue", re.IGNORECASE)
_INSUFFICIENT = re.compile(r"Insufficient ([\w/-]+(?:\.[\w/-]+)*)")
_ENDED_BY_CLUSTER = {
    "PreemptionByScheduler": "it made room for a job of higher priority",
    "DeletionByTaintManager": "its machine became unusable",
    "EvictionByEvictionAPI": "its machine is being emptied",
    "DeletionByPodGC": "its machine is gone",
    "TerminationByKubelet": "its machine ran short of something",
}

_SIDECAR_REMEDIES = (
    "Keep the sidecar out of the pods of jobs: for Istio, annotate the pods with sidecar.istio.io/inject: 'false'.",
    "Or have it run as a native sidecar (an init container with restartPolicy: Always), which ends with the main "
    "container: Istio does so with ENABLE_NATIVE_SIDECARS.",
    "Or have the main container end it as its last act: for Istio, POST http://localhost:15020/quitquitquit.",
)


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """One finding about a job.

    Attributes:
        text: The finding in words.
        remedies: What to try; most findings of failures and waits have one.
        headline: False for what is worth knowing and does not say how the job is now, such as its history.
    """

    text: str
    remedies: tuple[str, ...] = ()
    headline: bool = True


@dataclass(frozen=True, slots=True)
class Advice:
    """The words of the pods' owner that remedies need.

    Attributes:
        owner: What owns the pods, like `"job"`.
        resources: Where users ask for resources, like `"resources_per_node"`.
        retry: What users do to run the owner once more, like `"train again"`.
        replace: What users do once they have corrected the owner, to stand after a comma.
        resume: What users do after the cluster has ended a pod that did nothing wrong: a sentence.
    """

    owner: str
    resources: str
    retry: str
    replace: str
    resume: str


def ended_by_cluster(pods: Iterable[Pod], advice: Advice) -> Iterator[Diagnosed]:
    """Yield a finding for each pod that was evicted, preempted or lost with its machine.

    Args:
        pods: The newest pod of each part. What befell a pod that was replaced is history.
        advice: The owner's words.
    """
    for pod in pods:
        if how := how_cluster_ended(pod):
            remedy = advice.resume
            if "ephemeral" in how or "memory" in how:
                ask = f"Ask for as much as it uses in {advice.resources} (memory, ephemeral-storage)"
                remedy = f"{ask}, and {advice.retry}."
            yield Diagnosed(f"{pod.display_name} {how}", (remedy,))


def how_cluster_ended(pod: Pod) -> str:
    """Return that, and why, the cluster has ended a pod, to stand after the pod; empty when the cluster has not."""
    reason = pod.reason or pod.disruption
    if not reason:
        return ""
    message = pod.message or pod.disruption_message or _ENDED_BY_CLUSTER.get(pod.disruption, "")
    verb = "was ended" if pod.ended else "is being ended"
    return f"{verb} by the cluster ({reason}): {message or 'it does not say why'}"


def held_open(pods: Iterable[Pod], advice: Advice) -> Iterator[Diagnosed]:
    """Yield a finding for the pods that sidecars keep running although their main container has ended for good."""
    alike: dict[tuple[str, str, tuple[str, ...]], list[Pod]] = {}
    for pod in pods:
        if sidecars := tuple(repr(sidecar.name) for sidecar in pod.held_open_by):
            alike.setdefault((pod.main, pod.main_phase.lower(), sidecars), []).append(pod)
    for (main, phase, sidecars), held in alike.items():
        yield Diagnosed(
            f"the main container {main!r} of {_names(held)} has {phase}, and the sidecar {' and '.join(sidecars)} "
            f"runs on, so that the {advice.owner} cannot end",
            _SIDECAR_REMEDIES,
        )


def images_missing(pods: Iterable[Pod]) -> Iterator[Diagnosed]:
    """Yield a finding for each container whose image cannot be pulled."""
    for pod in pods:
        for container in pod.containers:
            if container.state == "Waiting" and container.reason in _PULL:
                yield Diagnosed(
                    f"{pod.display_name} cannot get its image ({container.reason}): {container.message}",
                    ("Check the image's name and tag; a private registry needs an image pull secret (options).",),
                )


def not_configured(pods: Iterable[Pod], advice: Advice) -> Iterator[Diagnosed]:
    """Yield a finding for each container that cannot be made, as for a Secret that does not exist."""
    for pod in pods:
        for container in pod.containers:
            if container.state == "Waiting" and container.reason in _CONFIG:
                remedy = f"Correct it, {advice.replace}."
                if match := _MISSING.search(container.message):
                    kind = "Secret" if "secret" in (match[1], match[3]) else "ConfigMap"
                    name = match[2] or match[4]
                    remedy = f"Make the {kind} {name!r} in the {advice.owner}'s namespace: the pod then starts."
                yield Diagnosed(f"{pod.display_name} cannot start ({container.reason}): {container.message}", (remedy,))


def volumes_awaited(pods: Iterable[Pod], events: Iterable[Happening]) -> Iterator[Diagnosed]:
    """Yield a finding for each event of a pod that has not started because a volume cannot be mounted."""
    unstarted = {pod.name: pod for pod in pods if pod.phase == "Pending"}
    events = list(events)
    mounted = {event.name: event.last for event in events if event.reason in _AFTER_MOUNTING}
    for event in events:
        if event.name in mounted and mounted[event.name] > event.last:
            continue
        if event.name in unstarted and event.reason in ("FailedMount", "FailedAttachVolume"):
            yield Diagnosed(
                f"{unstarted[event.name].display_name} waits for a volume: {event.message}",
                ("Make what is missing, or correct the volume: the pod then starts.",),
            )


def claims_unbound(
    claims: Mapping[str, Reading[Json]], events: Sequence[Happening], advice: Advice
) -> Iterator[Diagnosed]:
    """Yield a finding for each PersistentVolumeClaim that does not exist or has no volume.

    Args:
        claims: The claims that pods wait for, by name.
        events: Events of the namespace, oldest first.
        advice: The owner's words.
    """
    for name, claim in claims.items():
        match claim:
            case Absent():
                yield Diagnosed(
                    f"PersistentVolumeClaim {name!r} does not exist",
                    (f"Make the claim {name!r} in the {advice.owner}'s namespace: the pods then start.",),
                )
            case Found(found) if wire.text(found, "status", "phase") == "Pending":
                messages = [e.message for e in events if e.kind == "PersistentVolumeClaim" and e.name == name]
                storage_class = wire.text(found, "spec", "storageClassName") or "the default one"
                yield Diagnosed(
                    f"PersistentVolumeClaim {name!r} has no volume yet{f': {messages[-1]}' if messages else ''}",
                    (
                        f"Check its storage class ({storage_class}), and that it can be mounted by as many nodes as "
                        f"the {advice.owner} has.",
                    ),
                )
            case Found() | NotPermitted() | NotServed() | ReadFailed():
                pass


def unplaced(pods: Iterable[Pod], events: Sequence[Happening], advice: Advice, now: datetime) -> Iterator[Diagnosed]:
    """Yield the pods that the scheduler cannot place: one finding for all of those for which it says the same.

    A scheduler of gangs may say it of the pod group alone. A pod of which no scheduler has said anything for half a
    minute is one that no scheduler looks at.
    """
    messages = {event.name: event.message for event in events if event.reason == "FailedScheduling"}
    of_group = [event for event in events if event.kind == "PodGroup" and event.warning]
    pods_by_message: dict[str, list[Pod]] = {}
    ignored: dict[str, list[Pod]] = {}
    for pod in pods:
        if pod.phase == "Pending" and not pod.node and not pod.deleting:
            message = pod.scheduling_message if pod.scheduling_reason == "Unschedulable" else messages.get(pod.name, "")
            if not message and of_group and (pod.created is None or of_group[-1].last >= pod.created):
                message = of_group[-1].message
            if message or pod.scheduling_reason == "SchedulingGated":
                pods_by_message.setdefault(message or "it waits for a scheduling gate to be lifted", []).append(pod)
            elif pod.created is not None and (now - pod.created).total_seconds() > _IGNORED:
                ignored.setdefault(pod.scheduler or "default-scheduler", []).append(pod)
    for message, waiting in pods_by_message.items():
        yield Diagnosed(f"{_names(waiting)} cannot be placed: {message}", tuple(_placing_remedies(message, advice)))
    for scheduler, waiting in ignored.items():
        yield Diagnosed(
            f"no scheduler has looked at {_names(waiting)}: {scheduler!r} is to place them",
            (f"Ask who runs the cluster whether the scheduler {scheduler!r} is installed and runs.",),
        )


def _placing_remedies(message: str, advice: Advice) -> Iterator[str]:
    lowered = message.lower()
    if lacking := list(dict.fromkeys(_INSUFFICIENT.findall(message))):
        yield (
            f"Ask for less {' and '.join(lacking)} in {advice.resources}, use fewer nodes, wait for other jobs to end, "
            "or have machines added."
        )
    elif "persistentvolumeclaim" in lowered or "volume" in lowered:
        yield f"Check the PersistentVolumeClaims that the {advice.owner} mounts: kubectl get pvc."
    elif "taint" in lowered:
        yield "Give the pods a toleration for that taint with options, if they may use these machines."
    elif "affinity" in lowered or "selector" in lowered:
        yield f"Change the node selector or affinity of the {advice.owner}, or label the machines."
    elif _QUEUE.search(message):
        yield "The queue of the scheduler has no room: choose another queue, or ask who runs the cluster to open it."
    elif not _GANG.search(message):
        yield "Ask for what a machine of the cluster has, or ask who runs the cluster."
    if _GANG.search(message):
        yield (
            f"The scheduler starts all pods of the {advice.owner} together or none, and the cluster has no room for "
            "all of them now: use fewer nodes, ask for less, or wait for other jobs to end. Its PodGroup says what is "
            "missing: kubectl describe podgroups."
        )


def _names(pods: Iterable[Pod]) -> str:
    names = [pod.display_name for pod in pods]
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
