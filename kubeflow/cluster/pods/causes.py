"""Why a pod waits or was ended by the cluster, by its status and its events: image, volume, scheduler, eviction.

The rules know pods only, whoever owns them. `Advice` has the owner's words for the remedies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kubeflow.cluster import wire
from kubeflow.cluster.pods.events import Happening
from kubeflow.cluster.pods.pod import Pod
from kubeflow.cluster.wire import Json

_PULL = ("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")
_CONFIG = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
_MISSING = re.compile(r'(secret|configmap) "([^"]+)" not found|(secret|configmap)s? "([^"]+)"')
_INSUFFICIENT = re.compile(r"Insufficient ([\w/-]+(?:\.[\w/-]+)*)")
_ENDED_BY_CLUSTER = {
    "PreemptionByScheduler": "it made room for a job of higher priority",
    "DeletionByTaintManager": "its machine became unusable",
    "EvictionByEvictionAPI": "its machine is being emptied",
    "DeletionByPodGC": "its machine is gone",
    "TerminationByKubelet": "its machine ran short of something",
}


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """One thing that is worth knowing. `remedies` say what to try; most findings of failures and waits have one."""

    text: str
    remedies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Advice:
    """The words of the pods' owner that remedies need.

    Attributes:
        owner: What owns the pods, like `"job"`.
        resources: Where users ask for resources, like `"resources_per_node"`.
        retry: What users do to run it once more, like `"train again"`.
        replace: What users do once they have corrected it, to stand after a comma.
        resume: What users do after the cluster has ended a pod that did nothing wrong: a sentence.
    """

    owner: str
    resources: str
    retry: str
    replace: str
    resume: str


def ended_by_cluster(pods: Iterable[Pod], advice: Advice) -> Iterator[Diagnosed]:
    """Yield a finding for each pod that was evicted, preempted or lost with its machine."""
    for pod in pods:
        if pod.reason or pod.disruption:
            why = pod.message or pod.disruption_message or _ENDED_BY_CLUSTER.get(pod.disruption, "")
            what = pod.reason or pod.disruption
            again = advice.resume
            if "ephemeral" in why or "memory" in why:
                used = f"Ask for as much as it uses in {advice.resources} (memory, ephemeral-storage)"
                again = f"{used}, and {advice.retry}."
            yield Diagnosed(
                f"{pod.display_name} was ended by the cluster ({what}): {why or 'it does not say why'}", (again,)
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
    for event in events:
        if event.name in unstarted and event.reason in ("FailedMount", "FailedAttachVolume"):
            yield Diagnosed(
                f"{unstarted[event.name].display_name} waits for a volume: {event.message}",
                ("Make what is missing, or correct the volume: the pod then starts.",),
            )


def claims_unbound(
    claims: Mapping[str, Json | None], events: Sequence[Happening], advice: Advice
) -> Iterator[Diagnosed]:
    """Yield a finding for each PersistentVolumeClaim that does not exist or has no volume.

    Args:
        claims: The claims that pods wait for, by name; `None` for one that does not exist.
        events: Events of the namespace, oldest first.
        advice: The owner's words.
    """
    for name, claim in claims.items():
        if claim is None:
            yield Diagnosed(
                f"PersistentVolumeClaim {name!r} does not exist",
                (f"Make the claim {name!r} in the {advice.owner}'s namespace: the pods then start.",),
            )
        elif wire.text(claim, "status", "phase") == "Pending":
            said = [e.message for e in events if e.kind == "PersistentVolumeClaim" and e.name == name]
            kind = wire.text(claim, "spec", "storageClassName") or "the default one"
            yield Diagnosed(
                f"PersistentVolumeClaim {name!r} has no volume yet{f': {said[-1]}' if said else ''}",
                (
                    f"Check its storage class ({kind}), and that it can be mounted by as many nodes as the "
                    f"{advice.owner} has.",
                ),
            )


def unplaced(pods: Iterable[Pod], events: Iterable[Happening], advice: Advice) -> Iterator[Diagnosed]:
    """Yield the pods that the scheduler cannot place: one finding for all of those for which it says the same."""
    scheduler = {event.name: event.message for event in events if event.reason == "FailedScheduling"}
    said: dict[str, list[Pod]] = {}
    for pod in pods:
        if pod.phase == "Pending" and not pod.node and not pod.deleting:
            words = pod.scheduling_message if pod.scheduling_reason == "Unschedulable" else scheduler.get(pod.name, "")
            if words or pod.scheduling_reason == "SchedulingGated":
                said.setdefault(words or "it waits for a scheduling gate to be lifted", []).append(pod)
    for words, alike in said.items():
        yield Diagnosed(f"{_names(alike)} cannot be placed: {words}", (_placing(words, advice),))


def _placing(words: str, advice: Advice) -> str:
    if lacking := list(dict.fromkeys(_INSUFFICIENT.findall(words))):
        return (
            f"Ask for less {' and '.join(lacking)} in {advice.resources}, use fewer nodes, wait for other jobs to end, "
            "or have machines added."
        )
    lowered = words.lower()
    if "persistentvolumeclaim" in lowered or "volume" in lowered:
        return f"Check the PersistentVolumeClaims that the {advice.owner} mounts: kubectl get pvc."
    if "taint" in lowered:
        return "Give the pods a toleration for that taint with options, if they may use these machines."
    if "affinity" in lowered or "selector" in lowered:
        return f"Change the node selector or affinity of the {advice.owner}, or label the machines."
    return "Ask for what a machine of the cluster has, or ask who runs the cluster."


def _names(pods: Iterable[Pod]) -> str:
    names = [pod.display_name for pod in pods]
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
