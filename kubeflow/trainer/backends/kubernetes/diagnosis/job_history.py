"""What befell a job and is over: pods that were replaced, containers and JobSets that were started again. Asks nothing.

History is told with count, reason and time. It is never the headline, and has remedies only where it repeats itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kubeflow.cluster.pods.causes import Diagnosed, how_cluster_ended
from kubeflow.cluster.pods.events import Happening
from kubeflow.cluster.readings import Found
from kubeflow.trainer.backends.kubernetes.diagnosis.container_failures import Failure, all_failures, first_failure
from kubeflow.trainer.backends.kubernetes.diagnosis.evidence import Evidence
from kubeflow.trainer.backends.kubernetes.diagnosis.failure_remedies import remedies_of
from kubeflow.trainer.backends.kubernetes.diagnosis.moments import at
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod

_SHOWN = 5  # steps whose history is told one by one
# Events about pods that the cluster ended.
_DISRUPTIONS = ("Preempted", "Evicted", "TaintManagerEviction", "NodeShutdown", "Terminated", "NodeNotReady")
_JOBSET_RESTARTS = (
    "Restarting",
    "RestartJobSetFailurePolicyAction",
    "RestartJobSetAndIgnoreMaxRestartsFailurePolicyAction",
)


def history(evidence: Evidence) -> Iterator[Diagnosed]:
    """Yield what is over: restarts of the JobSet, replaced pods, restarts of containers, pods that are gone."""
    failures = {failure.pod.uid: failure for failure in reversed(all_failures(evidence.pods))}
    current = {pod.uid for pod in evidence.current}
    attempt = max((pod.attempt for pod in evidence.pods), default=0)
    replaced = [pod for pod in evidence.pods if pod.uid not in current and pod.attempt == attempt]
    told = [
        *_jobset_restarts(evidence, attempt),
        *_replacements(replaced, failures),
        *_container_restarts(evidence.current, failures),
        *_pods_gone(evidence),
    ]
    yield from told[:_SHOWN]
    if len(told) > _SHOWN:
        yield Diagnosed(f"{len(told) - _SHOWN} more pods or steps were replaced or started again", headline=False)


def _jobset_restarts(evidence: Evidence, attempt: int) -> Iterator[Diagnosed]:
    if not attempt:
        return
    events = [event for event in evidence.events if event.kind == "JobSet" and event.reason in _JOBSET_RESTARTS]
    before = [pod for pod in evidence.pods if pod.attempt == attempt - 1]
    first = first_failure(before, ended=True)
    if first is not None:
        why = f": {first.who} {first.how}{at(first.exit.finished)}"
    elif events:
        why = f": {events[-1].message}{at(events[-1].last)}"
    else:
        why = ""
    last = ", last" if attempt > 1 and why else ""
    yield Diagnosed(f"all its pods were made anew {times(attempt)}{last}{why}", headline=False)


def _replacements(replaced: Sequence[JobPod], failures: Mapping[str, Failure]) -> Iterator[Diagnosed]:
    by_step: dict[str, list[JobPod]] = {}
    for pod in replaced:
        by_step.setdefault(pod.step, []).append(pod)
    for step, pods in by_step.items():
        last = pods[-1]
        latest = "the last one " if len(pods) > 1 else "it "
        yield Diagnosed(
            f"the pod of {step} was replaced {times(len(pods))}: {latest}{_how_ended(last, failures)}"
            f"{at(last.ended_at)}",
            headline=False,
        )


def _how_ended(pod: JobPod, failures: Mapping[str, Failure]) -> str:
    if how := how_cluster_ended(pod):
        return how
    if (failure := failures.get(pod.uid)) is not None:
        return failure.how
    return "was deleted" if pod.deleting else f"ended as {pod.phase}"


def _container_restarts(pods: Sequence[JobPod], failures: Mapping[str, Failure]) -> Iterator[Diagnosed]:
    for pod in pods:
        restarts = pod.container.restarts
        if not restarts:
            continue
        failure = failures.get(pod.uid)
        why, remedies = "", tuple[str, ...]()
        if failure is not None and failure.container.name == pod.main and not failure.lasts:
            why = f", after it {failure.how}{at(failure.exit.finished)}"
            remedies = tuple(remedies_of(failure)) if restarts > 1 and failure.container.state == "Running" else ()
        yield Diagnosed(f"{pod.step} was started again {times(restarts)} in its pod{why}", remedies, headline=False)


def _pods_gone(evidence: Evidence) -> Iterator[Diagnosed]:
    """Yield the pods that the cluster ended and whose objects are gone, by their events."""
    if not isinstance(evidence.read_pods, Found):
        return
    there = {pod.name for pod in evidence.pods}
    last: dict[str, Happening] = {}
    for event in evidence.events:
        if event.kind == "Pod" and event.name not in there and event.reason in _DISRUPTIONS:
            last[event.name] = event
    for name, event in last.items():
        yield Diagnosed(
            f"pod {name}, which is gone, was ended by the cluster ({event.reason}): {event.message}{at(event.last)}",
            headline=False,
        )


def times(count: int) -> str:
    """Return how often something happened, in words."""
    return "once" if count == 1 else f"{count} times"
