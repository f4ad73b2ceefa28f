"""Where a request to a service goes, as seen from here: an address, headers, and the words for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from kubeflow.core.display import repr_of_fields
from kubeflow.core.plain import dict_of_fields
from kubeflow.kserve.types.model_formats import Protocol

Route: TypeAlias = Literal["auto", "url", "cluster", "tunnel"]
"""How a service is reached: `"url"` is the address that the control plane tells, or the gateway that the client was
given; `"cluster"` the address within the cluster; `"tunnel"` a connection through the API server to a pod. `"auto"`
takes the address within the cluster in a pod of that cluster, else a gateway or a `url` whose host is known here, else
the tunnel."""


@dataclass(frozen=True)
class Endpoint:
    """Where requests to a service go.

    Attributes:
        service: The service.
        url: Address to which `/v2/models/...` or `/v1/models/...` is appended, without a slash at its end.
        model_name: What the model is called in paths.
        protocol: What the service is spoken to in.
        headers: Sent with each request, such as `Host` for a gateway, or `Authorization`.
        ca_file: PEM file of the authorities that are trusted for `https`; `None` for those of the system.
        route: How the service is reached.
    """

    service: str
    url: str
    model_name: str
    protocol: Protocol = "v2"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    ca_file: str | None = None
    route: Route = "url"

    __repr__ = repr_of_fields
    to_dict = dict_of_fields

    def __str__(self) -> str:
        """Return the address in words, for messages."""
        host = self.headers.get("Host")
        return f"{self.url}{f' (Host: {host})' if host else ''}"
