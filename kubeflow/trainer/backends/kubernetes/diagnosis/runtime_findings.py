"""What follows for a job from its runtime: that it is gone, or makes failed jobs start again. Asks nothing."""

from __future__ import annotations

from collections.abc import Iterator

from kubeflow.cluster import wire
from kubeflow.cluster.pods.causes import Diagnosed
from kubeflow.cluster.pods.events import Happening
from kubeflow.cluster.readings import Absent
from kubeflow.trainer.backends.kubernetes.diagnosis.evidence import Evidence
from kubeflow.trainer.backends.kubernetes.diagnosis.job_events import JOBSET_FAILURES
from kubeflow.trainer.backends.kubernetes.diagnosis.moments import at


def runtime_gone(evidence: Evidence) -> Iterator[Diagnosed]:
    """Yield that the runtime of a job that has not ended does not exist any more."""
    if evidence.ended or evidence.elsewhere or not isinstance(evidence.runtime, Absent):
        return
    runtime = wire.text(evidence.job, "spec", "runtimeRef", "name")
    made = bool(evidence.current or wire.objects(evidence.job, "status", "jobsStatus"))
    started = made and not (evidence.suspended and all(pod.ended for pod in evidence.current))
    effect = "it goes on, and can be neither suspended nor resumed" if started else "the control plane cannot start it"
    yield Diagnosed(
        f"its runtime {runtime!r} does not exist any more: {effect}",
        (
            f"Have the runtime {runtime!r} made again by who runs the cluster, or delete the job and train again with "
            f"one of client.list_runtimes(): client.delete_job({evidence.name!r}).",
        ),
        headline=not started,
    )


def starts_again(evidence: Evidence) -> Iterator[Diagnosed]:
    """Yield that Trainer 2.3.0 starts a failed job again when the runtime's TTL has removed its JobSet."""
    seconds = evidence.restarting_ttl
    if seconds is None or evidence.condition("Complete"):
        return
    cause = f"the runtime has ttlSecondsAfterFinished: {seconds}, by which the failed JobSet is removed"
    remedy = (
        f"Delete the job to have it end: client.delete_job({evidence.name!r}). An administrator takes "
        "ttlSecondsAfterFinished out of the runtime; Trainer 2.3.0 does not keep a failed job with it."
    )
    if evidence.condition("Failed"):
        yield Diagnosed(f"Trainer 2.3.0 will start it again after {seconds} s: {cause}", (remedy,), headline=False)
    elif failed := _earlier_failure(evidence):
        yield Diagnosed(
            f"it had failed ({failed.reason}{at(failed.last)}), and Trainer 2.3.0 has started it again: {cause}",
            (remedy,),
            headline=False,
        )


def _earlier_failure(evidence: Evidence) -> Happening | None:
    """Return the last event by which a JobSet of the job, or a Job of it, failed that is not the present one."""
    present = {pod.jobset_uid for pod in evidence.current} | {pod.owner_uid for pod in evidence.current}
    # Jobs of earlier attempts of the present JobSet fail, too: JobSet then makes them anew.
    anew = any(pod.attempt for pod in evidence.current)
    failures = [
        event
        for event in evidence.events
        if event.uid not in present
        and (
            (event.kind == "JobSet" and event.reason in JOBSET_FAILURES)
            or (event.kind == "Job" and event.reason == "BackoffLimitExceeded" and not anew)
        )
    ]
    return failures[-1] if failures else None
