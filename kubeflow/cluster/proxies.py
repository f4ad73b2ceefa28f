"""The proxy on the way to a server, as kubectl finds it: `proxy-url` of the kubeconfig, else the environment.

Read here, because releases of the official client differ: some take no proxy from the environment, some ignore
NO_PROXY. The rules are those of Go's net/http: https://pkg.go.dev/golang.org/x/net/http/httpproxy#FromEnvironment
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from urllib3 import PoolManager


def proxy_of_environment(server: str, environ: Mapping[str, str] | None = None) -> str | None:
    """Return the proxy that HTTPS_PROXY or HTTP_PROXY, or their names in lower case, say for a server.

    Args:
        server: Its URL.
        environ: Default: of this process.

    Returns:
        `None` where there is none, where NO_PROXY leaves the server out, and for servers of this machine.
    """
    variables = os.environ if environ is None else environ
    url = urlsplit(server)
    proxy = _either(variables, f"{url.scheme}_proxy")
    return None if not proxy or is_exempt(server, _either(variables, "no_proxy")) else with_scheme(proxy)


def is_exempt(server: str, no_proxy: str) -> bool:
    """True when a server is reached without a proxy.

    Args:
        server: Its URL.
        no_proxy: As NO_PROXY has it: host names, which stand for their subdomains as well, `.example.com` for
            subdomains alone, addresses, CIDRs, each with a port if it is meant for that port alone; `*` for all.
    """
    url = urlsplit(server)
    host = (url.hostname or "").rstrip(".")
    try:
        port = url.port or {"http": 80, "https": 443}.get(url.scheme)
    except ValueError:  # no port; what it is used for says so
        port = None
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(_matches(entry.strip().lower(), host, address, port) for entry in no_proxy.split(","))


def with_scheme(proxy: str) -> str:
    """Return the URL of a proxy; one without a scheme speaks HTTP."""
    return proxy if "://" in proxy else f"http://{proxy}"


def proxy_manager(proxy: str, headers: Mapping[str, str] | None, pool: Mapping[str, Any]) -> PoolManager:
    """Return the pools of connections through a proxy.

    Args:
        proxy: Its URL; a user and password in it, percent-encoded, are sent to it.
        headers: Others that are sent to it.
        pool: What connections are made with, as urllib3 names it.

    Raises:
        urllib3.exceptions.LocationValueError: It is no URL.
        urllib3.exceptions.ProxySchemeUnknown: It is that of no proxy that urllib3 knows.
    """
    if proxy.startswith("socks"):
        from urllib3.contrib.socks import SOCKSProxyManager

        return SOCKSProxyManager(proxy, **pool)
    from urllib3 import ProxyManager, make_headers

    login = urlsplit(proxy).netloc.rpartition("@")[0]
    user, _, password = login.partition(":")
    basic = make_headers(proxy_basic_auth=f"{unquote(user)}:{unquote(password)}") if login else {}
    return ProxyManager(proxy, proxy_headers={**basic, **(headers or {})}, **pool)


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _either(variables: Mapping[str, str], name: str) -> str:
    return variables.get(name.upper()) or variables.get(name) or ""


def _address(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _matches(entry: str, host: str, address: _Address | None, port: int | None) -> bool:
    if entry == "*":
        return True
    if address is not None and "/" in entry:
        try:
            return address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name, _, only = entry.rpartition(":") if not _address(entry.strip("[]")) else (entry, "", "")
    if not name:
        name, only = only, ""
    name = name.strip("[]").removeprefix("*")
    if not name or (only and only != str(port)):
        return False
    if address is not None:
        return _address(name) == address
    return host.endswith(name) if name.startswith(".") else host == name or host.endswith(f".{name}")
