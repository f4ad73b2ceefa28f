"""OpenID Connect: an id token that is valid is sent, one that has ended is renewed and written back."""

from __future__ import annotations

import base64
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import yaml

from kubeflow.cluster import Cluster, NotConfigured
from kubeflow.core.transport import Request
from tests.cluster.certificates import Authority, needs_openssl
from tests.cluster.transport_faults import FaultServer, Handler, answer, fault_server, kubeconfig, raw

VERSION = Request("GET", "/version")


def id_token(seconds: float) -> str:
    """Return a JSON Web Token that ends in so many seconds."""
    claims = json.dumps({"sub": "ann", "exp": time.time() + seconds}).encode()
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b"{}", claims, b"signature"))


def user(issuer: str, **config: str) -> dict[str, Any]:
    fields = {"idp-issuer-url": issuer, "client-id": "kube:rnetes", "refresh-token": "refresh-1"}
    fields |= {key.replace("_", "-"): value for key, value in config.items()}
    return {"auth-provider": {"name": "oidc", "config": {key: value for key, value in fields.items() if value}}}


def issuing(issuer: FaultServer, token: dict[str, Any], code: int = 200) -> None:
    """Make a server answer as an issuer does: where it gives tokens, and the token."""

    def reply(handler: Handler) -> None:
        where = {"token_endpoint": f"{issuer.url}/token"}
        known = {"/realm/.well-known/openid-configuration": answer(where), "/token": answer(token, code)}
        known.get(handler.path, raw(404, b"no such page", "text/html"))(handler)

    issuer.otherwise = reply


def sent(server: FaultServer) -> list[str]:
    return [seen.headers["Authorization"].removeprefix("Bearer ") for seen in server.seen]


def test_an_id_token_that_is_valid_is_sent(tmp_path: Path) -> None:
    token = id_token(600)
    with fault_server() as server, fault_server() as issuer:
        Cluster.connect(config_file=kubeconfig(tmp_path, server.url, user(issuer.url, id_token=token))).send(VERSION)
        assert sent(server) == [token]
        assert issuer.seen == []


@needs_openssl
@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("secret", ["", "s:ecret"])
@pytest.mark.parametrize("old", ["", "ended"])
def test_one_that_has_ended_is_renewed_and_written_back(tmp_path: Path, tls: bool, secret: str, old: str) -> None:
    new = id_token(600)
    authority = Authority(tmp_path)
    with fault_server() as server, fault_server(tls=authority.here.serving() if tls else None) as issuer:
        issuing(issuer, {"id_token": new, "refresh_token": "refresh-2"})
        mine = user(
            f"{issuer.url}/realm/",
            client_secret=secret,
            id_token=id_token(5) if old else "",
            idp_certificate_authority="authority.crt" if tls else "",
        )
        link = tmp_path / "link"
        file = Path(kubeconfig(tmp_path, server.url, mine))
        file.chmod(0o600)
        link.symlink_to(file)
        Cluster.connect(config_file=link).send(VERSION)
        assert sent(server) == [new]

        asked = issuer.seen[1]
        form = {key: values[0] for key, values in parse_qs(asked.body.decode()).items()}
        assert form.pop("client_id", None) == (None if secret else "kube:rnetes")
        assert form == {"grant_type": "refresh_token", "refresh_token": "refresh-1"}
        if secret:
            expected = base64.b64encode(b"kube:rnetes:s:ecret").decode()
            assert asked.headers["Authorization"] == f"Basic {expected}"

        written = yaml.safe_load(file.read_text("utf-8"))
        config = written["users"][0]["user"]["auth-provider"]["config"]
        assert (config["id-token"], config["refresh-token"]) == (new, "refresh-2")
        assert written["contexts"][0]["context"]["namespace"] == "team"
        assert (file.stat().st_mode & 0o777, link.is_symlink()) == (0o600, True)
        assert [path.name for path in tmp_path.glob(".*")] == []
        Cluster.connect(config_file=file).send(VERSION)
        assert len(issuer.seen) == 2, "the token that was written is taken"


def test_a_file_that_cannot_be_written_is_logged_and_the_token_sent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    new = id_token(600)
    with fault_server() as server, fault_server() as issuer, caplog.at_level(logging.WARNING):
        issuing(issuer, {"id_token": new})
        # No file beside it can have a longer name. Folders that cannot be written are none for root.
        file = tmp_path / ("k" * 250)
        Path(kubeconfig(tmp_path, server.url, user(f"{issuer.url}/realm"))).rename(file)
        original = file.read_bytes()
        Cluster.connect(config_file=file).send(VERSION)
        assert sent(server) == [new]
        assert file.read_bytes() == original
    assert "the renewed tokens of user 'u'" in caplog.text
    assert new not in caplog.text


@pytest.mark.parametrize(
    ("config", "token", "code", "words"),
    [
        ({"refresh_token": ""}, {}, 200, "the id-token has ended, and there is no refresh-token"),
        ({"client_id": ""}, {}, 200, "has no client-id"),
        ({"idp_issuer_url": ""}, {}, 200, "has no idp-issuer-url"),
        ({"id_token": "open-sesame"}, {}, 200, "id-token that is no JSON Web Token with an end"),
        ({}, {"access_token": "open-sesame"}, 200, "the answer has no id_token"),
        ({}, {"error": "invalid_grant", "error_description": "open-sesame"}, 400, "answered with 400 invalid_grant"),
        ({}, {}, 503, "answered with 503"),
        ({"idp_issuer_url": "http://127.0.0.1:1"}, {}, 200, "cannot be reached"),
        ({"idp_issuer_url": "ftp://issuer"}, {}, 200, "which is no URL"),
    ],
)
def test_a_token_that_cannot_be_had_is_an_error_before_the_first_request(
    tmp_path: Path, config: dict[str, str], token: dict[str, Any], code: int, words: str
) -> None:
    with fault_server() as server, fault_server() as issuer:
        issuing(issuer, token, code)
        mine = user(f"{issuer.url}/realm", **config)
        with pytest.raises(NotConfigured, match=words) as caught:
            Cluster.connect(config_file=kubeconfig(tmp_path, server.url, mine))
        assert server.seen == []
    assert "sesame" not in str(caught.value)
    assert "refresh-1" not in str(caught.value)


def test_a_page_in_the_place_of_the_issuer_is_an_error(tmp_path: Path) -> None:
    replies: list[Callable[[Handler], None]] = [
        raw(200, b"<html>", "text/html"),
        answer({}),
        answer({"token_endpoint": 3}),
    ]
    for reply in replies:
        with fault_server(reply) as issuer, pytest.raises(NotConfigured, match="no token by OpenID Connect"):
            Cluster.connect(config_file=kubeconfig(tmp_path, "http://c", user(issuer.url)))
