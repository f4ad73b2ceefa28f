"""A configuration of the official client is read field by field, so that it means the same with every release."""

from __future__ import annotations

import base64
import traceback
import warnings
from pathlib import Path
from typing import Any

import pytest

from kubeflow.cluster import Cluster, NotConfigured, Unreachable
from kubeflow.core.errors import InvalidInput
from kubeflow.core.transport import Request
from tests.cluster.certificates import Authority, needs_openssl
from tests.cluster.forward_proxy import forward_proxy
from tests.cluster.transport_faults import FaultServer, fault_server, kubeconfig

VERSION = Request("GET", "/version")


def configuration(**fields: Any) -> Any:
    from kubernetes.client import Configuration

    made = Configuration()
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def sent(server: FaultServer, **fields: Any) -> str | None:
    """Return the Authorization that comes of a configuration."""
    Cluster.connect(client_configuration=configuration(host=server.url, **fields)).send(VERSION)
    return server.seen[-1].headers.get("Authorization")


@pytest.mark.parametrize(
    ("fields", "authorization"),
    [
        ({"api_key": {"authorization": "Bearer t"}}, "Bearer t"),
        ({"api_key": {"BearerToken": "Bearer t"}}, "Bearer t"),
        ({"api_key": {"authorization": "t"}, "api_key_prefix": {"authorization": "Bearer"}}, "Bearer t"),
        ({"api_key": {"authorization": "Basic YTpi"}}, "Basic YTpi"),
        ({"username": "änn", "password": "se:cret"}, "Basic " + base64.b64encode("änn:se:cret".encode()).decode()),
        ({"username": "ann"}, "Basic " + base64.b64encode(b"ann:").decode()),
        ({"api_key": {"authorization": "Bearer t"}, "username": "ann", "password": "b"}, "Bearer t"),
        ({}, None),
    ],
)
def test_the_credentials_that_it_has_are_sent(fields: dict[str, Any], authorization: str | None) -> None:
    with fault_server() as server:
        assert sent(server, **fields) == authorization


@pytest.mark.parametrize(
    "user",
    [{"token": "t"}, {"username": "a", "password": "b"}, {"tokenFile": "token"}],
    ids=lambda user: next(iter(user)),
)
def test_what_the_official_loader_makes_of_a_kubeconfig_is_sent(tmp_path: Path, user: dict[str, str]) -> None:
    from kubernetes.config import load_kube_config

    (tmp_path / "token").write_text("t", "utf-8")
    with fault_server() as server:
        loaded = configuration()
        load_kube_config(kubeconfig(tmp_path, server.url, user), client_configuration=loaded)
        Cluster.connect(client_configuration=loaded).send(VERSION)
        assert server.seen[0].headers["Authorization"] == ("Basic YTpi" if "username" in user else "Bearer t")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"api_key": {"authorization": "open-sesame"}}, "sent without a scheme.*api_key_prefix"),
        ({"api_key": {"token": "Bearer open-sesame"}}, "has 'token', and a cluster's token is looked for as"),
        ({"api_key": {"authorization": "Bearer open\nsesame"}}, "line breaks or other characters"),
        ({"host": "ftp://c"}, "host of the given client_configuration is no http or https URL"),
        (
            {"ssl_ca_cert": "/nowhere/ca.pem"},
            "ssl_ca_cert of the given client_configuration cannot be read: /nowhere/ca.pem",
        ),
        ({"proxy": "gopher://:open-sesame@p"}, "The proxy of the given client_configuration is no URL of a proxy"),
    ],
)
def test_what_cannot_be_sent_is_an_error_before_the_first_request(fields: dict[str, Any], words: str) -> None:
    with fault_server() as server, pytest.raises(NotConfigured, match=words) as caught:
        Cluster.connect(client_configuration=configuration(**{"host": server.url, **fields}))
    assert server.seen == []
    assert "sesame" not in "".join(traceback.format_exception(caught.value))


@needs_openssl
def test_its_certificates_count(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ann, named = authority.issue("ann"), authority.issue("named", "DNS:api.internal")
    mine: dict[str, Any] = {"cert_file": str(ann.certificate), "key_file": str(ann.key)}
    trusted: dict[str, Any] = {"ssl_ca_cert": str(authority.certificate), **mine}
    with fault_server(tls=authority.here.serving(authority.certificate)) as server:
        for fields in (trusted, {"verify_ssl": False, **mine}):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                sent(server, **fields)
        assert [seen.common_name for seen in server.seen] == ["ann", "ann"]
        with pytest.raises(Unreachable, match="certificate is not trusted"):
            sent(server, **mine)
        plain = configuration(host="http://127.0.0.1:1", **mine)
        with pytest.raises(NotConfigured, match="cannot be shown to http://127.0.0.1:1: write https://"):
            Cluster.connect(client_configuration=plain)
    with fault_server(tls=named.serving()) as server:
        for fields in ({"tls_server_name": "api.internal"}, {"assert_hostname": False}):
            sent(server, **trusted, **fields)
        with pytest.raises(Unreachable, match="certificate is not trusted"):
            sent(server, **trusted)


@pytest.mark.parametrize("source", ["field", "environment"])
def test_its_proxy_is_given_user_password_and_headers(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    with fault_server() as server, forward_proxy("ann", "se:cret", {"cluster.invalid": "127.0.0.1"}) as proxy:
        host = server.url.replace("127.0.0.1", "cluster.invalid")
        own: dict[str, Any] = {"host": host, "api_key": {"authorization": "Bearer t"}}
        if source == "field":
            own |= {"proxy": proxy.url.removeprefix("http://"), "proxy_headers": {"X-Team": "a"}}
        else:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
        Cluster.connect(client_configuration=configuration(**own)).send(VERSION)
        assert [passage.let_through for passage in proxy.passages] == [True]
        assert server.seen[0].headers["Authorization"] == "Bearer t"
        assert server.seen[0].headers.get("X-Team") == ("a" if source == "field" else None)

        if source == "field":
            own["no_proxy"] = "cluster.invalid"
        else:
            monkeypatch.setenv("NO_PROXY", "cluster.invalid")
        with pytest.raises(Unreachable, match="the name of the server is unknown"):
            Cluster.connect(client_configuration=configuration(**own)).send(Request("GET", "/version", timeout=2))


def test_what_is_no_configuration_is_refused() -> None:
    for other in ("https://a", {"host": "https://a"}, object()):
        with pytest.raises(InvalidInput, match=r"must be a kubernetes\.client\.Configuration"):
            Cluster.connect(client_configuration=other)
