"""What happened to a job, by the events of all objects that belong to it, oldest first.

One listing of the namespace's events, 500 a page: a field selector takes one exact name, so that it would cost a
request for each object, and pods that are gone could not be asked for. Only where others have so many events that an
explanation would have to wait for them is it asked for by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from kubeflow.cluster import wire
from kubeflow.cluster.lenient import only
from kubeflow.cluster.pods.events import Happening, read_event
from kubeflow.core.paging import pages
from kubeflow.core.resource import Transport
from kubeflow.trainer.backends.kubernetes.connection.connection import Connection
from kubeflow.trainer.backends.kubernetes.jobs.lookup import created, find_job
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod
from kubeflow.trainer.backends.kubernetes.jobs.status import runtime_key
from kubeflow.trainer.backends.kubernetes.jobs.views import pods_of
from kubeflow.trainer.constants import constants
from kubeflow.trainer.types.jobs import Event

# Clocks of those who report events and of the API server differ.
_SKEW = timedelta(seconds=5)
_STEPS = (constants.NODE, constants.LAUNCHER, constants.DATASET_INITIALIZER, constants.MODEL_INITIALIZER)
# Objects that have the name of their TrainJob.
_NAMESAKES = ("TrainJob", "JobSet", "PodGroup")
# What an explanation reads of a namespace's events before it asks by name, and how many pods it asks for then.
_PAGES = 8
_PODS = 5
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


def events_of(connection: Connection, name: str) -> list[Event]:
    """Return what happened to a job and to all that belongs to it, oldest first; see `Backend.get_job_events`.

    Raises:
        JobNotFound: With names like it.
        Forbidden: These credentials may not list events.
        ClusterError: As the transport does.
    """
    job = find_job(connection, name)
    runtime = connection.runtimes.remembered(*runtime_key(job))
    family = Family(
        name,
        uid=only(str, job.metadata and job.metadata.uid) or "",
        created=created(job),
        pods=pods_of(connection, name) or (),
        replicated_jobs=[part.name for part in runtime.parts] if runtime is not None else (),
    )
    return job_events(connection.transport, connection.namespace, family)


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


def soonest_happenings(transport: Transport, namespace: str, family: Family) -> tuple[list[Happening], Sequence[str]]:
    """Return the events of a job, oldest first, without reading all that others have in a crowded namespace.

    Where there are more than 4,000 events, those of the job's own name, of its first node's Job, and of its 5 most
    telling pods are asked for by name, with a request each.

    Returns:
        The events; and the names that were asked for, none if all events of the namespace were read.

    Raises:
        Forbidden: These credentials may not list events.
        ClusterError: As the transport does.
    """
    path = wire.core_path(namespace, "events")
    belongs = _Belonging(family)
    read: list[Happening] = []
    more = ""
    for page in islice(pages(transport, path, {}), _PAGES):
        read += filter(belongs, map(read_event, wire.objects(page, "items")))
        more = wire.text(page, "metadata", "continue")
    if not more:
        return sorted(read, key=_when), ()
    pods = sorted(family.pods, key=lambda pod: _TELLING.get(pod.phase, 2))[:_PODS]
    names = list(dict.fromkeys((family.name, f"{family.name}-{constants.NODE}-0", *(pod.name for pod in pods))))
    found = [event for event in read if event.name not in names]
    for name in names:
        found += map(read_event, wire.listed(transport, path, {"fieldSelector": f"involvedObject.name={name}"}))
    return sorted(filter(belongs, found), key=_when), names


def of_family(events: Iterable[Happening], family: Family) -> list[Happening]:
    """Return the events that are about `family`, oldest first."""
    return sorted(filter(_Belonging(family), events), key=_when)


def _when(event: Happening) -> tuple[datetime, datetime]:
    return event.first, event.last


class _Belonging:
    """Whether an event is about a job: by uid where that is known, else by the names that controllers give."""

    def __init__(self, family: Family) -> None:
        pods = family.pods
        self._since = family.created - _SKEW if family.created is not None else None
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

    def __call__(self, event: Happening) -> bool:
        if event.uid and event.uid in self._uids:
            return True
        known = self._known.get((event.kind, event.name))
        if known and event.uid and event.uid != known:
            return False
        if self._since is not None and event.last < self._since:
            return False
        if event.kind == "PersistentVolumeClaim":
            return event.name in self._claims
        if event.kind in _NAMESAKES:
            return event.name == self._name
        pattern = self._patterns.get(event.kind)
        return pattern is not None and pattern.fullmatch(event.name) is not None
