"""What a cluster can tell about one job, gathered with few requests; what may not be seen is a gap, and no error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote

from kubeflow.cluster import wire
from kubeflow.cluster.pods.events import Happening
from kubeflow.cluster.pods.log_requests import last_lines
from kubeflow.cluster.wire import NOTHING, Json
from kubeflow.core.resource import Request, Transport
from kubeflow.trainer.backends.kubernetes.diagnosis.first_failure import Failure, Logs, first_failure, suspects
from kubeflow.trainer.backends.kubernetes.diagnosis.job_events import Family, soonest_happenings
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod, current, list_pods, of_job

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
_JOB_UID = "kueue.x-k8s.io/job-uid"
_KUEUE = ("v1beta1", "v1beta2")
_CLAIMS = 3  # that are looked at one by one
_LINES = 200  # of a log, of which a launcher's are left out: it has much to say about a rank that failed
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a job.

    Attributes:
        job: The TrainJob, as the server sent it.
        pods: Its pods, those of earlier attempts too.
        events: Its events, oldest first.
        workload: What Kueue made of it; empty without Kueue.
        claims: The PersistentVolumeClaims that pods wait for, by name; `None` for one that does not exist.
        gaps: What could not be found out, and why, in words.
        logs: The last lines of the containers that may have failed first, of a job that has not succeeded.
    """

    job: Json
    pods: Sequence[JobPod] = ()
    events: Sequence[Happening] = ()
    workload: Json = field(default_factory=lambda: NOTHING)
    claims: dict[str, Json | None] = field(default_factory=dict[str, "Json | None"])
    gaps: Sequence[str] = ()
    logs: Logs = field(default_factory=dict[tuple[str, str], list[str]])

    @property
    def name(self) -> str:
        """The job."""
        return wire.text(self.job, "metadata", "name")

    @property
    def created(self) -> datetime | None:
        """When it was made."""
        return wire.time(self.job, "metadata", "creationTimestamp")

    @property
    def current(self) -> list[JobPod]:
        """The newest pod of each step."""
        return current(self.pods)

    @property
    def suspended(self) -> bool:
        """Whether it is told not to run."""
        return wire.at(self.job, "spec", "suspend") is True

    @property
    def queue(self) -> str:
        """The Kueue queue that it is in; empty for none."""
        return wire.strings(self.job, "metadata", "labels").get(QUEUE_LABEL, "")

    def condition(self, kind: str) -> Json:
        """Return its condition of that type if it holds; an empty one otherwise."""
        return wire.condition(self.job, kind)


class Gatherer:
    """Asks for one thing after the other, and keeps what could not be had.

    Args:
        transport: The cluster.
        namespace: Where the job is.
        job: The TrainJob, as the server sent it.
        pods: Its pods, if they are known already.
    """

    def __init__(self, transport: Transport, namespace: str, job: Json, pods: Sequence[JobPod] | None = None) -> None:
        self._transport = transport
        self._namespace = namespace
        self._job = job
        self.gaps: list[str] = []
        self._pods = None if pods is None else of_job(pods, wire.time(job, "metadata", "creationTimestamp"))

    def pods(self) -> list[JobPod]:
        """Return the pods of the job: one request, the first time."""
        if self._pods is not None:
            return self._pods
        name, created = wire.text(self._job, "metadata", "name"), wire.time(self._job, "metadata", "creationTimestamp")
        found = self._try("its pods", lambda: list_pods(self._transport, self._namespace, name), list[JobPod]())
        self._pods = of_job(found, created)
        return self._pods

    def evidence(self) -> Evidence:
        """Return what is known of the job: pods, events, and what these make worth asking for; 2 to 9 requests.

        Up to 14 more where others have thousands of events beside it.
        """
        pods = self.pods()
        metadata = wire.mapping(self._job, "metadata")
        family = Family(
            wire.text(metadata, "name"), wire.text(metadata, "uid"), wire.time(metadata, "creationTimestamp"), pods
        )
        nothing: tuple[list[Happening], Sequence[str]] = ([], ())
        events, asked = self._try(
            "its events", lambda: soonest_happenings(self._transport, self._namespace, family), nothing
        )
        if asked:
            about = ", ".join(asked)
            self.gaps.append(f"the namespace has thousands of events: only those about {about} were looked for")
        logs = dict[tuple[str, str], list[str]]() if wire.condition(self._job, "Complete") else self.logs()
        evidence = Evidence(self._job, pods, events)
        workload = self._workload() if evidence.queue and not evidence.current else NOTHING
        claims = {name: self._claim(name) for name in _awaited(evidence.current)[:_CLAIMS]}
        return Evidence(self._job, pods, events, workload, claims, self.gaps, logs)

    def logs(self) -> dict[tuple[str, str], list[str]]:
        """Return the last lines of what may have failed first, until it is clear that it did: up to 3 requests."""
        found: dict[tuple[str, str], list[str]] = {}
        for suspect in suspects(self.pods()):
            found[suspect.key] = self._log(suspect)
            first = first_failure(self.pods(), found)
            if first is not None and first.killed:
                break
        return found

    def _log(self, failure: Failure) -> list[str]:
        pod, container, previous = failure.pod, failure.container.name, failure.previous

        def lines() -> list[str]:
            return last_lines(self._transport, self._namespace, pod, container, _LINES, previous=previous)

        return self._try(f"the log of {pod.step}", lines, list[str]())

    def _workload(self) -> Json:
        from kubeflow.cluster.errors import ControlPlaneMissing, NotFound

        query = {"labelSelector": f"{_JOB_UID}={wire.text(self._job, 'metadata', 'uid')}"}

        def found() -> Json:
            for version in _KUEUE:
                path = f"/apis/kueue.x-k8s.io/{version}/namespaces/{quote(self._namespace, safe='')}/workloads"
                try:
                    return next(wire.listed(self._transport, path, query), NOTHING)
                except (NotFound, ControlPlaneMissing):
                    continue
            return NOTHING

        return self._try("Kueue's workload", found, NOTHING)

    def _claim(self, name: str) -> Json | None:
        from kubeflow.cluster.errors import NotFound

        path = wire.core_path(self._namespace, "persistentvolumeclaims", name)

        def found() -> Json | None:
            try:
                return self._transport.send(Request("GET", path))
            except NotFound:
                return None

        unknown: Json | None = NOTHING
        return self._try(f"PersistentVolumeClaim {name!r}", found, unknown)

    def _try(self, what: str, ask: Callable[[], _T], otherwise: _T) -> _T:
        from kubeflow.cluster.errors import ApiError, ClusterError, Forbidden

        try:
            return ask()
        except ClusterError as error:
            said = error.server_message if isinstance(error, ApiError) and error.server_message else str(error)
            right = "no right to see" if isinstance(error, Forbidden) else "could not read"
            self.gaps.append(f"{right} {what}: {said}")
            return otherwise


def _awaited(pods: Sequence[JobPod]) -> list[str]:
    """Return the claims of pods that are not placed, or not started, which they may be waiting for."""
    waiting = [pod for pod in pods if pod.phase == "Pending" and not pod.container.has_log]
    return list(dict.fromkeys(claim for pod in waiting for claim in pod.claims))
