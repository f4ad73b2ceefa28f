"""A user of a kubeconfig: its token, password, client certificate, plugin or provider, and whom it acts for.

Of several credentials that one user has, those count that client-go takes:
https://pkg.go.dev/k8s.io/client-go/tools/clientcmd/api#AuthInfo
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from kubeflow.cluster.credentials import auth_providers, exec_plugin
from kubeflow.cluster.credentials.kubeconfig import Entry
from kubeflow.cluster.errors import NotConfigured
from kubeflow.cluster.proxies import basic
from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import did_you_mean

# Seconds between two looks at a file with a token or a certificate: those that are mounted are replaced well before
# their end. client-go takes as long: a minute, less ten seconds.
RELOAD = 50.0
_CREDENTIALS = (
    "token", "tokenFile", "client-certificate", "client-certificate-data", "client-key", "client-key-data", "username",
    "password", "exec", "auth-provider",
)  # fmt: skip
_NO_CREDENTIALS = frozenset({"as", "as-uid", "as-groups", "as-user-extra", "extensions"})
# The characters of a token (RFC 7230), which names of extra fields are written in; others are percent-encoded.
_HEADER_CHARACTERS = "!#$&'*+-.^_`|~"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the requests of one user bring.

    Attributes:
        headers: `Authorization`, and the headers of impersonation. A name may come more than once.
        certificate: PEM of the client certificate; `None` for none.
        key: PEM of its key.
        fresh_until: `time.time()` at which they are read again; `None` when the server refuses them.
    """

    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)
    fresh_until: float | None = None

    __repr__ = repr_of_fields


def credentials_of(user: Entry, server: str, cluster: Callable[[], Mapping[str, object]]) -> Credentials:
    """Return the credentials of a user; runs its plugin, or asks its provider, if they come from there.

    Args:
        user: An entry of a kubeconfig.
        server: URL of the server that they are for.
        cluster: Returns the cluster as plugins are told of it.

    Raises:
        NotConfigured: They are not complete, contradict each other, cannot be had, or say nothing to the server.
    """
    plugin, provider = user.part("exec"), user.part("auth-provider")
    if plugin and provider:
        raise user.unusable("has both exec and auth-provider: leave one of them")
    certificate, key = _certificate(user)
    authorization = _inline(user)
    files = user.text("client-certificate") or user.text("client-key") or user.text("tokenFile")
    until = time.time() + RELOAD if files else None
    if plugin and authorization is None and certificate is None:
        got = exec_plugin.run(plugin, cluster)
        authorization = bearer(got.token, str(plugin)) if got.token else None
        if got.certificate:
            certificate, key = got.certificate.encode(), got.key.encode()
        until = None if got.expires is None else _renewal(got.expires)
    elif provider and authorization is None:
        token, expires = auth_providers.token(provider, user)
        authorization, until = bearer(token, str(provider)), _renewal(expires)
    _check_that_something_is_sent(user, server, authorization, certificate)
    headers = (("Authorization", authorization),) if authorization else ()
    return Credentials((*headers, *_impersonation(user)), certificate, key, until)


def bearer(token: str, origin: str) -> str:
    """Return the value of the Authorization header for a token.

    Raises:
        NotConfigured: It has characters that no token has.
    """
    token = token.strip()
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise NotConfigured(
            f"The token of {origin} has line breaks, blanks or other characters that no token has. Log in again."
        )
    return f"Bearer {token}"


def _inline(user: Entry) -> str | None:
    """Return the Authorization that stands in the kubeconfig, or in a file that it names; `None` where none does."""
    token, file = user.text("token").strip(), user.path("tokenFile")
    name, password = user.text("username"), user.text("password")
    if (token or file) and (name or password):
        raise user.unusable("has both a token and a username or password: leave one of them, as kubectl demands")
    if password and not name:
        raise user.unusable("has a password and no username")
    if name:
        return basic(name, password)
    if not file:
        return bearer(token, str(user)) if token else None
    try:
        read = user.read("tokenFile", file).decode("utf-8", "replace").strip()
        if not read:
            raise user.unusable(f"has a tokenFile that is empty: {file}")
    except NotConfigured:
        if not token:
            raise
        read = token
    return bearer(read, str(file))


def _certificate(user: Entry) -> tuple[bytes | None, bytes | None]:
    certificate, key = user.content("client-certificate"), user.content("client-key")
    if (certificate is None) != (key is None):
        there, missing = ("client-key", "client-certificate")[:: 1 if certificate is None else -1]
        raise user.unusable(f"has a {there} and no {missing}")
    return certificate, key


def _impersonation(user: Entry) -> Iterator[tuple[str, str]]:
    """Yield the headers of https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation"""
    name, uid, groups, extra = user.text("as"), user.text("as-uid"), user.texts("as-groups"), user.part("as-user-extra")
    if not name:
        if uid or groups or extra:
            raise user.unusable("has as-uid, as-groups or as-user-extra and no as: name the user to act for")
        return
    yield "Impersonate-User", _header(user, "as", name)
    if uid:
        yield "Impersonate-Uid", _header(user, "as-uid", uid)
    for group in groups:
        yield "Impersonate-Group", _header(user, "as-groups", group)
    for key in extra.values if extra else ():
        for value in extra.texts(key) if extra else ():
            yield f"Impersonate-Extra-{quote(key, safe=_HEADER_CHARACTERS)}", _header(user, "as-user-extra", value)


def _header(user: Entry, key: str, value: str) -> str:
    """Return the value of a header: UTF-8, byte by byte, as Go writes it."""
    if not value.isprintable():
        raise user.unusable(f"has a {key} with line breaks or other characters that no header has")
    return value.encode().decode("latin-1")


def _check_that_something_is_sent(
    user: Entry, server: str, authorization: str | None, certificate: bytes | None
) -> None:
    if authorization is not None:
        return
    if certificate is not None:
        if not server.startswith("https:"):
            raise user.unusable(
                f"has a client certificate only, which cannot be shown to {server}: write https:// in the server's URL"
            )
        return
    keys = [str(key) for key in user.values if key not in _NO_CREDENTIALS]
    if not keys:
        return
    unknown = next((key for key in keys if key not in _CREDENTIALS), None)
    if unknown is not None:
        raise user.unusable(f"has {unknown!r}, which says nothing here.{did_you_mean(unknown, _CREDENTIALS)} No "
                            "credentials would be sent")  # fmt: skip
    raise user.unusable(f"has {' and '.join(keys)} without a value, so that no credentials would be sent: log in again")


def _renewal(expires: float) -> float:
    """Return when to renew: a minute before the end, but not in the first half of the time that is left."""
    now = time.time()
    return max(expires - 60, now + (expires - now) / 2)
