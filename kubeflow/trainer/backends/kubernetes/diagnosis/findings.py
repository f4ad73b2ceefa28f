"""From evidence to findings: each rule knows one reason why jobs wait or fail, and what helps. Asks nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from kubeflow.cluster import wire
from kubeflow.cluster.pods import causes
from kubeflow.cluster.pods.causes import Advice, Diagnosed
from kubeflow.cluster.readings import Found
from kubeflow.trainer.backends.kubernetes.diagnosis.container_failures import first_failure, present_failures
from kubeflow.trainer.backends.kubernetes.diagnosis.controller_refusals import refusals
from kubeflow.trainer.backends.kubernetes.diagnosis.evidence import Evidence
from kubeflow.trainer.backends.kubernetes.diagnosis.failure_remedies import remedies_of
from kubeflow.trainer.backends.kubernetes.diagnosis.job_history import history
from kubeflow.trainer.backends.kubernetes.diagnosis.queueing import queued, run_elsewhere, suspended
from kubeflow.trainer.backends.kubernetes.diagnosis.runtime_findings import runtime_gone, starts_again

# Seconds after which a job that nobody has touched is one that nobody will touch.
_UNTOUCHED = 30
_OTHERS = 5  # failures after the first that are told one by one


def findings(evidence: Evidence) -> list[Diagnosed]:
    """Return what is worth knowing, most telling first, each once; nothing for a job that is well.

    What says how the job is now comes first, then what does not: history, and what may happen.
    """
    found: dict[str, Diagnosed] = {}
    for rule in _RULES:
        for finding in rule(evidence):
            found.setdefault(finding.text, finding)
    if not found:
        found.update((finding.text, finding) for finding in _untouched(evidence))
    return sorted(found.values(), key=lambda finding: not finding.headline)


def _deadline(evidence: Evidence) -> Iterator[Diagnosed]:
    failed = evidence.condition("Failed")
    if wire.text(failed, "reason") == "DeadlineExceeded":
        seconds = wire.integer(evidence.job, "spec", "activeDeadlineSeconds")
        limit = f"{seconds} s" if seconds is not None else "its deadline"
        yield Diagnosed(
            f"it was active for longer than {limit}",
            ("Give the job more time (active_deadline_seconds), or look at its log for what took so long.",),
        )


def _failed(evidence: Evidence) -> Iterator[Diagnosed]:
    """What failed first, when the job has failed or goes on after a failure."""
    if evidence.condition("Complete"):
        return
    first = first_failure(evidence.pods, evidence.logs, ended=evidence.ended)
    if first is None:
        return
    yield Diagnosed(f"{first.who} {first.how}", tuple(remedies_of(first)))
    failures = present_failures(evidence.pods, evidence.logs, ended=evidence.ended)
    others = [other for other in failures if other.pod.uid != first.pod.uid]
    for other in others[:_OTHERS]:
        yield Diagnosed(f"then {other.who} {other.how}")
    if len(others) > _OTHERS:
        yield Diagnosed(f"then {len(others) - _OTHERS} more")


def _ended_by_cluster(evidence: Evidence) -> Iterable[Diagnosed]:
    """What the cluster has done to the newest pods of a job that has not succeeded."""
    if evidence.condition("Complete"):
        return ()
    return causes.ended_by_cluster(evidence.current, _advice(evidence))


def _control_plane(evidence: Evidence) -> Iterator[Diagnosed]:
    """What the control plane says of a failure, where it is more than that jobs failed."""
    failed = evidence.condition("Failed")
    reason, message = wire.text(failed, "reason"), wire.text(failed, "message")
    if failed and reason != "DeadlineExceeded":
        yield Diagnosed(
            f"the control plane says {reason}: {message}" if message else f"the control plane says {reason}"
        )


def _untouched(evidence: Evidence) -> Iterator[Diagnosed]:
    """Nothing is known: neither pods nor events nor a status."""
    # Pods or events that may not be seen are no sign that there are none.
    untouched = evidence.without_pods and isinstance(evidence.read_events, Found) and not evidence.events
    if not untouched or wire.mapping(evidence.job, "status"):
        return
    created = evidence.created
    age = (evidence.now - created).total_seconds() if created is not None else 0.0
    manager = wire.text(evidence.job, "spec", "managedBy")
    if manager and not manager.startswith("trainer.kubeflow.org/"):
        yield Diagnosed(f"it is managed by {manager}, which has not said anything about it yet")
    elif age >= _UNTOUCHED:
        yield Diagnosed(
            f"nothing has happened to it in {age:.0f} s: no controller has touched it",
            (
                "Ask who runs the cluster whether Kubeflow Trainer's controller runs: "
                "kubectl get deployments --all-namespaces | grep trainer.",
            ),
        )


def _advice(evidence: Evidence) -> Advice:
    return Advice(
        owner="job",
        resources="resources_per_node",
        retry="train again",
        replace=f"delete the job and train again: client.delete_job({evidence.name!r})",
        resume="Train again from the last checkpoint; the job itself did nothing wrong.",
    )


_RULES: tuple[Callable[[Evidence], Iterable[Diagnosed]], ...] = (
    _deadline,
    _failed,
    _ended_by_cluster,
    lambda evidence: causes.held_open(evidence.current, _advice(evidence)),
    runtime_gone,
    refusals,
    queued,
    suspended,
    run_elsewhere,
    lambda evidence: causes.images_missing(evidence.current),
    lambda evidence: causes.not_configured(evidence.current, _advice(evidence)),
    lambda evidence: causes.claims_unbound(evidence.claims, evidence.events, _advice(evidence)),
    lambda evidence: causes.volumes_awaited(evidence.current, evidence.events),
    lambda evidence: causes.unplaced(evidence.current, evidence.events, _advice(evidence), evidence.now),
    starts_again,
    history,
    _control_plane,
)
