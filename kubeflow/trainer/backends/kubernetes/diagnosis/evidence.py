"""What a cluster can tell about one job, gathered with few requests; what may not be seen is a gap, and no error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from urllib.parse import quote

from kubeflow.cluster import wire
from kubeflow.cluster.call_budget import CallBudget
from kubeflow.cluster.pods.events import Happening
from kubeflow.cluster.pods.log_requests import last_lines
from kubeflow.cluster.readings import (
    Absent,
    Found,
    NotPermitted,
    NotServed,
    ReadFailed,
    Reading,
    in_words,
    reading,
    served_versions,
)
from kubeflow.cluster.wire import NOTHING, Json
from kubeflow.core.resource import Request, Transport
from kubeflow.trainer.backends.kubernetes.diagnosis.container_failures import Failure, Logs, first_failure, suspects
from kubeflow.trainer.backends.kubernetes.diagnosis.job_events import (
    Family,
    JobEvents,
    replicated_jobs,
    soonest_happenings,
)
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod, current, list_pods, of_job
from kubeflow.trainer.backends.kubernetes.jobs.status import managed_elsewhere
from kubeflow.trainer.constants import constants
from kubeflow.trainer.runtimes.known_runtimes import KnownRuntime

_JOB_UID = "kueue.x-k8s.io/job-uid"
_KUEUE = "kueue.x-k8s.io"
_KUEUE_VERSION = "v1beta1"  # where these credentials may not ask which versions are served
_NO_PODS: Found[Sequence[JobPod]] = Found(())
_NO_EVENTS = Found(JobEvents())
_CLAIMS = 3  # that are looked at one by one
_LINES = 200  # of a log, of which a launcher's are left out: it has much to say about a rank that failed


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a job. What was read is a `Reading` each: what may not be seen is not what does not exist.

    Attributes:
        job: The TrainJob, as the server sent it.
        read_pods: Its pods, those of earlier attempts too.
        read_events: Its events, oldest first.
        workload: What Kueue made of it, an empty object when Kueue made nothing; `None` when Kueue was not asked.
        runtime: The runtime that it names; `None` when that was not looked at.
        restarting_ttl: Seconds after which the control plane starts the job again once it has failed; `None` for never.
        claims: The PersistentVolumeClaims that pods wait for, by name.
        read_logs: The last lines of the containers that may have failed first, of a job that has not succeeded.
        now: When this was gathered.
    """

    job: Json
    read_pods: Reading[Sequence[JobPod]] = _NO_PODS
    read_events: Reading[JobEvents] = _NO_EVENTS
    workload: Reading[Json] | None = None
    runtime: Reading[KnownRuntime] | None = None
    restarting_ttl: int | None = None
    claims: Mapping[str, Reading[Json]] = field(default_factory=dict[str, Reading[Json]])
    read_logs: Mapping[tuple[str, str], Reading[list[str]]] = field(
        default_factory=dict[tuple[str, str], Reading[list[str]]]
    )
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def name(self) -> str:
        """The job."""
        return wire.text(self.job, "metadata", "name")

    @property
    def created(self) -> datetime | None:
        """When it was made."""
        return wire.time(self.job, "metadata", "creationTimestamp")

    @property
    def pods(self) -> Sequence[JobPod]:
        """Those of its pods that are seen. That there are none is known only where `without_pods` is True."""
        return self.read_pods.value if isinstance(self.read_pods, Found) else ()

    @property
    def without_pods(self) -> bool:
        """True when the cluster has no pod of it. False also when its pods may not be seen."""
        return isinstance(self.read_pods, Found) and not self.read_pods.value

    @property
    def events(self) -> Sequence[Happening]:
        """Those of its events that are seen, oldest first."""
        return self.read_events.value.events if isinstance(self.read_events, Found) else ()

    @property
    def logs(self) -> Logs:
        """The last lines of containers that could be read."""
        return {key: read.value for key, read in self.read_logs.items() if isinstance(read, Found)}

    @property
    def current(self) -> list[JobPod]:
        """The newest pod of each step."""
        return current(self.pods)

    @property
    def ended(self) -> bool:
        """True when it is Complete or Failed."""
        return bool(self.condition("Complete") or self.condition("Failed"))

    @property
    def suspended(self) -> bool:
        """True when the spec of the job has `suspend: true`."""
        return wire.at(self.job, "spec", "suspend") is True

    @property
    def elsewhere(self) -> bool:
        """True when MultiKueue runs it on another cluster."""
        return managed_elsewhere(wire.text(self.job, "spec", "managedBy")) and self.without_pods

    @property
    def queue(self) -> str:
        """The Kueue queue that it is in; empty for none."""
        return wire.strings(self.job, "metadata", "labels").get(constants.KUEUE_QUEUE_LABEL, "")

    @property
    def gaps(self) -> list[str]:
        """What could not be seen, and why, in words."""
        found: list[str] = []
        for what, read in self._readings():
            match read:
                case NotPermitted() | NotServed() | ReadFailed():
                    found.append(in_words(read, what))
                case Absent() if what.startswith(_LOG):
                    found.append(f"{what} is gone with its pod")
                case Absent() | Found():
                    pass
        if isinstance(self.read_events, Found) and (names := self.read_events.value.asked):
            about = ", ".join(names)
            found.append(f"the namespace has thousands of events: only those about {about} were looked for")
        return found

    def condition(self, kind: str) -> Json:
        """Return its condition of that type if it holds; an empty one otherwise."""
        return wire.condition(self.job, kind)

    def _readings(self) -> Iterator[tuple[str, Reading[object]]]:
        yield "its pods", self.read_pods
        yield "its events", self.read_events
        if self.workload is not None:
            yield "Kueue's workload", self.workload
        if self.runtime is not None:
            yield f"its runtime {wire.text(self.job, 'spec', 'runtimeRef', 'name')!r}", self.runtime
        for name, claim in self.claims.items():
            yield f"PersistentVolumeClaim {name!r}", claim
        steps = {pod.uid: pod.step for pod in self.pods}
        for (uid, _), log in self.read_logs.items():
            yield f"{_LOG}{steps.get(uid, uid)}", log


