"""The proxy between here and an API server, found as kubectl finds it: `proxy-url`, else the environment.

The rules are those of Go's net/http: https://pkg.go.dev/golang.org/x/net/http/httpproxy#FromEnvironment
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from urllib.parse import unquote, urlsplit

from kubeflow.cluster.errors import NotConfigured
from kubeflow.core.display import repr_of_fields
from kubeflow.core.stdlib import base64, re

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and who may use it.

    Attributes:
        scheme: `"http"` or `"https"`: how the proxy itself is spoken to; `"socks5"`.
        host: Name or address of the proxy; an IPv6 address is in brackets.
        port: Its port.
        setting: Where the proxy is named, in words.
        user: The user that is sent to the proxy; `None` for none.
        password: The user's password.
        headers: Further headers for the proxy.
    """

    scheme: str
    host: str
    port: int
    setting: str
    user: str | None = field(default=None, repr=False)
    password: str = field(default="", repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    __repr__ = repr_of_fields

    @property
    def url(self) -> str:
        """The URL without user and password."""
        return f"{self.scheme}://{self.host}:{self.port}"

    def sent_headers(self) -> dict[str, str]:
        """Return the headers for the proxy, user and password among them."""
        login = {} if self.user is None else {"Proxy-Authorization": basic(self.user, self.password)}
        return {**login, **dict(self.headers)}

    def forwards(self, server: str) -> bool:
        """True when requests to `server` are sent to the proxy itself: it opens tunnels for https only."""
        return self.scheme != "socks5" and urlsplit(server).scheme == "http"


def basic(user: str, password: str) -> str:
    """Return the value of an Authorization header for a user and a password, in UTF-8 as Go writes it."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode(errors="surrogateescape")).decode("ascii")


def proxy_of(url: str, setting: str) -> Proxy:
    """Return the proxy that a URL names.

    Args:
        url: Such as `http://user:password@proxy.example.com:3128`, user and password percent-encoded. Without a
            scheme it is `http://`.
        setting: Where the URL stands, in words.

    Raises:
        NotConfigured: It is no URL of a proxy. The message does not quote it: a password may stand in it.
    """
    try:
        parts = urlsplit(url.strip() if "://" in url else f"http://{url.strip()}")
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        parts, scheme, host, port = urlsplit(""), "", None, None
    if scheme not in _PORTS or not host or re.search(r"[\s\x00-\x1f]", url.strip()):
        named = scheme and scheme not in _PORTS and re.fullmatch(r"[a-z0-9+.-]+", scheme)
        raise NotConfigured(
            f"{setting} is no URL of a proxy{f': nobody speaks {scheme}:// to one' if named else ''}. Write it like "
            "http://proxy.example.com:3128 (or https://, socks5://). Special characters of a user or password are "
            "percent-encoded: %40 for @, %23 for #, %2F for /."
        )
    if scheme.startswith("socks") and find_spec("socks") is None:
        raise NotConfigured(
            f"{setting} names a SOCKS proxy, for which a package is missing: run `pip install PySocks`, or use an HTTP "
            "proxy."
        )
    login, at, _ = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    return Proxy(
        scheme="socks5" if scheme.startswith("socks") else scheme,
        host=f"[{host}]" if ":" in host else host,
        port=port or _PORTS[scheme],
        setting=setting,
        user=unquote(user, errors="surrogateescape") if at else None,
        password=unquote(password, errors="surrogateescape"),
    )


def proxy_of_environment(server: str, environ: Mapping[str, str] | None = None) -> Proxy | None:
    """Return the proxy for a server by HTTPS_PROXY or HTTP_PROXY, or the same names in lower case.

    Args:
        server: URL of the server.
        environ: The environment. Default: that of this process.

    Returns:
        `None` where there is none, where NO_PROXY leaves the server out, and for servers of this machine.

    Raises:
        NotConfigured: It is no URL of a proxy.
    """
    variables = os.environ if environ is None else environ
    scheme = urlsplit(server).scheme
    for name in (f"{scheme.upper()}_PROXY", f"{scheme}_proxy"):
        if proxy := variables.get(name, "").strip():
            exempt = is_exempt(server, variables.get("NO_PROXY") or variables.get("no_proxy") or "")
            return None if exempt else proxy_of(proxy, f"{name} in the environment")
    return None


def is_exempt(server: str, no_proxy: str) -> bool:
    """True when a server is reached without a proxy.

    Args:
        server: URL of the server.
        no_proxy: The value of NO_PROXY: host names, which stand for their subdomains as well, `.example.com` for
            subdomains alone, addresses, CIDRs, each with a port if it is meant for that port alone; `*` for all.
    """
    url = urlsplit(server)
    host = (url.hostname or "").rstrip(".")
    port = url.port or {"http": 80, "https": 443}.get(url.scheme)
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(_matches(entry.strip().lower(), host, address, port) for entry in no_proxy.split(","))


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _address(host: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    # ::ffff:10.0.0.1 is 10.0.0.1
    return getattr(address, "ipv4_mapped", None) or address


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
