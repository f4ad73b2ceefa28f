"""How a service of a cluster is reached from here: its URL, a gateway with a Host header, the cluster's own address, or
a tunnel to a pod.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from urllib.parse import urlsplit

from kubeflow.cluster.errors import ApiError, ClusterError
from kubeflow.cluster.tunnel import Tunnel
from kubeflow.kserve.backends.cluster import serving_names as names
from kubeflow.kserve.backends.cluster.service_pods import list_pods
from kubeflow.kserve.backends.cluster.serving_connection import ServingConnection
from kubeflow.kserve.errors import NoEndpoint
from kubeflow.kserve.types.endpoints import Endpoint, Route
from kubeflow.kserve.types.services import Service

GATEWAY_VARIABLE = "KUBEFLOW_SERVING_GATEWAY"
"""Environment variable with the address of the gateway before a cluster's services, like `http://10.0.0.7`. Requests go
there, with the host of the service in the header `Host`."""

# Hosts that no name server outside knows: KServe's default domain, and names within a cluster.
_NOWHERE = (".example.com", ".svc", ".svc.cluster.local")
_IN_CLUSTER = "KUBERNETES_SERVICE_HOST"


@contextmanager
def endpoint(connection: ServingConnection, service: Service, route: Route) -> Generator[Endpoint]:
    """Yield where requests to a service go; see `ServingBackend.endpoint`."""
    chosen = _chosen(connection, service) if route == "auto" else route
    if chosen == "tunnel":
        with _tunnel(connection, service) as tunnel:
            yield _endpoint(service, f"http://{tunnel.host}:{tunnel.port}", "tunnel")
        return
    if chosen == "cluster":
        yield _endpoint(service, _internal_url(connection, service), "cluster")
        return
    url = service.url
    if url is None:
        raise NoEndpoint(_no_url(service))
    gateway = os.environ.get(GATEWAY_VARIABLE, "").strip().rstrip("/")
    if gateway:
        if "://" not in gateway:
            raise NoEndpoint(f"{GATEWAY_VARIABLE}={gateway!r} is no address: write http://{gateway}.")
        yield _endpoint(service, gateway, "url", host=_host(url))
        return
    if not _is_known(url):
        raise NoEndpoint(
            f"The address of service {service.name!r}, {url}, is known to no name server here. Set {GATEWAY_VARIABLE} "
            "to the address of the cluster's gateway (kubectl get service -A | grep -i gateway), or leave route= out: "
            "the request then goes through the API server."
        )
    yield _endpoint(service, url, "url")


def _chosen(connection: ServingConnection, service: Service) -> Route:
    if connection.cluster.context is None and os.environ.get(_IN_CLUSTER):
        return "cluster"
    if service.url is not None and (os.environ.get(GATEWAY_VARIABLE) or _is_known(service.url)):
        return "url"
    return "tunnel"


def _endpoint(service: Service, url: str, route: Route, host: str | None = None) -> Endpoint:
    headers = {"Host": host} if host else {}
    return Endpoint(service.name, url.rstrip("/"), service.model_name, service.protocol, headers, route=route)


def _internal_url(connection: ServingConnection, service: Service) -> str:
    if service.internal_url is not None:
        return service.internal_url
    if service.status in ("Ready", "Updating", "Degraded"):
        return f"http://{names.predictor_name(service.name)}.{connection.namespace}.svc.cluster.local"
    raise NoEndpoint(_no_url(service))


@contextmanager
def _tunnel(connection: ServingConnection, service: Service) -> Generator[Tunnel]:
    try:
        pods = list_pods(connection.transport, connection.namespace, service.name)
    except ClusterError as error:
        raise NoEndpoint(
            f"There is no way to service {service.name!r} from here: its pods cannot be seen. {error}"
        ) from error
    # Requests go to what stands first: a transformer, where there is one.
    front = [pod for pod in pods if pod.component == "transformer"] or [
        pod for pod in pods if pod.component == names.PREDICTOR
    ]
    ready = [pod for pod in front if pod.ready and not pod.pod.deleting]
    if not ready:
        raise NoEndpoint(_no_pod(service, bool(pods)))
    pod = ready[-1]
    try:
        tunnel = Tunnel(connection.cluster, connection.namespace, pod.pod.name, pod.http_port)
    except ApiError as error:
        raise NoEndpoint(
            f"There is no way to service {service.name!r} from here: a tunnel to its pod is refused. {error} Or set "
            f"{GATEWAY_VARIABLE} to the address of the cluster's gateway."
        ) from error
    with tunnel:
        yield tunnel


def _no_url(service: Service) -> str:
    why = f": {service.reason}" if service.reason else ""
    return (
        f"Service {service.name!r} has no address yet; it is {service.status}{why}. Wait for it: "
        f"client.wait_for_service_status({service.name!r})."
    )


def _no_pod(service: Service, any_pods: bool) -> str:
    if service.status == "Stopped":
        return f"Service {service.name!r} is stopped: client.start_service({service.name!r})."
    if not any_pods and service.status == "Ready":
        return (
            f"Service {service.name!r} has gone to no replica, and a tunnel cannot wake it up, as a request through "
            f"the gateway does: set {GATEWAY_VARIABLE} to the gateway's address, or keep one: client.update("
            f"{service.name!r}, min_replicas=1)."
        )
    return _no_url(service).replace("has no address yet", "has no pod that answers yet")


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _is_known(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if not host or host.endswith(_NOWHERE):
        return False
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True
