"""Why pods of Spark wait or were ended, by their status and their events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain

from kubeflow.cluster import wire
from kubeflow.cluster.pods import causes
from kubeflow.cluster.pods.causes import Advice, Diagnosed
from kubeflow.cluster.pods.events import Happening, read_event
from kubeflow.cluster.readings import Found, reading
from kubeflow.spark.backends.kubernetes.spark_connection import SparkConnection
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod

ADVICE = Advice(
    owner="Spark job",
    resources="resources_per_executor or driver=Driver(resources=...)",
    retry="run it again",
    replace="delete the job and run it again",
    resume="Run it again; the job itself did nothing wrong.",
)


def waiting_findings(pods: Sequence[JobPod], events: Sequence[Happening], advice: Advice = ADVICE) -> list[Diagnosed]:
    """Return why pods wait, or were ended by the cluster, most telling first. Asks nothing."""
    found = chain(
        causes.ended_by_cluster(pods, advice),
        causes.images_missing(pods),
        causes.not_configured(pods, advice),
        causes.volumes_awaited(pods, events),
        causes.unplaced(pods, events, advice, datetime.now(UTC)),
    )
    return list({finding.text: finding for finding in found}.values())


def pod_findings(connection: SparkConnection, pods: Sequence[JobPod]) -> list[str]:
    """Return, in words, why pods wait: one request for the events of the namespace."""
    if not pods:
        return []
    path = wire.core_path(connection.namespace, "events")
    events = reading(lambda: [read_event(item) for item in wire.listed(connection.transport, path)])
    names = {pod.name for pod in pods}
    about = [event for event in events.value if event.name in names] if isinstance(events, Found) else []
    return [finding.text for finding in waiting_findings(pods, about)]
