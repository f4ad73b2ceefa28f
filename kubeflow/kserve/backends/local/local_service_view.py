"""A service of this machine as its user sees it: from its job, what is wanted of it, and what its keeper says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from kubeflow.core.display import repr_of_fields
from kubeflow.kserve.backends.local.service_files import KeeperState, ServiceFiles, WantedService
from kubeflow.kserve.backends.local.service_keeper import wants_revival
from kubeflow.kserve.backends.local.service_plan import NODE
from kubeflow.kserve.types.model_formats import Protocol
from kubeflow.kserve.types.services import ModelLoading, Revision, Service, ServiceStatus
from kubeflow.local.executors.ports import LOOPBACK
from kubeflow.local.job.records import JobRecord
from kubeflow.trainer.types.jobs import Event

RUNTIME = "kubeflow (this machine)"
"""What stands for the runtime of a service."""


@dataclass(frozen=True, slots=True)
class LocalService:
    """What is known of a service at one moment.

    Attributes:
        record: Its job.
        wanted: What it is to be.
        kept: What its keeper says.
    """

    record: JobRecord
    wanted: WantedService
    kept: KeeperState

    __repr__ = repr_of_fields

    @property
    def stopped(self) -> bool:
        """True when it is not to run, and does not."""
        return self.record.phase == "Suspended" or (self.wanted.stopped and self.record.finished)

    @property
    def lost(self) -> bool:
        """True when its job has ended, and there is something to serve: it can be started anew.

        A keeper that has given up did not know yet of what is wanted now.
        """
        if not self.record.finished or not wants_revival(self.wanted, self.kept):
            return False
        node = self.record.node(NODE)
        return node is None or node.exit_code != 1  # 1: the keeper itself is broken

    @property
    def port(self) -> int:
        """The port that it answers on; 0 while there is none."""
        return 0 if self.record.finished or self.record.phase == "Suspended" else self.kept.port


def status_of(found: LocalService) -> tuple[ServiceStatus, str]:
    """Return the status of a service, and why it is not `Ready`."""
    record, wanted, kept = found.record, found.wanted, found.kept
    number = wanted.wanted
    if found.stopped:
        return "Stopped", "stop_service() ended it; start_service() starts it anew"
    if record.finished:
        return "Failed", kept.failed.get(number) or kept.trouble or record.reason or "its process has ended"
    failed = kept.failed.get(number)
    if kept.active and failed is not None:
        return "Degraded", f"revision {number} cannot be served, and revision {kept.active} answers: {failed}"
    if kept.active == number:
        return "Ready", ""
    if kept.active:
        return "Updating", f"revision {number} is being loaded, and revision {kept.active} answers"
    if record.phase == "Created":
        return "Creating", record.reason or "its supervisor starts it"
    if kept.trouble:
        return "Creating", f"{kept.trouble}; it is being started anew (restart {kept.restarts})"
    return "Creating", f"revision {number} is being loaded" if kept.loading else "its process starts"


def view(found: LocalService) -> Service:
    """Return a service as users see it."""
    wanted, kept = found.wanted, found.kept
    status, reason = status_of(found)
    latest = wanted.latest
    url = f"http://{LOOPBACK}:{found.port}" if found.port else None
    protocol: Protocol = "v1" if wanted.protocol == "v1" else "v2"
    return Service(
        name=wanted.name,
        status=status,
        creation_timestamp=found.record.created,
        reason=reason,
        url=url,
        model=latest.model,
        model_format=(kept.format if kept.active == latest.number else "") or latest.format or "",
        model_name=wanted.name,
        protocol=protocol,
        runtime=RUNTIME,
        loading=_loading(found, status),
        revisions=_revisions(found, url),
        generation=len(wanted.revisions),
        observed_generation=len(wanted.revisions) if kept.active == wanted.wanted else None,
        min_replicas=wanted.min_replicas,
        max_replicas=wanted.max_replicas,
        notes=[f"restarted {kept.restarts} time(s)"] if kept.restarts else [],
    )


def _loading(found: LocalService, status: ServiceStatus) -> ModelLoading:
    kept, number = found.kept, found.wanted.wanted
    failure = kept.failed.get(number, "")
    blocked = bool(failure) and status in ("Degraded", "Failed")
    target = "Loaded" if kept.active == number else "Loading" if kept.loading else "Pending"
    if blocked:
        target = "FailedToLoad"
    return ModelLoading(
        transition="BlockedByFailedLoad" if blocked else "UpToDate" if kept.active == number else "InProgress",
        active="Loaded" if kept.active else "",
        target=target,
        failed_copies=int(blocked),
        total_copies=1,
        failure=failure,
        failure_reason="ModelLoadFailed" if failure else "",
        exit_code=kept.exit_code if failure else None,
    )


def _revisions(found: LocalService, url: str | None) -> list[Revision]:
    wanted, kept = found.wanted, found.kept
    shown = [wanted.latest]
    if kept.active not in (0, wanted.wanted):
        shown.append(wanted.revision(kept.active))
    return [
        Revision(
            name=f"{wanted.name}-{revision.number}",
            percent=100 if revision.number == kept.active else 0,
            latest=revision.number == wanted.wanted,
            ready=revision.number == kept.active,
            url=url if revision.number == kept.active else None,
            model=revision.model,
        )
        for revision in shown
    ]


def events_of(found: LocalService, job_events: list[tuple[datetime, str, str, str | None]]) -> list[Event]:
    """Return what happened to a service, oldest first.

    Args:
        found: The service.
        job_events: Time, reason, message and step of what happened to its job.
    """
    told = [
        Event("Service" if step is None else "Process", found.wanted.name, message, reason, at)
        for at, reason, message, step in job_events
    ]
    for at, reason, message in ServiceFiles(found.record.directory).events():
        told.append(Event("Service", found.wanted.name, message, reason, datetime.fromtimestamp(at, UTC)))
    return sorted(told, key=lambda event: event.event_time)