_LOG = "the log of "


class Gatherer:
    """Sends one request after the other. What cannot be read is kept as such.

    All requests share one budget: a cluster whose kubelets or events do not answer does not cost the time of each.

    Args:
        transport: The cluster.
        namespace: Where the job is.
        job: The TrainJob, as the server sent it.
        pods: Its pods, if they were read already.
    """

    def __init__(
        self, transport: Transport, namespace: str, job: Json, pods: Reading[Sequence[JobPod]] | None = None
    ) -> None:
        self._transport = CallBudget(transport)
        self._namespace = namespace
        self._job = job
        self._pods = None if pods is None else self._own(pods)

    def pods(self) -> Reading[Sequence[JobPod]]:
        """Return the pods of the job: one request, the first time."""
        if self._pods is None:
            name = wire.text(self._job, "metadata", "name")
            self._pods = self._own(reading(lambda: list_pods(self._transport, self._namespace, name)))
        return self._pods

    def evidence(self, runtime: Reading[KnownRuntime] | None = None, restarting_ttl: int | None = None) -> Evidence:
        """Return what is known of the job: pods, events, and what these make worth asking for; 2 to 10 requests.

        Up to 16 more where others have thousands of events beside it.

        Args:
            runtime: The runtime that the job names, if it was looked at.
            restarting_ttl: See `Evidence`.
        """
        pods = self.pods()
        seen = Evidence(self._job, pods)
        metadata = wire.mapping(self._job, "metadata")
        jobs = replicated_jobs(self._job, runtime.value if isinstance(runtime, Found) else None)
        family = Family(wire.text(metadata, "name"), wire.text(metadata, "uid"), seen.created, seen.pods, jobs)
        events = reading(lambda: soonest_happenings(self._transport, self._namespace, family))
        logs = {} if seen.condition("Complete") else self.logs()
        queued = seen.queue and not seen.current
        workload = self._workload() if queued or seen.elsewhere else None
        claims = {name: self._claim(name) for name in _awaited(seen.current)[:_CLAIMS]}
        return Evidence(self._job, pods, events, workload, runtime, restarting_ttl, claims, logs)

    def logs(self) -> dict[tuple[str, str], Reading[list[str]]]:
        """Return the last lines of what may have failed first, until it is clear that it did: up to 3 requests."""
        found: dict[tuple[str, str], Reading[list[str]]] = {}
        evidence = Evidence(self._job, self.pods())
        for suspect in suspects(evidence.pods, ended=evidence.ended):
            found[suspect.key] = self._log(suspect)
            lines = Evidence(self._job, self.pods(), read_logs=found).logs
            first = first_failure(evidence.pods, lines, ended=evidence.ended)
            if first is not None and first.killed:
                break
        return found

    def _own(self, pods: Reading[Sequence[JobPod]]) -> Reading[Sequence[JobPod]]:
        """Leave out the pods of an earlier job of that name."""
        if not isinstance(pods, Found):
            return pods
        return Found(of_job(pods.value, wire.time(self._job, "metadata", "creationTimestamp")))

    def _log(self, failure: Failure) -> Reading[list[str]]:
        pod, container, previous = failure.pod, failure.container.name, failure.previous
        return reading(lambda: last_lines(self._transport, self._namespace, pod, container, _LINES, previous=previous))

    def _workload(self) -> Reading[Json]:
        # Versions first: an API that is not served is forbidden for those who have no right to it.
        versions = served_versions(self._transport, _KUEUE)
        match versions:
            case Found(served):
                pass
            case NotPermitted():
                served = [_KUEUE_VERSION]
            case Absent() | NotServed() | ReadFailed():
                return versions
        read: Reading[Json] = NotServed(f"{_KUEUE} has no version")
        for version in served:
            read = reading(partial(self._workload_of, version))
            if not isinstance(read, NotServed):
                break
        return read

    def _workload_of(self, version: str) -> Json:
        path = f"/apis/{_KUEUE}/{version}/namespaces/{quote(self._namespace, safe='')}/workloads"
        query = {"labelSelector": f"{_JOB_UID}={wire.text(self._job, 'metadata', 'uid')}"}
        return next(wire.listed(self._transport, path, query), NOTHING)

    def _claim(self, name: str) -> Reading[Json]:
        path = wire.core_path(self._namespace, "persistentvolumeclaims", name)
        return reading(lambda: self._transport.send(Request("GET", path)))


def _awaited(pods: Sequence[JobPod]) -> list[str]:
    """Return the claims of pods that are not placed, or not started, which they may be waiting for."""
    waiting = [pod for pod in pods if pod.phase == "Pending" and not pod.container.has_log]
    return list(dict.fromkeys(claim for pod in waiting for claim in pod.claims))
