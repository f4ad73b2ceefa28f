"""Why a job of a cluster is where it is: what `explain` shows, and the error of a failed job, and its result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from kubeflow.cluster.pods.causes import Diagnosed
from kubeflow.cluster.readings import Absent, Found, NotPermitted, NotServed, ReadFailed, Reading
from kubeflow.cluster.wire import Json
from kubeflow.core.errors import KubeflowError
from kubeflow.core.resource import Transport
from kubeflow.trainer.backends.kubernetes.diagnosis.container_failures import first_failure, outcome_of_rank_zero
from kubeflow.trainer.backends.kubernetes.diagnosis.evidence import Evidence, Gatherer
from kubeflow.trainer.backends.kubernetes.diagnosis.findings import findings
from kubeflow.trainer.backends.kubernetes.diagnosis.job_events import user_event
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod
from kubeflow.trainer.diagnosis.diagnosis import Diagnosis
from kubeflow.trainer.diagnosis.remedies import SHOWN_LINES
from kubeflow.trainer.errors import JobFailed, NoJobResult
from kubeflow.trainer.runtimes.known_runtimes import KnownRuntime
from kubeflow.trainer.types.jobs import TrainJob

if TYPE_CHECKING:
    from kubeflow.packaging import RankOutcome


def diagnose(
    transport: Transport,
    namespace: str,
    job: Json,
    view: TrainJob,
    *,
    pods: Reading[Sequence[JobPod]] | None = None,
    runtime: Reading[KnownRuntime] | None = None,
    restarting_ttl: int | None = None,
) -> Diagnosis:
    """Return why a job is where it is, with 2 to 10 requests. What may not be seen is a finding, and no error.

    Where others have more than 4,000 events in the namespace, up to 14 requests more.

    Args:
        transport: The cluster.
        namespace: Where the job is.
        job: The TrainJob, as the server sent it.
        view: The same as users see it.
        pods: Its pods, if they were read already, which saves a request.
        runtime: The runtime that it names, if it was looked at.
        restarting_ttl: Seconds after which the control plane starts the job again once it has failed; `None` for never.
    """
    evidence = Gatherer(transport, namespace, job, pods).evidence(runtime, restarting_ttl)
    found = findings(evidence)
    unknown = view.status != "Complete"
    first = first_failure(evidence.pods, evidence.logs, ended=evidence.ended) if unknown else None
    log = first.said if first is not None else ()
    remedies = list(dict.fromkeys(remedy for finding in found for remedy in finding.remedies))
    return Diagnosis(
        view,
        summary=_summary(evidence, view, found),
        timeline=[user_event(happening) for happening in evidence.events],
        findings=[*(finding.text for finding in found), *evidence.gaps],
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
    evidence = Evidence(job, gatherer.pods())
    late = evidence.condition("Failed").get("reason") == "DeadlineExceeded"
    if not late:
        evidence = replace(evidence, read_logs=gatherer.logs())
    first = None if late else first_failure(evidence.pods, evidence.logs, ended=True)
    if first is None:
        # Nobody failed by itself: its deadline, a machine or a controller ended it, or it never started.
        evidence = gatherer.evidence()
        cause = _headline(findings(evidence))
        reason = cause.text if cause is not None else "the control plane does not say why"
        unseen = not isinstance(evidence.read_pods, Found) or cause is None
        gaps = f" ({evidence.gaps[0]})" if unseen and evidence.gaps else ""
        return JobFailed(evidence.name, _sentence(f"{reason}{gaps}"))
    error = first.error
    return JobFailed(
        evidence.name,
        f"{first.who} {first.how}.",
        rank=first.rank,
        node=first.pod.node_index,
        step=first.pod.step,
        exception=error.summary if error is not None else None,
        log=first.said,
    )


def outcome(transport: Transport, namespace: str, job: Json) -> RankOutcome | None:
    """Return, for a job that has ended, how its rank 0 says it ended, with 1 request; `None` when it left no word.

    Raises:
        NoJobResult: Its pods are gone, or on another cluster, and with them what rank 0 left.
        KubeflowError: The pods may not be seen, so that nobody knows.
    """
    evidence = Evidence(job, Gatherer(transport, namespace, job).pods())
    if not isinstance(evidence.read_pods, Found):
        raise KubeflowError(f"The result of a job is in the status of its pods: {evidence.gaps[0]}")
    nodes = [pod for pod in evidence.current if pod.is_node]
    if evidence.elsewhere:
        raise NoJobResult(evidence.name, "MultiKueue ran it on another cluster, whose pods have it: ask there")
    if not any(pod.node_index == 0 for pod in nodes):
        raise NoJobResult(evidence.name, "the pod of its rank 0, whose status had it, is gone")
    return outcome_of_rank_zero(nodes)


def _headline(found: Iterable[Diagnosed]) -> Diagnosed | None:
    return next((finding for finding in found if finding.headline), None)


def _summary(evidence: Evidence, view: TrainJob, found: Sequence[Diagnosed]) -> str:
    if view.status == "Complete":
        return "all its nodes have succeeded."
    if (headline := _headline(found)) is not None:
        return _sentence(headline.text)
    match evidence.read_pods:
        case Found():
            return _state_of_pods(evidence.current, view)
        case Absent() | NotPermitted() | NotServed() | ReadFailed():
            return "why it failed cannot be seen." if view.status == "Failed" else "what it does cannot be seen."


def _state_of_pods(pods: Sequence[JobPod], view: TrainJob) -> str:
    running = [pod.step for pod in pods if pod.phase == "Running"]
    if running:
        return f"{len(running)} of {len(pods)} pods run."
    if view.status == "Failed":
        return "the control plane does not say why."
    if not pods:
        return "its pods are not made yet."
    return "its pods have ended." if all(pod.ended for pod in pods) else "its pods are being started."


def _sentence(text: str) -> str:
    return f"{text.rstrip('. ')}."
