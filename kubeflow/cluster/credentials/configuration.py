"""The access of a `kubernetes.client.Configuration` that a user made, whichever release of that client it is of."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from kubeflow.cluster.access import Access
from kubeflow.cluster.credentials.contexts import address
from kubeflow.cluster.credentials.service_account import namespace_of
from kubeflow.cluster.errors import NotConfigured
from kubeflow.cluster.proxies import Proxy, basic, is_exempt, proxy_of, proxy_of_environment
from kubeflow.cluster.tls import Tls
from kubeflow.core.errors import InvalidInput

_ORIGIN = "the given client_configuration"
# What releases of the official client call the token: 36.0.0 asks for another name than its kubeconfig loader sets.
_TOKENS = ("authorization", "BearerToken")


def given(configuration: object) -> Access:
    """Return the access of a `kubernetes.client.Configuration` that the user made.

    Its refresh hook is called: it decides by itself when a token is too old. So it is asked before every request.

    Raises:
        InvalidInput: It is no such object.
        NotConfigured: What it says cannot be used.
    """
    for name in ("host", "auth_settings", "ssl_ca_cert"):
        if not hasattr(configuration, name):
            raise InvalidInput(
                f"client_configuration must be a kubernetes.client.Configuration, not a {type(configuration).__name__}"
            )
    tls = _tls(configuration)
    server = address(str(getattr(configuration, "host", "")), secured=tls != Tls())
    if server is None:
        raise NotConfigured(f"The host of {_ORIGIN} is no http or https URL. Correct it.")
    authorization = _authorization(configuration)
    if authorization is None and tls.certificate is not None and not server.startswith("https:"):
        raise NotConfigured(f"The client certificate of {_ORIGIN} cannot be shown to {server}: write https:// there.")
    return Access(
        server,
        namespace_of(),
        None,
        _ORIGIN,
        tls,
        _proxy(configuration, server),
        (("Authorization", authorization),) if authorization else (),
        0.0,
    )


def _authorization(configuration: object) -> str | None:
    """Return the value of the Authorization header; `None` where the configuration has no credentials but certificates.

    Raises:
        NotConfigured: There are credentials, and no header that the server would understand comes of them.
    """
    settings = cast("Callable[[], Mapping[str, Mapping[str, object]]]", getattr(configuration, "auth_settings"))  # noqa: B009
    value = _text(settings().get("BearerToken", {}).get("value"))
    keys = cast("Mapping[str, object]", getattr(configuration, "api_key", None) or {})
    if not value:
        named = cast("Callable[[str], object]", getattr(configuration, "get_api_key_with_prefix", keys.get))
        value = next(filter(None, (_text(named(name)) for name in _TOKENS if keys.get(name))), "")
    user = _text(getattr(configuration, "username", None))
    if not value and user:
        return basic(user, _text(getattr(configuration, "password", None)))
    if not value and any(keys.values()):
        raise NotConfigured(
            f"The api_key of {_ORIGIN} has {', '.join(map(repr, keys))}, and a cluster's token is looked for as "
            "'authorization'. Set its api_key to {'authorization': 'Bearer ...'}."
        )
    if value and " " not in value:
        raise NotConfigured(
            f"The token of {_ORIGIN} would be sent without a scheme, and the server would take the request for "
            "anonymous. Set its api_key_prefix to {'authorization': 'Bearer'}."
        )
    if not (value.isascii() and value.isprintable()):
        raise NotConfigured(f"The token of {_ORIGIN} has line breaks or other characters that no token has.")
    return value or None


def _tls(configuration: object) -> Tls:
    return Tls(
        _content(configuration, "ssl_ca_cert"),
        _content(configuration, "cert_file"),
        _content(configuration, "key_file") or _content(configuration, "cert_file"),
        server_name=_text(getattr(configuration, "tls_server_name", None)) or None,
        insecure=not getattr(configuration, "verify_ssl", True),
        any_name=getattr(configuration, "assert_hostname", None) is False,
    )


def _proxy(configuration: object, server: str) -> Proxy | None:
    proxy, no_proxy = (_text(getattr(configuration, name, None)) for name in ("proxy", "no_proxy"))
    # Some releases fill these in from the environment, without what NO_PROXY says.
    if not proxy or proxy in os.environ.values():
        return proxy_of_environment(server)
    if no_proxy and is_exempt(server, no_proxy):
        return None
    headers = cast("Mapping[str, str] | None", getattr(configuration, "proxy_headers", None)) or {}
    return replace(proxy_of(proxy, f"The proxy of {_ORIGIN}"), headers=tuple(headers.items()))


def _content(configuration: object, name: str) -> bytes | None:
    path = getattr(configuration, name, None)
    if not path:
        return None
    try:
        return Path(str(path)).read_bytes()
    except OSError as error:
        raise NotConfigured(f"The {name} of {_ORIGIN} cannot be read: {path}: {error.strerror}. Correct it.") from error


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()
