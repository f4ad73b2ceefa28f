"""From evidence to findings: each rule knows one reason why jobs wait or fail, and what helps. Asks nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from kubeflow.cluster import wire
from kubeflow.cluster.pods import causes
from kubeflow.cluster.pods.causes import Advice, Diagnosed
from kubeflow.trainer.backends.kubernetes.diagnosis.evidence import Evidence
from kubeflow.trainer.backends.kubernetes.diagnosis.first_failure import Failure, all_failures, first_failure
from kubeflow.trainer.diagnosis.remedies import remedies

# Seconds after which a job that nobody has touched is one that nobody will touch.
_UNTOUCHED = 30
_OTHERS = 5  # failures after the first that are told one by one


def findings(evidence: Evidence, now: datetime | None = None) -> list[Diagnosed]:
    """Return what is worth knowing, most telling first, each once; nothing for a job that is well.

    Args:
        evidence: What is known of the job.
        now: The time. Default: now.
    """
    now = now or datetime.now(UTC)
    found: dict[str, Diagnosed] = {}
    for rule in _RULES:
        for finding in rule(evidence):
            found.setdefault(finding.text, finding)
    if not found:
        found.update((finding.text, finding) for finding in _untouched(evidence, now))
    return list(found.values())


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
    if wire.condition(evidence.job, "Complete"):
        return
    first = first_failure(evidence.pods, evidence.logs)
    if first is None:
        return
    yield Diagnosed(f"{first.who} {first.how}", tuple(_remedies(first)))
    others = [other for other in all_failures(evidence.pods, evidence.logs) if other.pod.uid != first.pod.uid]
    for other in others[:_OTHERS]:
        yield Diagnosed(f"then {other.who} {other.how}")
    if len(others) > _OTHERS:
        yield Diagnosed(f"then {len(others) - _OTHERS} more")


def _remedies(failure: Failure) -> list[str]:
    if failure.out_of_memory:
        return ["Raise 'memory' in resources_per_node, or use smaller batches or fewer DataLoader workers."]
    if failure.exit.exit_code in (126, 127) or failure.exit.reason in ("StartError", "ContainerCannotRun"):
        return [
            "Check that the image has the command, and that it can be executed: image= and command= of the trainer."
        ]
    error = failure.error
    words = f"{error}\n{error.traceback}" if error is not None else "\n".join([failure.how, *failure.said])
    found = remedies(words, failure.by_signal if error is None else None, "cluster")
    if not found and error is None:
        return [f"Read its log: client.get_job_logs({failure.pod.job!r}, step={failure.pod.step!r})."]
    return found


def _refused(evidence: Evidence) -> Iterator[Diagnosed]:
    """What controllers wanted to make and could not."""
    for event in evidence.events:
        if event.reason == "TrainJobResourcesCreationFailed" and not evidence.pods:
            yield Diagnosed(
                f"the control plane cannot make what the job needs: {event.message}", (_refusal(event.message),)
            )
        elif event.reason in ("FailedCreate", "FailedCreatePodSandBox", "JobCreationFailed", "PodCreationFailed"):
            yield Diagnosed(f"{event.kind} {event.name}: {event.message}", (_refusal(event.message),))


def _refusal(message: str) -> str:
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


def _queued(evidence: Evidence) -> Iterator[Diagnosed]:
    if not (evidence.suspended and evidence.queue):
        return
    queue = evidence.queue
    if not evidence.workload:
        yield Diagnosed(
            f"it waits in Kueue's queue {queue!r}, and Kueue has made no workload of it",
            (f"Check that the queue exists: kubectl get localqueue {queue}.",),
        )
        return
    for kind in ("QuotaReserved", "Admitted"):
        refused = wire.condition(evidence.workload, kind, "False")
        if refused:
            said = wire.text(refused, "message") or wire.text(refused, "reason")
            yield Diagnosed(
                f"it waits in Kueue's queue {queue!r}: {said}",
                ("Wait for other jobs of the queue to end, ask for less, or choose another queue.",),
            )
            return
    if evicted := wire.condition(evidence.workload, "Evicted"):
        yield Diagnosed(f"Kueue took it off the cluster: {wire.text(evicted, 'message')}", ("It is queued again.",))
    elif not wire.condition(evidence.workload, "Admitted"):
        yield Diagnosed(f"it waits in Kueue's queue {queue!r}", ("Wait for other jobs of the queue to end.",))


def _suspended(evidence: Evidence) -> Iterator[Diagnosed]:
    if evidence.suspended and not evidence.queue:
        yield Diagnosed("it is suspended", (f"client.resume_job({evidence.name!r}) starts it anew.",))


def _restarted(evidence: Evidence) -> Iterator[Diagnosed]:
    for pod in evidence.current:
        if pod.container.restarts:
            yield Diagnosed(f"{pod.step} was started again {_times(pod.container.restarts)} in its pod")
    attempt = max((pod.attempt for pod in evidence.pods), default=0)
    if attempt:
        yield Diagnosed(f"all its pods were made anew {_times(attempt)}")


def _control_plane(evidence: Evidence) -> Iterator[Diagnosed]:
    """What the control plane says of a failure, where it is more than that jobs failed."""
    failed = evidence.condition("Failed")
    reason, message = wire.text(failed, "reason"), wire.text(failed, "message")
    if failed and reason != "DeadlineExceeded":
        yield Diagnosed(
            f"the control plane says {reason}: {message}" if message else f"the control plane says {reason}"
        )


def _untouched(evidence: Evidence, now: datetime) -> Iterator[Diagnosed]:
    """Nothing is known: neither pods nor events nor a status."""
    # Pods or events that may not be seen are no sign that there are none.
    if evidence.pods or evidence.events or evidence.gaps or wire.mapping(evidence.job, "status"):
        return
    created = evidence.created
    age = (now - created).total_seconds() if created is not None else 0.0
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
    lambda evidence: causes.ended_by_cluster(evidence.pods, _advice(evidence)),
    _refused,
    _queued,
    _suspended,
    lambda evidence: causes.images_missing(evidence.current),
    lambda evidence: causes.not_configured(evidence.current, _advice(evidence)),
    lambda evidence: causes.claims_unbound(evidence.claims, evidence.events, _advice(evidence)),
    lambda evidence: causes.volumes_awaited(evidence.current, evidence.events),
    lambda evidence: causes.unplaced(evidence.current, evidence.events, _advice(evidence)),
    _restarted,
    _control_plane,
)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
