"""From a `ServiceSpec`, or an InferenceService that is given as such, to one on the cluster: checks, then one write."""

from __future__ import annotations

import logging

from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.kserve.v1beta1 import InferenceService
from kubeflow_api.kserve.v1beta1.availability import AVAILABILITY, check

from kubeflow.cluster import wire
from kubeflow.cluster.call_budget import CallBudget
from kubeflow.cluster.errors import AlreadyExists
from kubeflow.cluster.readings import (
    Absent,
    Found,
    NotPermitted,
    NotServed,
    ReadFailed,
    Reading,
    in_words,
    reading,
)
from kubeflow.core.errors import InvalidInput
from kubeflow.core.outgoing import check_outgoing
from kubeflow.core.transport import Transport
from kubeflow.kserve.backends.cluster import serving_names as names
from kubeflow.kserve.backends.cluster.service_changes import refuse_no_replicas
from kubeflow.kserve.backends.cluster.service_render import digested, render
from kubeflow.kserve.backends.cluster.serving_connection import ServingConnection
from kubeflow.kserve.backends.cluster.serving_runtimes import SHIPPED, KnownServingRuntime, choose_runtime, read_runtime
from kubeflow.kserve.backends.cluster.storage_checks import check_storage
from kubeflow.kserve.errors import ServiceExists
from kubeflow.kserve.service_spec import ServiceSpec
from kubeflow.kserve.types.model_formats import Protocol
from kubeflow.kserve.types.service_names import check_service_name
from kubeflow.trainer.errors import Unsupported
from kubeflow.trainer.types.checks import check_instance

logger = logging.getLogger(__name__)

_OLDEST = AVAILABILITY.minors[0]


def rendered(connection: ServingConnection | None, namespace: str | None, spec: ServiceSpec) -> InferenceService:
    """Return the InferenceService of `spec`, with the protocol that a runtime of the cluster speaks.

    Args:
        connection: The cluster; `None` asks none, and takes the runtimes that KServe ships.
        namespace: Where it goes.
        spec: What was asked for.

    Raises:
        NoServingRuntime: No runtime serves it.
        InvalidInput: No cluster could have it.
    """
    runtimes = list(SHIPPED) if connection is None else list_runtimes(connection)
    where = "that KServe ships" if connection is None else f"in namespace {namespace!r} or of the cluster"
    service = render(spec, namespace, _protocol(spec, runtimes, where))
    if connection is not None:
        check_minor(connection, service)
    return service


def serve(connection: ServingConnection, spec: ServiceSpec) -> None:
    """Create the InferenceService of `spec`: at most eight requests, one of them a write.

    Raises:
        InvalidInput: When the cluster or its KServe would refuse it, before anything is created.
        ServiceExists: When the name is taken.
        ClusterError: When the cluster refuses it all the same, or does not answer.
    """
    _create(connection, _checked(connection, spec))


def render_on_server(connection: ServingConnection, spec: ServiceSpec) -> InferenceService:
    """Return the InferenceService of `spec` as the cluster would store it."""
    return connection.services.create(_checked(connection, spec), namespace=connection.namespace, dry_run=True)


def create(connection: ServingConnection, service: InferenceService) -> str:
    """Create an InferenceService that is given as such, and return its name.

    Raises:
        InvalidInput: When it is none, is for another namespace, or the cluster would refuse it.
        ServiceExists: When the name is taken.
    """
    check_instance("service", service, (InferenceService,), remedy="serve(..., dry_run=True) returns one.")
    check_outgoing(service)
    metadata = service.metadata or ObjectMeta()
    if metadata.namespace not in (None, connection.namespace):
        raise InvalidInput(
            f"The InferenceService is for namespace {metadata.namespace!r}, and this client is for "
            f"{connection.namespace!r}: use KubernetesBackendConfig(namespace={metadata.namespace!r})."
        )
    name = check_service_name(metadata.name)
    own = ObjectMeta(name=name, labels=metadata.labels, annotations=metadata.annotations)
    named = digested(service.model_copy(update={"metadata": own, "status": None}), name, None)
    check_minor(connection, named)
    _create(connection, named)
    return name


def list_runtimes(connection: ServingConnection) -> list[KnownServingRuntime] | None:
    """Return the runtimes of the namespace and of the cluster, with two requests; `None` when they cannot be seen."""
    transport = CallBudget(connection.transport)
    found: list[KnownServingRuntime] = []
    for namespace, kind in ((connection.namespace, "ServingRuntimes"), (None, "ClusterServingRuntimes")):
        listed = _listed(transport, names.runtimes_path(namespace))
        match listed:
            case Found(items):
                found += [read_runtime(item, namespaced=namespace is not None) for item in items]
            case Absent():  # a collection is never missing
                continue
            case NotPermitted() | NotServed() | ReadFailed():
                why = in_words(listed, kind)
                logger.warning("which runtime will serve the model is not known before it is made: %s", why)
                return None
    return found


def _listed(transport: Transport, path: str) -> Reading[list[wire.Json]]:
    return reading(lambda: list(wire.listed(transport, path)))


def check_minor(connection: ServingConnection, service: InferenceService) -> None:
    """Refuse fields that the installed KServe does not have. Which one it is is asked for only where that matters.

    Raises:
        InvalidInput: With each field, since when it is there, and what serves instead.
    """
    if not check(service, _OLDEST):
        return
    minor = connection.minor
    if minor is not None and (unavailable := check(service, minor)):
        lines = "".join(f"\n  {each}" for each in unavailable)
        raise InvalidInput(f"The service cannot run on KServe {minor}:{lines}")


def _protocol(spec: ServiceSpec, runtimes: list[KnownServingRuntime] | None, where: str) -> Protocol:
    if spec.model.bundle is not None or spec.model.format is None:
        return spec.protocol or "v2"
    if runtimes is None:
        return spec.protocol or "v2"
    choice = choose_runtime(runtimes, spec.model.format, protocol=spec.protocol, name=spec.runtime, where=where)
    logger.info("service %s: %s %s serves it", spec.name, choice.runtime.kind, choice.runtime.name)
    return choice.protocol


def _checked(connection: ServingConnection, spec: ServiceSpec) -> InferenceService:
    service = rendered(connection, connection.namespace, spec)
    if spec.min_replicas == 0:
        mode = spec.deployment_mode or connection.default_mode
        if mode == "Standard":
            refuse_no_replicas(service.to_dict())
    if spec.deployment_mode == "ModelMesh" and spec.model.bundle is not None:
        raise Unsupported("ModelMesh serves files of models: for a function, take DeploymentMode('Standard').")
    check_storage(CallBudget(connection.transport), connection.namespace, spec)
    return service


def _create(connection: ServingConnection, service: InferenceService) -> None:
    try:
        connection.services.create(service, namespace=connection.namespace)
    except AlreadyExists as error:
        raise ServiceExists(wire.text(service.to_dict(), "metadata", "name")) from error
