"""A local job, shown as users see jobs."""

from __future__ import annotations

from collections.abc import Iterable

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
    return [
        Event(
            involved_object_kind=constants.TRAINJOB_KIND if event.step is None else _kind(record, event.step),
            involved_object_name=record.name if event.step is None else process_name(record, event.step),
            message=event.message,
            reason=event.reason,
            event_time=event.time,
        )
        for event in events
    ]


def _kind(record: JobRecord, step: str) -> str:
    node = record.node(step)
    return "Process" if node is None or not node.id or node.id.isdigit() else "Container"


def process_name(record: JobRecord, step: str) -> str:
    """Return what stands for a pod's name here: as the pod of this step would be called."""
    kind, _, index = step.rpartition("-")
    return f"{record.name}-{kind}-0-{index}" if index.isdigit() else f"{record.name}-{step}-0-0"
