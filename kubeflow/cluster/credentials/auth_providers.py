"""The `auth-provider` of a user: OpenID Connect, the only one that client-go still has, and words for those it had.

An id token that has ended is renewed by the refresh token. Both are written back: a refresh token may serve once only.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import cast
from urllib.parse import urlencode

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from kubeflow.cluster.connections import connections
from kubeflow.cluster.credentials.kubeconfig import LOCALLY, Entry
from kubeflow.cluster.errors import NotConfigured
from kubeflow.cluster.proxies import basic, proxy_of_environment
from kubeflow.cluster.tls import Tls
from kubeflow.core.stdlib import base64, json

_log = logging.getLogger(__name__)
_EARLY = 10.0  # seconds before its end at which a token counts as ended, as for client-go
_TIMEOUT = Timeout(connect=10, read=20)
_GONE = {
    "gcp": "gke-gcloud-auth-plugin: install it, and run `gcloud container clusters get-credentials CLUSTER`",
    "azure": "kubelogin: install it, and run `kubelogin convert-kubeconfig`",
    "openstack": "client-keystone-auth: install it, and name it under exec",
}


def token(provider: Entry, user: Entry) -> tuple[str, float]:
    """Return a token that is valid now, and the `time.time()` of its end.

    Args:
        provider: The `auth-provider` of the user.
        user: The user: renewed tokens are written back to its file.

    Raises:
        NotConfigured: The provider is none of today's, or gives no token.
    """
    name = provider.text("name")
    if name != "oidc":
        instead = _GONE.get(name)
        raise user.unusable(
            f"has the auth-provider {name!r}, which kubectl "
            + (f"no longer has since 1.26. In its place came a plugin, {instead}" if instead else "does not know")
        )
    config = provider.part("config") or Entry(f"the config of {provider.name}", provider.file, {})
    id_token = config.text("id-token")
    if id_token and (expires := _end_of(id_token, config)) - _EARLY > time.time():
        return id_token, expires
    return _renewed(config, user)


def _renewed(config: Entry, user: Entry) -> tuple[str, float]:
    refresh_token = config.text("refresh-token")
    if not refresh_token:
        raise _failed(config, "the id-token has ended, and there is no refresh-token")
    for key in ("idp-issuer-url", "client-id"):
        if not config.text(key):
            raise config.unusable(f"has no {key}")
    issuer = config.text("idp-issuer-url").rstrip("/")
    found = _asked(config, "GET", f"{issuer}/.well-known/openid-configuration")
    client = config.text("client-id")
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    secret = config.text("client-secret")
    headers = {"Authorization": basic(client, secret)} if secret else {}
    if not secret:
        form["client_id"] = client
    answer = _asked(config, "POST", str(found.get("token_endpoint")), form, headers)
    id_token = answer.get("id_token")
    if not isinstance(id_token, str):
        raise _failed(config, "the answer has no id_token: at the login, the scope openid was not asked for")
    renewed = {"id-token": id_token}
    if isinstance(answer.get("refresh_token"), str):
        renewed["refresh-token"] = str(answer["refresh_token"])
    _write_back(user, renewed)
    return id_token, _end_of(id_token, config)


def _asked(
    config: Entry,
    method: str,
    url: str,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Mapping[str, object]:
    """Return the JSON object that the issuer answers with."""
    if not url.startswith(("https://", "http://")):
        raise _failed(config, f"the issuer names {url!r} as its address, which is no URL")
    tls = Tls(authority=config.content("idp-certificate-authority"))
    pools = connections(url, tls, proxy_of_environment(url), str(config))
    body = None if form is None else urlencode(form)
    kind = {} if form is None else {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        answer: BaseHTTPResponse = pools.request(
            method, url, body=body, headers={"Accept": "application/json", **kind, **(headers or {})}, timeout=_TIMEOUT,
            retries=False,
        )  # fmt: skip
    except HTTPError as error:
        raise _failed(config, f"the issuer {url} cannot be reached ({type(error).__name__})") from error
    try:
        found: object = json.loads(answer.data)
    except ValueError:
        found = None
    if answer.status != 200 or not isinstance(found, dict):
        reason = cast("Mapping[str, object]", found).get("error", "") if isinstance(found, dict) else ""
        raise _failed(config, f"the issuer {url} answered with {answer.status} {reason or answer.reason}".rstrip())
    return cast("Mapping[str, object]", found)


def _end_of(id_token: str, config: Entry) -> float:
    """Return the `exp` of a JSON Web Token."""
    try:
        claims = id_token.split(".")[1]
        return float(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"])
    except (LookupError, ValueError, TypeError):
        raise config.unusable("has an id-token that is no JSON Web Token with an end") from None


def _write_back(user: Entry, renewed: Mapping[str, str]) -> None:
    """Write tokens into the kubeconfig that has the user, as kubectl does."""
    import yaml

    file = user.file.resolve()
    try:
        content = yaml.safe_load(file.read_bytes())
        for entry in content["users"]:
            if user.name == f"user {entry['name']!r}":
                entry["user"]["auth-provider"]["config"].update(renewed)
        with NamedTemporaryFile("w", dir=file.parent, prefix=f".{file.name}.", encoding="utf-8", delete=False) as new:
            new.write(yaml.safe_dump(content, sort_keys=False))  # pyright: ignore[reportUnknownMemberType]
        Path(new.name).chmod(file.stat().st_mode & 0o777)
        os.replace(new.name, file)  # noqa: PTH105 - of two names, not of a path
    except OSError as error:
        _log.warning(
            "the renewed tokens of %s could not be written (%s): log in again when the next program needs them",
            user,
            error.strerror,
        )


def _failed(config: Entry, why: str) -> NotConfigured:
    return NotConfigured(
        f"There is no token by OpenID Connect ({config}): {why}. Log in to the cluster again. {LOCALLY}"
    )
