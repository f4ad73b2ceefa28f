"""Which registry a client talks to when it is told none, and the URL of one that it is told."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput

VARIABLE = "KUBEFLOW_MODEL_REGISTRY"
"""Environment variable: URL of the registry, or `local`."""
TOKEN_VARIABLE = "KUBEFLOW_MODEL_REGISTRY_TOKEN"
"""Environment variable: bearer token for that URL."""
LOCAL = "local"
# https://github.com/kubeflow/model-registry/blob/v0.3.8/manifests/kustomize/base/model-registry-service.yaml
_SERVICE, _PORT = "model-registry-service", 8080
_HOME = "kubeflow"  # the namespace that the manifests put it in
_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_PORTS = {"http": 8080, "https": 443}  # without a port in the URL, as the published client has it


@dataclass(frozen=True, slots=True)
class Address:
    """Where a registry is. `url` is None for that of this machine; `reason` says in words why it is this one."""

    url: str | None
    reason: str

    __repr__ = repr_of_fields


LOCAL_ADDRESS = Address(None, "state_dir=")


def address_of(base_url: str | None, port: int | None = None, is_secure: bool | None = None) -> Address:
    """Return the registry that a client talks to.

    Args:
        base_url: As the user gave it: `https://host[:port][/path]`, `host`, `local`, or None.
        port: Takes the place of one that the URL lacks.
        is_secure: Whether to use TLS, where the URL has no scheme. Default: True.

    Raises:
        InvalidInput: It is no URL, or two arguments say different things.
    """
    if base_url is not None:
        if base_url == LOCAL and port is None:
            return Address(None, "base_url='local'")
        return Address(_url(base_url, port, is_secure, "base_url"), "base_url")
    if port is not None or is_secure is not None:
        raise InvalidInput("port= and is_secure= belong to a server: give base_url= too")
    if named := os.environ.get(VARIABLE, "").strip():
        if named == LOCAL:
            return Address(None, f"${VARIABLE}")
        return Address(_url(named, None, None, f"${VARIABLE}"), f"${VARIABLE}")
    if found := _service(os.environ):
        return Address(found, "the Service of this cluster")
    return Address(None, f"no base_url=, no ${VARIABLE}, and no registry in a cluster around this process")


def _url(text: str, port: int | None, is_secure: bool | None, where: str) -> str:
    full = text if "://" in text else f"{'http' if is_secure is False else 'https'}://{text}"
    try:
        parts = urlsplit(full)
        own_port = parts.port
    except ValueError as error:
        raise InvalidInput(f"{where}={text!r} is no URL: {error}") from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.query or parts.fragment:
        raise InvalidInput(f"{where}={text!r} is no URL of a registry: write it like https://registry.example.com:8080")
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(f"{where} has a user in it, which shows up in logs: give user_token= instead")
    if is_secure is not None and is_secure != (parts.scheme == "https"):
        raise InvalidInput(f"{where}={text!r} and is_secure={is_secure} say different things: leave is_secure= out")
    if port is not None and own_port is not None and own_port != port:
        raise InvalidInput(f"{where}={text!r} and port={port} say different things: leave port= out")
    if port is not None and not 0 < port < 65_536:
        raise InvalidInput(f"port={port} is none: ports are 1 to 65535")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{host}:{own_port or port or _PORTS[parts.scheme]}{path}"


def _service(environ: Mapping[str, str]) -> str | None:
    """Return the URL of the registry's Service in the cluster that this process runs in; None where there is none."""
    # Kubernetes sets these for Services of the pod's own namespace that were there before the pod.
    if host := environ.get("MODEL_REGISTRY_SERVICE_SERVICE_HOST"):
        return f"http://{host}:{environ.get('MODEL_REGISTRY_SERVICE_SERVICE_PORT', _PORT)}"
    if "KUBERNETES_SERVICE_HOST" not in environ:
        return None
    try:
        own = [_OWN_NAMESPACE.read_text("utf-8").strip()]
    except OSError:
        own = []
    for namespace in [*own, _HOME]:
        host = f"{_SERVICE}.{namespace}.svc"
        try:
            socket.getaddrinfo(host, _PORT)
        except OSError:  # no such name
            continue
        return f"http://{host}:{_PORT}"
    return None
