"""One context of a kubeconfig: address of its cluster, what is trusted there, the proxy, its user's credentials."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import SplitResult, unquote, urlsplit

from kubeflow.cluster.access import Access
from kubeflow.cluster.credentials.kubeconfig import Entry, Kubeconfig
from kubeflow.cluster.credentials.users import Credentials, credentials_of
from kubeflow.cluster.proxies import basic, proxy_of, proxy_of_environment
from kubeflow.cluster.tls import Tls
from kubeflow.core.errors import did_you_mean
from kubeflow.core.stdlib import base64


def access_of(config: Kubeconfig, context: str | None) -> Access:
    """Return the access of a context; runs its credentials plugin, if it has one.

    Args:
        config: The merged kubeconfig files.
        context: Name of the context; `None` for the current one.

    Raises:
        NotConfigured: There is no such context, or it cannot be used.
    """
    chosen = config.chosen(context)
    name = context if context is not None else str(config.current)
    cluster = _named(chosen, "cluster", config.clusters)
    user = _named(chosen, "user", config.users) if chosen.text("user") else None
    insecure, authority = cluster.flag("insecure-skip-tls-verify"), cluster.content("certificate-authority")
    if insecure and authority is not None:
        raise cluster.unusable(
            "has both a certificate-authority and insecure-skip-tls-verify: take insecure-skip-tls-verify out, and the "
            "server is verified"
        )
    secured = insecure or authority is not None or (user is not None and _has_certificate(user))
    server, login = _address(cluster, secured)
    found = Credentials() if user is None else credentials_of(user, server, lambda: _told(cluster, authority))
    headers = found.headers
    if login and not any(key == "Authorization" for key, _ in headers):
        headers = (("Authorization", login), *headers)
    proxy = cluster.text("proxy-url").strip()
    return Access(
        server,
        chosen.text("namespace") or None,
        name,
        f"context {name!r} of {config.files}",
        Tls(
            authority,
            found.certificate,
            found.key,
            server_name=cluster.text("tls-server-name") or None,
            insecure=insecure,
        ),
        proxy_of(proxy, f"The proxy-url of {cluster}") if proxy else proxy_of_environment(server),
        headers,
        found.fresh_until,
    )


def address(server: str, secured: bool) -> str | None:
    """Return the URL of a server as client-go reads it: without a scheme it is http, or https where TLS is set up.

    Args:
        server: A URL, or host and port.
        secured: True when there is a certificate, or a server that is not verified.

    Returns:
        The URL without a slash at its end; `None` where `server` is none.
    """
    parts = _split(server)
    if parts is None or not parts.netloc:
        parts = _split(f"{'https' if secured else 'http'}://{server}")
        if parts is None or parts.path not in ("", "/"):
            return None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        return None
    return parts.geturl().rstrip("/")


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port, parts.hostname
    except ValueError:
        return None
    return None if any(character.isspace() for character in url) else parts


def _address(cluster: Entry, secured: bool) -> tuple[str, str | None]:
    """Return the URL of a cluster's server, and the Authorization that a user and password in it stand for."""
    written = cluster.text("server").strip()
    if not written:
        raise cluster.unusable("has no server")
    url = address(written, secured)
    if url is None:
        shown = written.rpartition("@")[2]
        raise cluster.unusable(f"has a server {shown!r} that is no http or https URL and no host with a port")
    parts = urlsplit(url)
    login, at, host = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    return parts._replace(netloc=host).geturl(), basic(unquote(user), unquote(password)) if at else None


def _named(context: Entry, kind: str, entries: Mapping[str, Entry]) -> Entry:
    name = context.text(kind)
    if not name:
        raise context.unusable(f"names no {kind}")
    if name not in entries:
        listed = ", ".join(sorted(entries)) or "none"
        raise context.unusable(f"names the {kind} {name!r}, which is not there.{did_you_mean(name, entries)} "
                               f"{kind.capitalize()}s: {listed}")  # fmt: skip
    return entries[name]


def _has_certificate(user: Entry) -> bool:
    return any(user.text(key) for key in ("client-certificate", "client-certificate-data"))


def _told(cluster: Entry, authority: bytes | None) -> dict[str, object]:
    """Return the cluster as credentials plugins are told of it: without files, and with the plugin's own settings."""
    keys = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url", "disable-compression")
    told = {key: cluster.values[key] for key in keys if cluster.values.get(key)}
    if authority is not None:
        told["certificate-authority-data"] = base64.b64encode(authority).decode("ascii")
    for extension in cluster.parts("extensions"):
        if extension.text("name") == "client.authentication.k8s.io/exec":
            told["config"] = extension.values.get("extension")
    return told
