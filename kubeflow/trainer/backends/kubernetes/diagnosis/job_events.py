"""What happened to a job, by the events of all objects that belong to it, oldest first.

One listing of the namespace's events, 500 a page: a field selector takes one exact name, so that it would cost a
request for each object, and pods that are gone could not be asked for. Only where others have so many events that an
explanation would have to wait for them is it asked for by name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from kubeflow.cluster import wire
from kubeflow.cluster.pods.events import Happening, read_event
from kubeflow.cluster.wire import Json
from kubeflow.core.paging import pages
from kubeflow.core.resource import Transport
from kubeflow.core.stdlib import re
from kubeflow.trainer.backends.kubernetes.connection.connection import Connection
from kubeflow.trainer.backends.kubernetes.jobs.lookup import created, find_job
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod
from kubeflow.trainer.backends.kubernetes.jobs.views import known_runtime_of, pods_of
from kubeflow.trainer.constants import constants
from kubeflow.trainer.runtimes.known_runtimes import KnownRuntime
from kubeflow.trainer.types.jobs import Event

# Clocks of those who report events and of the API server differ.
_SKEW = timedelta(seconds=5)
# Clocks of API servers differ less, and write whole seconds.
_SERVER_SKEW = timedelta(seconds=1)
JOBSET_FAILURES = ("JobSetFailed", "FailedJobs", "ReachedMaxRestarts", "FailJobSetFailurePolicyAction")
"""Reasons of events of a JobSet that has failed."""
_STEPS = (constants.NODE, constants.LAUNCHER, constants.DATASET_INITIALIZER, constants.MODEL_INITIALIZER)
# Objects that have the name of their TrainJob.
_NAMESAKES = ("TrainJob", "JobSet", "PodGroup")
# What an explanation reads of a namespace's events before it asks by name, and how many pods it asks for then; and Jobs
# of a runtime that has none called `node`.
_PAGES = 8
_PODS = 5
_JOBS = 3
# Pods that say most come first.
_TELLING = {"Failed": 0, "Pending": 1, "Unknown": 2, "Running": 3, "Succeeded": 4}


@dataclass(frozen=True, slots=True)
class Family:
    """A job and what is known to belong to it.

    Attributes:
        name: The job.
        uid: Its uid; empty when unknown.
        created: When it was made; `None` when unknown.
        pods: Its pods, as many as are known.
        replicated_jobs: Names of the jobs of its JobSet, beyond those that Trainer ships and those of `pods`.
    """

    name: str
    uid: str = ""
    created: datetime | None = None
    pods: Sequence[JobPod] = ()
    replicated_jobs: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class JobEvents:
    """The events of a job.

    Attributes:
        events: Oldest first.
        asked: The names whose events were asked for; none if all events of the namespace were read.
    """

    events: Sequence[Happening] = ()
    asked: Sequence[str] = ()


def events_of(connection: Connection, name: str) -> list[Event]:
    """Return what happened to a job and to all that belongs to it, oldest first; see `Backend.get_job_events`.

    Raises:
        JobNotFound: With names like it.
        Forbidden: These credentials may not list events.
        ClusterError: As the transport does.
    """
    job = find_job(connection, name)
    runtime = known_runtime_of(connection, job)
    family = Family(
        name,
        uid=wire.only(str, job.metadata and job.metadata.uid) or "",
        created=created(job),
        pods=pods_of(connection, name) or (),
        replicated_jobs=replicated_jobs(job.to_dict(), runtime),
    )
    return job_events(connection.transport, connection.namespace, family)


def replicated_jobs(job: Json, runtime: KnownRuntime | None) -> list[str]:
    """Return the names of the jobs of a TrainJob's JobSet: those of its runtime, and those that its status counts.

    Args:
        job: The TrainJob, as the server sent it.
        runtime: Its runtime, if it is known: before there is a pod, nothing else names them.
    """
    counted = [wire.text(count, "name") for count in wire.objects(job, "status", "jobsStatus")]
    return [*(part.name for part in (runtime.parts if runtime is not None else ())), *counted]


def user_event(happening: Happening) -> Event:
    """Return an event as users see it."""
    times = f" ({happening.count} times)" if happening.count > 1 else ""
    return Event(happening.kind, happening.name, happening.message + times, happening.reason, happening.first)


def job_events(transport: Transport, namespace: str, family: Family) -> list[Event]:
    """Return what happened to a job and to all that belongs to it, oldest first.

    Raises:
        Forbidden: These credentials may not list events.
        ClusterError: As the transport does.
    """
    return [user_event(happening) for happening in happenings(transport, namespace, family)]


def happenings(transport: Transport, namespace: str, family: Family) -> list[Happening]:
    """Return the events of a job as the cluster keeps them, oldest first.

    Raises:
        Forbidden: These credentials may not list events.
        ClusterError: As the transport does.
    """
    return of_family(map(read_event, wire.listed(transport, wire.core_path(namespace, "events"))), family)


def soonest_happenings(transport: Transport, namespace: str, family: Family) -> JobEvents:
    """Return the events of a job without reading all that others have in a crowded namespace.

    Where there are more than 4,000 events, those of the job's own name, of its first node's Job, and of its 5 most
    telling pods are asked for by name, with a request each. Where no replicated job is called `node`, Jobs of the first
    3 take the place of the first node's.

    Raises:
        Forbidden: These credentials may not list events.
        ClusterError: As the transport does.
    """
    path = wire.core_path(namespace, "events")
    chosen = _Selection(family)
    more = ""
    for page in islice(pages(transport, path, {}), _PAGES):
        chosen.take(map(read_event, wire.objects(page, "items")))
        more = wire.text(page, "metadata", "continue")
    if not more:
        return JobEvents(chosen.events())
    pods = sorted(family.pods, key=lambda pod: _TELLING.get(pod.phase, 2))[:_PODS]
    own: Sequence[str] = () if constants.NODE in family.replicated_jobs else family.replicated_jobs[:_JOBS]
    jobs = [f"{family.name}-{job}-0" for job in own or [constants.NODE]]
    names = list(dict.fromkeys((family.name, *jobs, *(pod.name for pod in pods))))
    chosen.drop(names)
    for name in names:
        chosen.take(map(read_event, wire.listed(transport, path, {"fieldSelector": f"involvedObject.name={name}"})))
    return JobEvents(chosen.events(), names)


def of_family(events: Iterable[Happening], family: Family) -> list[Happening]:
    """Return the events that are about `family`, oldest first."""
    chosen = _Selection(family)
    chosen.take(events)
    return chosen.events()


def _when(event: Happening) -> tuple[datetime, datetime]:
    return event.first, event.last


class _Selection:
    """The events about a job: by uid where that is known, else by the names that controllers give.

    An object that had an event before the job was made is of an earlier job of that name, and so are all its events.
    """

    def __init__(self, family: Family) -> None:
        pods = family.pods
        self._since = family.created
        self._uids = {family.uid, *(pod.uid for pod in pods), *(pod.owner_uid for pod in pods)}
        self._uids |= {pod.jobset_uid for pod in pods}
        self._uids.discard("")
        self._claims = {claim for pod in pods for claim in pod.claims}
        # A uid that is known for a name: another one is of an earlier object of that name.
        self._known = {("TrainJob", family.name): family.uid}
        self._known["JobSet", family.name] = pods[-1].jobset_uid if pods else ""
        self._known |= {("Pod", pod.name): pod.uid for pod in pods}
        jobs = {*_STEPS, *family.replicated_jobs, *(pod.replicated_job for pod in pods)} - {""}
        name, choice = re.escape(family.name), "|".join(map(re.escape, sorted(jobs)))
        self._name = family.name
        # Names as JobSet, the Job controller and Kueue make them: a job `a-node` has none that fits `a`.
        self._patterns = {
            "Job": re.compile(rf"{name}-(?:{choice})-\d+"),
            "Pod": re.compile(rf"{name}-(?:{choice})-\d+-\d+-[a-z0-9]{{5}}"),
            "Workload": re.compile(rf"trainjob-{name}-[a-z0-9]{{5}}"),
        }
        self._chosen: list[Happening] = []
        self._earlier: set[str] = set()

    def take(self, events: Iterable[Happening]) -> None:
        """Add the events that may be about the job."""
        self._chosen += filter(self._belongs, events)

    def drop(self, names: Collection[str]) -> None:
        """Forget the events about objects of these names."""
        self._chosen = [event for event in self._chosen if event.name not in names]

    def events(self) -> list[Happening]:
        """Return the events about the job, oldest first."""
        return sorted((event for event in self._chosen if event.uid not in self._earlier), key=_when)

    def _belongs(self, event: Happening) -> bool:
        if event.uid and event.uid in self._uids:
            return True
        if event.kind == "PersistentVolumeClaim":
            # A claim may be older than the job, and one event tells of all times that the same thing happened.
            return event.name in self._claims and not self._is_over(event)
        if not self._is_named_so(event):
            return False
        known = self._known.get((event.kind, event.name))
        # A JobSet that failed and was removed is made anew for the same job by Trainer 2.3.0.
        if known and event.uid not in ("", known) and not (event.kind == "JobSet" and event.reason in JOBSET_FAILURES):
            return False
        if self._is_earlier(event):
            self._earlier |= {event.uid} - {""}
            return False
        return True

    def _is_named_so(self, event: Happening) -> bool:
        if event.kind in _NAMESAKES:
            return event.name == self._name
        pattern = self._patterns.get(event.kind)
        return pattern is not None and pattern.fullmatch(event.name) is not None

    def _is_earlier(self, event: Happening) -> bool:
        """True when the event was there before the job was made, even if it has happened again since."""
        stored = event.created
        earlier = self._since is not None and stored is not None and stored < self._since - _SERVER_SKEW
        return earlier or self._is_over(event)

    def _is_over(self, event: Happening) -> bool:
        """True when the event has not happened since the job was made."""
        return self._since is not None and event.last < self._since - _SKEW
