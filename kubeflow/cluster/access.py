"""`Access`: the address of one cluster, and what a request to it must bring. Where it is read: `credentials`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from kubeflow.cluster.proxies import Proxy
from kubeflow.cluster.tls import Tls
from kubeflow.core.display import repr_of_fields


@dataclass(frozen=True, slots=True)
class Access:
    """Address, certificates and credentials of one cluster.

    Attributes:
        server: URL of the API server, with its path and without a slash at the end.
        namespace: The namespace of the context or service account; `None` where neither has one.
        context: Name of the kubeconfig context, `None` without a kubeconfig.
        origin: The credentials in words, like `"context 'prod' of ~/.kube/config"`.
        tls: What is trusted, and the client certificate.
        proxy: The proxy between here and the server; `None` for none.
        headers: Headers of every request: `Authorization` and those of impersonation. A name may come more than once.
        fresh_until: `time.time()` at which the credentials are read again; `None` reads them again when the server
            refuses them.
    """

    server: str
    namespace: str | None
    context: str | None
    origin: str
    tls: Tls
    proxy: Proxy | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    fresh_until: float | None = None

    __repr__ = repr_of_fields


Source: TypeAlias = Callable[[], Access]
"""Reads the access of one cluster, each time anew."""
