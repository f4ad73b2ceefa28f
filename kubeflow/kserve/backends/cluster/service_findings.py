"""Why a service is where it is: from its status, what runs it, its pods, their last words, and events."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from kubeflow.cluster import wire
from kubeflow.cluster.call_budget import CallBudget
from kubeflow.cluster.errors import ClusterError
from kubeflow.cluster.pods import causes
from kubeflow.cluster.pods.causes import Advice, Diagnosed
from kubeflow.cluster.pods.events import Happening, read_event
from kubeflow.cluster.pods.log_requests import last_lines
from kubeflow.cluster.readings import Absent, Found, NotPermitted, NotServed, ReadFailed, in_words, reading
from kubeflow.cluster.wire import Json
from kubeflow.core.transport import Transport
from kubeflow.kserve.backends.cluster import serving_names as names
from kubeflow.kserve.backends.cluster.service_pods import (
    KnownMessage,
    PodFailure,
    ServingPod,
    failing,
    list_pods,
    meaning_of,
    newest_pods,
)
from kubeflow.kserve.backends.cluster.service_status import digest_of
from kubeflow.kserve.errors import ServiceFailed
from kubeflow.kserve.types.service_diagnosis import ServiceDiagnosis
from kubeflow.kserve.types.services import Service
from kubeflow.trainer.backends.kubernetes.diagnosis.job_events import user_event
from kubeflow.trainer.types.jobs import Event

logger = logging.getLogger(__name__)

_LAST_LINES = 20
_ADVICE = Advice(
    owner="service",
    resources="resources",
    retry="update the service: client.update(name, resources=...)",
    replace="and update the service: client.update(name, ...)",
    resume="A new pod takes its place by itself.",
)


@dataclass(frozen=True, slots=True)
class LastWords:
    """The failure of a container, its last lines, and what they mean.

    Attributes:
        failure: The failure.
        lines: The last lines of its log; empty when they cannot be had.
        meaning: What they mean, if that is known.
    """

    failure: PodFailure
    lines: Sequence[str]
    meaning: KnownMessage | None


def diagnose(transport: Transport, namespace: str, item: Json, service: Service) -> ServiceDiagnosis:
    """Return why a service is where it is: three requests, and one more for the log of what fails.

    Args:
        transport: The cluster.
        namespace: Of the service.
        item: The InferenceService.
        service: It as users see it.
    """
    transport = CallBudget(transport)
    findings: list[Diagnosed] = []
    seen = reading(lambda: list_pods(transport, namespace, service.name))
    pods: list[ServingPod] = []
    match seen:
        case Found(value):
            pods = value
        case NotPermitted() | NotServed() | ReadFailed():
            findings.append(Diagnosed(in_words(seen, "pods"), headline=False))
        case Absent():
            pass
    events = reading(lambda: service_happenings(transport, namespace, service.name, pods))
    happenings: Sequence[Happening] = events.value if isinstance(events, Found) else ()
    words = _last_words(transport, namespace, item, pods)
    if words is not None:
        findings += _of_words(words)
    newest = newest_pods(pods, digest_of(item))
    now = datetime.now(UTC)
    findings += causes.ended_by_cluster(newest, _ADVICE)
    findings += causes.images_missing(newest)
    findings += causes.not_configured(newest, _ADVICE)
    findings += causes.volumes_awaited(newest, happenings)
    findings += causes.unplaced(newest, happenings, _ADVICE, now)
    findings += _of_status(service)
    findings += _restarts(pods)
    remedies = [remedy for finding in findings for remedy in finding.remedies]
    return ServiceDiagnosis(
        service,
        service.reason or _well(service),
        timeline=[user_event(happening) for happening in happenings],
        findings=list(dict.fromkeys(finding.text for finding in findings)),
        log=words.lines if words is not None else (),
        remedies=list(dict.fromkeys(remedies)),
        places=_places(service, namespace),
    )


def failure_of(transport: Transport, namespace: str, item: Json, service: Service) -> ServiceFailed:
    """Return the error for a service that is Failed or Degraded."""
    transport = CallBudget(transport)
    pods = reading(lambda: list_pods(transport, namespace, service.name))
    words = _last_words(transport, namespace, item, pods.value if isinstance(pods, Found) else ())
    reason, remedies = service.reason, [remedy for each in _of_status(service) for remedy in each.remedies]
    code = service.loading.exit_code if service.loading is not None else None
    if words is not None:
        code = words.failure.exit.exit_code
        remedies = [remedy for each in _of_words(words) for remedy in each.remedies] + remedies
        if words.meaning is not None:
            reason = f"{words.meaning.meaning}; {reason}"
    if service.status == "Degraded":
        reason = f"{reason}. The revision before goes on answering"
    return ServiceFailed(
        service.name, reason, remedies=remedies, exit_code=code, log=words.lines if words is not None else ()
    )


def service_events(transport: Transport, namespace: str, service: str) -> list[Event]:
    """Return what happened to a service and to all that was made for it, oldest first.

    Raises:
        ClusterError: As the transport does.
    """
    pods = reading(lambda: list_pods(transport, namespace, service))
    known = pods.value if isinstance(pods, Found) else ()
    return [user_event(each) for each in service_happenings(transport, namespace, service, known)]


def service_happenings(
    transport: Transport, namespace: str, service: str, pods: Iterable[ServingPod]
) -> list[Happening]:
    """Return the events about a service and all that was made for it, oldest first: one listing of the namespace's.

    Raises:
        ClusterError: As the transport does.
    """
    events = map(read_event, wire.listed(transport, wire.core_path(namespace, "events")))
    known = {each.pod.name for each in pods}
    own = [event for event in events if _concerns(event, service, known)]
    return sorted(own, key=lambda event: (event.first, event.last))


def _concerns(event: Happening, service: str, pods: set[str]) -> bool:
    if event.kind == "InferenceService":
        return event.name == service
    if event.name in pods:
        return True
    # Deployments, ReplicaSets, Knative's services, revisions and pods are called `<service>-predictor...`.
    predictor = names.predictor_name(service)
    return event.name == predictor or event.name.startswith(f"{predictor}-")


def _last_words(transport: Transport, namespace: str, item: Json, pods: Sequence[ServingPod]) -> LastWords | None:
    failure = failing(newest_pods(pods, digest_of(item)))
    if failure is None:
        return None
    running = failure.container.state == "Waiting"
    lines: list[str] = []
    try:
        lines = last_lines(transport, namespace, failure.pod, failure.container.name, _LAST_LINES, previous=running)
    except ClusterError as error:
        logger.debug("no log of %s: %s", failure.pod.name, error)
    told = [line for line in lines if line.strip()] or failure.exit.message.strip().splitlines()
    return LastWords(failure, told, meaning_of([*told, failure.exit.message]))


def _of_words(words: LastWords) -> list[Diagnosed]:
    if words.failure.exit.reason == "OOMKilled":
        asked = words.failure.pod.resources.get("memory")
        limit = f" of {asked}" if asked and words.failure.container.name == names.MODEL_CONTAINER else ""
        remedy = "Ask for more: client.update(name, resources={'memory': ...})."
        if words.failure.container.name == names.STORAGE_INITIALIZER:
            remedy = "The limits of the storage initializer are in inferenceservice-config: ask who runs the cluster."
        return [Diagnosed(f"{words.failure.text}: it used more memory than its limit{limit}", (remedy,))]
    if words.meaning is not None:
        return [Diagnosed(f"{words.meaning.meaning}: {words.failure.text}", (words.meaning.remedy,))]
    return [Diagnosed(words.failure.text, ("Look at the lines above: they are the last that it wrote.",))]


def _of_status(service: Service) -> list[Diagnosed]:
    found: list[Diagnosed] = []
    loading = service.loading
    if loading is not None and loading.failure_reason == "NoSupportingRuntime":
        found.append(
            Diagnosed(
                f"no serving runtime of the cluster serves {service.model_format!r} with protocol {service.protocol}",
                ("Name one that does with runtime=, or another protocol=: kubectl get clusterservingruntimes.",),
            )
        )
    elif loading is not None and loading.failure_reason in ("RuntimeDisabled", "RuntimeNotRecognized"):
        found.append(
            Diagnosed(
                f"runtime {service.runtime!r} is disabled or does not exist",
                ("Serve it anew with another runtime=, or have it made by who runs the cluster.",),
            )
        )
    elif loading is not None and loading.failure and service.status != "Ready":
        remedy = (
            known.remedy if (known := meaning_of([loading.failure])) else "See its logs: client.get_service_logs(name)."
        )
        found.append(Diagnosed(f"the model: {loading.failure_reason}: {loading.failure}", (remedy,)))
    if service.status == "Degraded":
        found.append(
            Diagnosed(
                "KServe's own condition Ready may be True: it is about the revision before, which answers",
                ("Take the change back: client.rollback(name); or correct it: client.update(name, ...).",),
            )
        )
    for condition in service.conditions:
        if condition.type == "IngressReady" and condition.status == "False":
            found.append(
                Diagnosed(
                    f"its address is not ready: {condition.message or condition.reason}",
                    ("Ask who runs the cluster for its ingress; predict(route='tunnel') needs none.",),
                )
            )
    found += [Diagnosed(note) for note in service.notes]
    return found


def _restarts(pods: Sequence[ServingPod]) -> list[Diagnosed]:
    found: list[Diagnosed] = []
    for each in pods:
        for container in each.pod.containers:
            previous = container.previous
            if previous is not None and container.state == "Running" and previous.exit_code:
                failure = PodFailure(each.pod, container, previous)
                found.append(Diagnosed(f"{failure.text}, {container.restarts} restart(s), and runs again"))
    return found


def _well(service: Service) -> str:
    return "it answers" if service.status == "Ready" else "nothing more is known"


def _places(service: Service, namespace: str) -> list[str]:
    urls = [f"at {service.url}"] if service.url else []
    urls += [f"within the cluster at {service.internal_url}"] if service.internal_url else []
    return [f"in namespace {namespace}{', ' + ', '.join(urls) if urls else ''}"]
