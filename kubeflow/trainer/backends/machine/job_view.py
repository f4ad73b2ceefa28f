"""A local job, shown as users see jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubeflow.local.job.records import JobEvent, JobRecord
from kubeflow.local.job.status_file import parse_progress
from kubeflow.trainer.backends.machine.details import read_details
from kubeflow.trainer.constants import constants
from kubeflow.trainer.types.jobs import Event, Step, TrainJob


def view(record: JobRecord) -> TrainJob:
    """Return the job as it was when it was read from the store."""
    details = read_details(record.details)
    progress = parse_progress(record.status)
    return TrainJob(
        name=record.name,
        runtime=details.runtime,
        steps=tuple(
            Step(node.name, node.phase, process_name(record, node.name), details.device, str(details.device_count))
            for node in record.nodes
        ),
        num_nodes=details.num_nodes,
        creation_timestamp=record.created,
        status=record.phase,
        progress=progress.percent,
        estimated_remaining_seconds=progress.estimated_remaining_seconds,
        metrics=progress.metrics,
    )


def user_events(record: JobRecord, events: Iterable[JobEvent]) -> list[Event]:
    """Return events as users see them."""

    def involved(step: str | None) -> tuple[str, str]:
        if step is None:
            return constants.TRAINJOB_KIND, record.name
        return _kind(record, step), process_name(record, step)

    return shown_events(events, involved)


def shown_events(events: Iterable[JobEvent], involved: Callable[[str | None], tuple[str, str]]) -> list[Event]:
    """Return events as users of any client see them.

    Args:
        events: As the store has them.
        involved: Returns kind and name of what an event is about, by its step; `None` is the job itself.
    """
    found = ((event, *involved(event.step)) for event in events)
    return [
        Event(
            involved_object_kind=kind,
            involved_object_name=name,
            message=event.message,
            reason=event.reason,
            event_time=event.time,
        )
        for event, kind, name in found
    ]


def _kind(record: JobRecord, step: str) -> str:
    node = record.node(step)
    return "Process" if node is None or not node.id or node.id.isdigit() else "Container"


def process_name(record: JobRecord, step: str) -> str:
    """Return what stands for a pod's name here: as the pod of this step would be called."""
    kind, _, index = step.rpartition("-")
    return f"{record.name}-{kind}-0-{index}" if index.isdigit() else f"{record.name}-{step}-0-0"
