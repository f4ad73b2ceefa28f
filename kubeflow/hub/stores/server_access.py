"""How the server of a registry is reached: URL, authorities, token, proxy; for the transport of clusters."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from urllib.parse import urlsplit

from kubeflow.cluster.access import Access
from kubeflow.cluster.cluster import Cluster
from kubeflow.cluster.proxies import proxy_of_environment
from kubeflow.cluster.tls import Tls
from kubeflow.core.errors import InvalidInput
from kubeflow.hub.addresses import TOKEN_VARIABLE, VARIABLE, Address

_log = logging.getLogger(__name__)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def transport(address: Address, user_token: str | None, custom_ca: str | None) -> Cluster:
    """Return the transport to a server. Asks nothing of it.

    Args:
        address: Of the server.
        user_token: Bearer token; None for that of the environment, where that names the server, else for none.
        custom_ca: Path of a PEM file, or its content; None for the authorities of the system.

    Raises:
        InvalidInput: The token or the file cannot be used.
        NotConfigured: The environment names a proxy that is none.
    """
    url = str(address.url)
    token = user_token
    if token is None and address.reason == f"${VARIABLE}":
        token = os.environ.get(TOKEN_VARIABLE) or None
    if token is not None and (not token.strip() or not token.strip().isprintable()):
        raise InvalidInput("user_token is a text on one line; a file's content ends with a line end, which is left out")
    parts = urlsplit(url)
    if token and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        _log.warning("the token for %s is sent unencrypted: use https where there is anybody between", url)
    authority = _authority(custom_ca)
    headers = (("Authorization", f"Bearer {token.strip()}"),) if token else ()
    proxy = proxy_of_environment(url)
    access = Access(url, None, None, address.reason, Tls(authority=authority), proxy, headers)
    return Cluster(lambda: access)


def _authority(custom_ca: str | None) -> bytes | None:
    if custom_ca is None:
        return None
    if "-----BEGIN" in custom_ca:
        return custom_ca.encode()
    try:
        return Path(custom_ca).expanduser().read_bytes()
    except OSError as error:
        raise InvalidInput(
            f"custom_ca={custom_ca!r} cannot be read: {error.strerror}. Give the path of a PEM file, or its content."
        ) from error
