"""Pools of connections to one server: TLS, the proxy on the way, TCP keepalive."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from urllib3 import PoolManager, ProxyManager

from kubeflow.cluster.proxies import Proxy
from kubeflow.cluster.tls import Tls, warn_unverified

if TYPE_CHECKING:
    import ssl

    from urllib3 import HTTPSConnectionPool
    from urllib3._base_connection import BaseHTTPSConnection

_KEPT = 64  # idle connections: as many as requests at once


def connections(server: str, tls: Tls, proxy: Proxy | None, origin: str) -> PoolManager:
    """Return the pools of connections to a server.

    Args:
        server: URL of the server.
        tls: What is trusted, and the client certificate.
        proxy: The proxy on the way; `None` for none.
        origin: Where the certificates come from, in words.

    Raises:
        NotConfigured: The certificates cannot be used.
    """
    options: dict[str, Any] = {"maxsize": _KEPT, "socket_options": _keepalive()}
    if urlsplit(server).scheme == "https":
        options["ssl_context"] = tls.context(origin)
        if tls.any_name:
            options["assert_hostname"] = False
        if tls.server_name:
            options["server_hostname"] = tls.server_name
        if tls.insecure:
            warn_unverified(server, origin)
    if proxy is None:
        pools = PoolManager(**options)
    elif proxy.scheme == "socks5":
        pools = _socks_pools(proxy, options)
    else:
        context: ssl.SSLContext | None = None
        if proxy.scheme == "https":
            context = tls.proxy_context(origin)
            options.setdefault("ssl_context", context)
        pools = ProxyManager(proxy.url, proxy_headers=proxy.sent_headers(), proxy_ssl_context=context, **options)
    if tls.insecure:
        _without_warnings(pools)
    return pools


def _socks_pools(proxy: Proxy, options: Mapping[str, Any]) -> PoolManager:
    from urllib3.contrib.socks import SOCKSProxyManager

    # socks5h: the proxy looks up the server's name, as it does for Go.
    url = f"socks5h://{proxy.host}:{proxy.port}"
    return SOCKSProxyManager(url, username=proxy.user, password=proxy.password or None, **options)


def _without_warnings(pools: PoolManager) -> None:
    """Keep urllib3 from warning at each request of these pools, and of no others: it was logged once."""
    # urllib3 warns by what a connection says of itself. SOCKS has classes of its own.
    pool_class = cast("type[HTTPSConnectionPool]", pools.pool_classes_by_scheme["https"])
    connection_class = pool_class.ConnectionCls

    def connect(connection: BaseHTTPSConnection) -> None:
        connection_class.connect(connection)
        connection.is_verified = True

    quiet = type("Connection", (connection_class,), {"connect": connect})
    quiet_pool = type("Pool", (pool_class,), {"ConnectionCls": quiet})
    pools.pool_classes_by_scheme = {**pools.pool_classes_by_scheme, "https": quiet_pool}


def _keepalive() -> list[tuple[int, int, int]]:
    """Return the socket options of TCP keepalive with client-go's times: 30 s idle, then 9 probes 15 s apart."""
    idle = "TCP_KEEPIDLE" if hasattr(socket, "TCP_KEEPIDLE") else "TCP_KEEPALIVE"  # macOS
    times = ((idle, 30), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 9))
    return [
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),  # urllib3's own default, which a list of ours replaces
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        *((socket.IPPROTO_TCP, getattr(socket, name), seconds) for name, seconds in times if hasattr(socket, name)),
    ]
