"""What KServe has made of a service: its Deployment or Knative service, and how far that is rolled out.

A service's own status says Ready as long as anything answers. What it was made from, and whether the newest of it is
there, is told by what runs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubeflow.cluster import wire
from kubeflow.cluster.readings import Absent, Found, Reading, reading
from kubeflow.cluster.wire import Json
from kubeflow.core.display import repr_of_fields
from kubeflow.core.transport import Transport
from kubeflow.kserve.backends.cluster import serving_names as names
from kubeflow.kserve.types.services import DeploymentModeName


@dataclass(frozen=True, slots=True)
class Workload:
    """The Deployment or the Knative service of a predictor.

    Attributes:
        digest: The digest that its pods are made with; empty where the service was made without this SDK.
        model: URI that its pods fetch; empty when unknown.
        settled: True when all that runs is of the newest template, and is available.
        available: True when anything answers.
        failure: Why its newest template cannot be rolled out, in words; empty while it may.
        latest: Name of the newest revision, of a Knative service.
        ready: Name of the newest revision that is ready, of a Knative service.
    """

    digest: str = ""
    model: str = ""
    settled: bool = False
    available: bool = False
    failure: str = ""
    latest: str = ""
    ready: str = ""

    __repr__ = repr_of_fields


def look_at_workload(
    transport: Transport, namespace: str, service: str, digest: str, mode: DeploymentModeName | None
) -> Reading[Workload]:
    """Return the workload of a service, with one request; with two where nobody says yet how it runs.

    Args:
        transport: The cluster.
        namespace: Of the service.
        service: The service.
        digest: The digest of what was asked for last. Among several workloads, as canaries make, that one counts.
        mode: How it runs.
    """
    modes: tuple[DeploymentModeName, ...] = ("Standard", "Knative") if mode is None else (mode,)
    found: Reading[Workload] = Absent()
    for each in modes:
        found = _looked(transport, namespace, service, digest, each)
        if isinstance(found, Found):
            break
    return found


def _looked(
    transport: Transport, namespace: str, service: str, digest: str, mode: DeploymentModeName
) -> Reading[Workload]:
    listed = list_workloads(transport, namespace, mode, f"{names.SERVICE_LABEL}={service}")
    if not isinstance(listed, Found):
        return listed
    workload = chosen(listed.value.get(service, {}), service, digest)
    return Absent() if workload is None else Found(workload)


def chosen(workloads: Mapping[str, Workload], service: str, digest: str) -> Workload | None:
    """Return the workload of a service's predictor among those of the service by name; `None` when there is none."""
    made = [each for each in workloads.values() if digest and each.digest == digest]
    return made[0] if made else workloads.get(names.predictor_name(service))


def list_workloads(
    transport: Transport, namespace: str, mode: DeploymentModeName, selector: str = names.SERVICE_LABEL
) -> Reading[Mapping[str, Mapping[str, Workload]]]:
    """Return the workloads of services of a mode, by service and by their own name, with one request for 500."""
    knative = mode == "Knative"
    path = names.knative_path(namespace) if knative else names.deployments_path(namespace)
    read = read_knative if knative else read_deployment

    def listed() -> Mapping[str, Mapping[str, Workload]]:
        found: dict[str, dict[str, Workload]] = {}
        for item in wire.listed(transport, path, {"labelSelector": selector}):
            labels = wire.strings(item, "metadata", "labels")
            if labels.get(names.COMPONENT_LABEL, names.PREDICTOR) == names.PREDICTOR:
                service = labels.get(names.SERVICE_LABEL, "")
                found.setdefault(service, {})[wire.text(item, "metadata", "name")] = read(item)
        return found

    return reading(listed)


def read_deployment(item: Json) -> Workload:
    """Read a Deployment from JSON."""
    template = wire.strings(item, "spec", "template", "metadata", "annotations")
    replicas = wire.integer(item, "spec", "replicas")
    wanted = 1 if replicas is None else replicas
    status = wire.mapping(item, "status")
    updated, available, all_of_them = (
        wire.integer(status, field) or 0 for field in ("updatedReplicas", "availableReplicas", "replicas")
    )
    observed = (wire.integer(status, "observedGeneration") or 0) >= (wire.integer(item, "metadata", "generation") or 0)
    stuck = wire.condition(item, "Progressing", "False")
    refused = wire.condition(item, "ReplicaFailure")
    failure = wire.text(stuck, "message") or wire.text(refused, "message")
    return Workload(
        digest=template.get(names.DIGEST, ""),
        model=template.get(names.SOURCE_URI, ""),
        settled=observed and updated >= wanted and available >= wanted and all_of_them <= updated,
        available=available > 0,
        failure=failure if observed else "",
    )


def read_knative(item: Json) -> Workload:
    """Read a Knative service from JSON."""
    template = wire.strings(item, "spec", "template", "metadata", "annotations")
    status = wire.mapping(item, "status")
    observed = (wire.integer(status, "observedGeneration") or 0) >= (wire.integer(item, "metadata", "generation") or 0)
    latest, ready = wire.text(status, "latestCreatedRevisionName"), wire.text(status, "latestReadyRevisionName")
    failed = wire.condition(item, "ConfigurationsReady", "False")
    return Workload(
        digest=template.get(names.DIGEST, ""),
        model=template.get(names.SOURCE_URI, ""),
        settled=observed and bool(latest) and latest == ready,
        available=bool(ready),
        failure=wire.text(failed, "message") or wire.text(failed, "reason") if observed else "",
        latest=latest,
        ready=ready,
    )
