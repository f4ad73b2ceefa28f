"""What controllers wanted to make for a job and could not: rules over their events. Asks nothing.

An event stays for an hour. What has been made since it was written is no longer refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from kubeflow.cluster import wire
from kubeflow.cluster.pods.causes import Diagnosed
from kubeflow.cluster.pods.events import Happening
from kubeflow.trainer.backends.kubernetes.diagnosis.evidence import Evidence
from kubeflow.trainer.backends.kubernetes.jobs.suspension import APPLY_REFUSED

_NOT_MADE = ("FailedCreate", "JobCreationFailed", "PodCreationFailed")
# Trainer applies a JobSet again before it has seen that the JobSet is there, which changes nothing and may be refused.
_RACE = timedelta(seconds=3)
_LONG_RACE = timedelta(minutes=1)  # with a slow control plane, of a job that has all that it was made with
_SECOND = timedelta(seconds=1)  # conditions have whole seconds
_OF_AN_UPDATE = ("immutable", "has been modified")


def refusals(evidence: Evidence) -> Iterator[Diagnosed]:
    """Yield what is refused to controllers now."""
    for event in evidence.events:
        if event.reason == APPLY_REFUSED:
            if apply_is_refused(evidence, event):
                what = "cannot change what the job has" if _made(evidence) else "cannot make what the job needs"
                # Pods that go on as the job wants them do so in spite of it.
                headline = evidence.suspended or not _goes_on(evidence)
                text = f"the control plane {what}: {event.message}"
                yield Diagnosed(text, (_remedy(event.message, evidence),), headline)
        elif event.reason in _NOT_MADE:
            if _still_missing(evidence, event):
                yield Diagnosed(f"{event.kind} {event.name}: {event.message}", (_remedy(event.message, evidence),))
        elif event.reason == "FailedCreatePodSandBox":
            waiting = [pod for pod in evidence.current if pod.name == event.name and not pod.container.has_log]
            if waiting and waiting[0].phase == "Pending":
                yield Diagnosed(f"{event.kind} {event.name}: {event.message}", (_remedy(event.message, evidence),))


def apply_is_refused(evidence: Evidence, event: Happening) -> bool:
    """Return whether an event that an apply was refused says how the job is now.

    It does not when the apply came too early, or when pods have been made or ended since as the job wants it.
    """
    if evidence.suspended and _made(evidence):
        return _goes_on(evidence)
    if _is_race(evidence, event):
        return False
    resumed = _resumed(evidence)
    if resumed is not None and event.last < resumed + _SECOND and _goes_on(evidence):
        return False
    return not _made_since(evidence, event.last)


def _goes_on(evidence: Evidence) -> bool:
    return any(not pod.ended and not pod.deleting for pod in evidence.current)


def _resumed(evidence: Evidence) -> datetime | None:
    return wire.time(wire.condition(evidence.job, "Suspended", "False"), "lastTransitionTime")


def _is_race(evidence: Evidence, event: Happening) -> bool:
    """Return whether a refusal came at the beginning of a job that was not resumed, and changed nothing."""
    created = evidence.created
    made, of_an_update = _made(evidence), any(words in event.message for words in _OF_AN_UPDATE)
    as_made = wire.integer(evidence.job, "metadata", "generation") == 1
    if created is None or event.last > created + (_LONG_RACE if made and of_an_update and as_made else _RACE):
        return False
    resumed = _resumed(evidence)
    if resumed is not None and resumed <= event.last:
        return False
    return made or of_an_update


def _made(evidence: Evidence) -> bool:
    """True when there is a JobSet: the TrainJob counts its Jobs, or there are pods of it."""
    return bool(evidence.pods or wire.objects(evidence.job, "status", "jobsStatus"))


def _made_since(evidence: Evidence, time: datetime) -> bool:
    return any(pod.created is not None and pod.created > time for pod in evidence.current)


def _still_missing(evidence: Evidence, event: Happening) -> bool:
    """Return whether no pod has been made since of the object that could not make one."""
    pods = evidence.pods
    if event.kind == "Job":
        pods = [pod for pod in pods if pod.name.startswith(f"{event.name}-")]
    return not any(pod.created is not None and pod.created > event.last for pod in pods)


def _remedy(message: str, evidence: Evidence) -> str:
    again = f"client.delete_job({evidence.name!r})"
    if "volumeClaimPolicies" in message:
        return (
            "Trainer 2.3.0 can neither suspend nor resume jobs of this runtime: an administrator writes "
            "retentionPolicy: {whenDeleted: Delete} into its volumeClaimPolicies. This job stays as it is: delete it "
            f"and train again: {again}."
        )
    if "exceeded quota" in message:
        return "The quota of the namespace is used up: ask for less, delete what is not needed, or ask for more quota."
    if "PodSecurity" in message:
        return (
            "The namespace forbids what the pods ask for: change the security context with options, or the namespace."
        )
    if "must be no more than 63" in message or "name is too long" in message or "63 char" in message:
        return "The job's name is too long for the names of its pods: delete it, and choose a shorter name."
    if "denied the request" in message or "forbidden" in message:
        return "Change what it objects to, delete the job and train again, or ask who runs the cluster."
    return "Correct what it says, delete the job and train again."
