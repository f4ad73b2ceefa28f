"""Why a job of a cluster is where it is: what `explain` shows, and the error of a failed job, and its result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kubeflow.cluster.pods.causes import Diagnosed
from kubeflow.cluster.wire import Json
from kubeflow.core.resource import Transport
from kubeflow.trainer.backends.kubernetes.diagnosis.evidence import Evidence, Gatherer
from kubeflow.trainer.backends.kubernetes.diagnosis.findings import findings
from kubeflow.trainer.backends.kubernetes.diagnosis.first_failure import first_failure, outcome_of_rank_zero
from kubeflow.trainer.backends.kubernetes.diagnosis.job_events import user_event
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod, current
from kubeflow.trainer.diagnosis.diagnosis import Diagnosis
from kubeflow.trainer.diagnosis.remedies import SHOWN_LINES
from kubeflow.trainer.errors import JobFailed
from kubeflow.trainer.types.jobs import TrainJob

if TYPE_CHECKING:
    from kubeflow.packaging import RankOutcome


def diagnose(
    transport: Transport, namespace: str, job: Json, view: TrainJob, pods: Sequence[JobPod] | None = None
) -> Diagnosis:
    """Return why a job is where it is, with 2 to 9 requests. What may not be seen is a finding, and no error.

    Where others have more than 4,000 events in the namespace, up to 14 requests more.

    Args:
        transport: The cluster.
        namespace: Where the job is.
        job: The TrainJob, as the server sent it.
        view: The same as users see it.
        pods: Its pods, if they are known already, which saves a request.
    """
    gatherer = Gatherer(transport, namespace, job, pods)
    evidence = gatherer.evidence()
    found = findings(evidence)
    first = first_failure(evidence.pods, evidence.logs) if view.status != "Complete" else None
    log = first.said if first is not None else ()
    remedies = list(dict.fromkeys(remedy for finding in found for remedy in finding.remedies))
    return Diagnosis(
        view,
        summary=_summary(evidence, view, found),
        timeline=[user_event(happening) for happening in evidence.events],
        findings=[*(finding.text for finding in found), *gatherer.gaps],
        log=log,
        remedies=remedies or ([SHOWN_LINES] if log else []),
    )


def failure(transport: Transport, namespace: str, job: Json) -> JobFailed:
    """Return, for a job that is `Failed`, the error that says which rank failed first and how, with 2 to 4 requests.

    Args:
        transport: The cluster.
        namespace: Where the job is.
        job: The TrainJob, as the server sent it.
    """
    gatherer = Gatherer(transport, namespace, job)
    pods = gatherer.pods()
    evidence = Evidence(job, pods)
    late = evidence.condition("Failed").get("reason") == "DeadlineExceeded"
    first = None if late else first_failure(pods, gatherer.logs())
    if first is None:
        # Nobody failed by itself: its deadline, a machine or a controller ended it, or it never started.
        causes = findings(gatherer.evidence())
        reason = causes[0].text if causes else "the control plane does not say why"
        gaps = "" if causes or not gatherer.gaps else f" ({gatherer.gaps[0]})"
        return JobFailed(evidence.name, _sentence(f"{reason}{gaps}"))
    error = first.error
    return JobFailed(
        evidence.name,
        f"{first.who} {first.how}.",
        rank=first.rank,
        node=first.pod.node_index,
        exception=f"{error.type}: {error.message}" if error is not None else None,
        log=first.said,
    )


def outcome(transport: Transport, namespace: str, job: Json) -> RankOutcome | None:
    """Return, for a job that has ended, how its rank 0 says it ended, with 1 request; `None` when it left no word.

    Raises:
        KubeflowError: The pods may not be seen, so that nobody knows.
    """
    from kubeflow.core.errors import KubeflowError

    gatherer = Gatherer(transport, namespace, job)
    pods = gatherer.pods()
    if gatherer.gaps:
        raise KubeflowError(f"The result of a job is in the status of its pods: {gatherer.gaps[0]}")
    return outcome_of_rank_zero([pod for pod in current(pods) if pod.is_node])


def _summary(evidence: Evidence, view: TrainJob, found: Sequence[Diagnosed]) -> str:
    if view.status == "Complete":
        return "all its nodes have succeeded."
    if found:
        return _sentence(found[0].text)
    pods = evidence.current
    running = [pod.step for pod in pods if pod.phase == "Running"]
    if running:
        return f"{len(running)} of {len(pods)} pods run."
    if pods:
        return "its pods are being started."
    if view.status == "Failed":
        return "the control plane does not say why."
    if evidence.gaps:
        return "what keeps it cannot be seen."
    return "its pods are not made yet."


def _sentence(text: str) -> str:
    return f"{text.rstrip('. ')}."
