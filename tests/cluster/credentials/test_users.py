"""Tokens, passwords, certificates and impersonation: what a user of a kubeconfig has is what the server gets."""

from __future__ import annotations

import base64
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubeflow.cluster import Cluster, Forbidden, NotConfigured, Unauthorized
from kubeflow.cluster.credentials.users import RELOAD
from kubeflow.core.transport import Request
from tests.apiserver import COMMAND, MISSING, apiserver
from tests.cluster.certificates import Authority, needs_openssl
from tests.cluster.forward_proxy import forward_proxy
from tests.cluster.transport_faults import fault_server, kubeconfig, refused

VERSION = Request("GET", "/version")


def sent(tmp_path: Path, user: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the headers that name somebody, as the server got them."""
    with fault_server() as server:
        Cluster.connect(config_file=kubeconfig(tmp_path, server.url, user)).send(VERSION)
        headers = server.seen[0].all_headers
    return [(name, value) for name, value in headers if name == "Authorization" or name.startswith("Impersonate-")]


def basic(login: str) -> str:
    return "Basic " + base64.b64encode(login.encode()).decode()


@pytest.mark.parametrize(
    ("user", "authorization"),
    [
        ({"token": "a"}, "Bearer a"),
        ({"token": "a\n"}, "Bearer a"),
        ({"tokenFile": "token"}, "Bearer of-the-file"),
        ({"token": "a", "tokenFile": "token"}, "Bearer of-the-file"),
        ({"token": "a", "tokenFile": "missing"}, "Bearer a"),
        ({"token": "a", "tokenFile": "empty"}, "Bearer a"),
        ({"username": "ann", "password": "se:cret"}, basic("ann:se:cret")),
        ({"username": "änn", "password": "пароль"}, basic("änn:пароль")),
        ({"username": "ann"}, basic("ann:")),
        ({"token": "a", "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "none"}}, "Bearer a"),
        ({"token": "a", "auth-provider": {"name": "gcp"}}, "Bearer a"),
    ],
)  # fmt: skip
def test_the_credentials_that_client_go_takes_are_sent(
    tmp_path: Path, user: dict[str, Any], authorization: str
) -> None:
    (tmp_path / "token").write_text("of-the-file\n", "utf-8")
    (tmp_path / "empty").write_text("\n", "utf-8")
    assert sent(tmp_path, user) == [("Authorization", authorization)]


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ({"token": ""}, "has token without a value, so that no credentials would be sent"),
        ({"token": None, "tokenFile": ""}, "has token and tokenFile without a value"),
        ({"username": "", "password": ""}, "has username and password without a value"),
        ({"exec": None}, "has exec without a value"),
        ({"client-certificate-data": ""}, "has client-certificate-data without a value"),
        ({"Token": "open-sesame"}, "has 'Token', which says nothing here. Did you mean 'token'"),
        ({"tokenfile": "token"}, "Did you mean 'tokenFile'"),
        ({"httpSignature": {"keyID": "a"}}, "has 'httpSignature', which says nothing here"),
        ({"tokenFile": "missing"}, "has a tokenFile that cannot be read"),
        ({"tokenFile": "empty"}, "has a tokenFile that is empty"),
        ({"token": "open sesame"}, "blanks or other characters that no token has"),
        ({"token": "open-sesame", "username": "ann"}, "has both a token and a username or password"),
        ({"tokenFile": "token", "password": "open-sesame"}, "has both a token and a username or password"),
        ({"password": "open-sesame"}, "has a password and no username"),
        ({"client-certificate-data": "YQ=="}, "has a client-certificate and no client-key"),
        ({"client-key-data": "YQ=="}, "has a client-key and no client-certificate"),
        ({"client-certificate-data": "YQ==", "client-certificate": "token", "client-key-data": "YQ=="}, "leave one of them"),
        ({"client-certificate": "missing", "client-key": "missing"}, "client-certificate that cannot be read"),
        ({"client-certificate-data": "?", "client-key-data": "YQ=="}, "client-certificate-data that is no base64"),
        ({"client-certificate-data": "YQ==", "client-key-data": "YQ=="}, "has a client certificate only, which cannot be shown to http:"),
        ({"exec": {}, "auth-provider": {}}, "has both exec and auth-provider"),
        ({"auth-provider": {"name": "gcp"}}, "gke-gcloud-auth-plugin"),
        ({"auth-provider": {"name": "azure"}}, "kubelogin convert-kubeconfig"),
        ({"auth-provider": {"name": "openstack"}}, "client-keystone-auth"),
        ({"auth-provider": {"name": "corp"}}, "'corp', which kubectl does not know"),
        ({"token": "open-sesame", "as-groups": ["a"]}, "as-groups or as-user-extra and no as"),
        ({"token": "open-sesame", "as": "a\nb"}, "has a as with line breaks"),
        ({"token": "open-sesame", "as": 5}, "as that is no text"),
        ({"token": "open-sesame", "as": "a", "as-groups": "b"}, "as-groups that is no list"),
    ],
)  # fmt: skip
def test_credentials_that_cannot_be_sent_are_an_error_before_the_first_request(
    tmp_path: Path, user: dict[str, Any], words: str
) -> None:
    (tmp_path / "token").write_text("open-sesame\n", "utf-8")
    (tmp_path / "empty").write_text("", "utf-8")
    with fault_server() as server, pytest.raises(NotConfigured, match=words) as caught:
        Cluster.connect(config_file=kubeconfig(tmp_path, server.url, user))
    assert server.seen == []
    assert "sesame" not in str(caught.value)
    assert "user 'u'" in str(caught.value)


def test_a_user_without_credentials_and_a_context_without_a_user_are_anonymous(tmp_path: Path) -> None:
    assert sent(tmp_path, {}) == []
    assert sent(tmp_path, {"extensions": [{"name": "a"}]}) == []


def test_whom_a_user_acts_for_is_sent(tmp_path: Path) -> None:
    user = {
        "token": "a",
        "as": "björn",
        "as-uid": "42",
        "as-groups": ["one", "two, three"],
        "as-user-extra": {"reason": ["x", "y"], "acme.com/a b": ["z"]},
    }
    assert sent(tmp_path, user) == [
        ("Authorization", "Bearer a"),
        ("Impersonate-User", "björn".encode().decode("latin-1")),
        ("Impersonate-Uid", "42"),
        ("Impersonate-Group", "one"),
        ("Impersonate-Group", "two, three"),
        ("Impersonate-Extra-reason", "x"),
        ("Impersonate-Extra-reason", "y"),
        ("Impersonate-Extra-acme.com%2Fa%20b", "z"),
    ]


def test_groups_stay_apart_behind_a_proxy_that_forwards(tmp_path: Path) -> None:
    user = {"token": "a", "as": "ann", "as-groups": ["one", "two"]}
    with fault_server() as server, forward_proxy("p", "q") as proxy:
        Cluster.connect(config_file=kubeconfig(tmp_path, server.url, user, proxy.url)).send(VERSION)
        assert [value for name, value in server.seen[0].all_headers if name == "Impersonate-Group"] == ["one", "two"]


def test_the_real_server_takes_the_impersonated_user_for_the_caller(tmp_path: Path) -> None:
    if MISSING or not COMMAND:
        pytest.skip("needs a server of its own: set KUBEFLOW_TEST_APISERVER")
    with apiserver(tmp_path / "server", [], ["--authorization-mode=RBAC"]) as admin:
        content = yaml.safe_load(admin.kubeconfig.read_text("utf-8"))
        user = content["users"][0]["user"]
        file = tmp_path / "as"
        user.update({"as": "ann", "as-groups": ["team-a", "team-b"]})
        file.write_text(yaml.safe_dump(content), "utf-8")
        with pytest.raises(Forbidden, match='User "ann" cannot list'):
            Cluster.connect(config_file=file).send(Request("GET", "/api/v1/namespaces"))
        user["as-groups"].append("system:masters")
        file.write_text(yaml.safe_dump(content), "utf-8")
        ann = Cluster.connect(config_file=file)
        assert ann.send(Request("GET", "/api/v1/namespaces"))["kind"] == "NamespaceList"


def test_a_token_file_is_read_again_before_its_token_ends(tmp_path: Path) -> None:
    """Without a refusal: some servers never refuse, they show less."""
    token = tmp_path / "token"
    token.write_text("old", "utf-8")
    with fault_server() as server:
        cluster = Cluster.connect(config_file=kubeconfig(tmp_path, server.url, {"tokenFile": "token"}))
        cluster.send(VERSION)
        token.write_text("new", "utf-8")
        _let_pass(cluster, RELOAD - 5)
        cluster.send(VERSION)
        _let_pass(cluster, 6)
        cluster.send(VERSION)
        token.unlink()
        _let_pass(cluster, RELOAD + 1)
        cluster.send(VERSION)
        bearers = [seen.headers["Authorization"] for seen in server.seen]
    assert bearers == ["Bearer old", "Bearer old", "Bearer new", "Bearer new"]


def _let_pass(cluster: Cluster, seconds: float) -> None:
    """Make the credentials older."""
    session = cluster._session
    assert session.fresh_until is not None
    cluster._session = type(session)(session.access, session.pool, session.fresh_until - seconds)


# -- client certificates -------------------------------------------------------------------------------------------


@needs_openssl
@pytest.mark.parametrize("form", ["file", "data"])
def test_a_client_certificate_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    authority = Authority(tmp_path)
    ann = authority.issue("ann")
    user: dict[str, str] = {}
    for key, path in (("client-certificate", ann.certificate), ("client-key", ann.key)):
        user |= {key: path.name} if form == "file" else {f"{key}-data": base64.b64encode(path.read_bytes()).decode()}
    with fault_server(tls=authority.here.serving(authority.certificate)) as server:
        file = kubeconfig(tmp_path, server.url, user, certificate_authority=authority.certificate.name)
        cluster = Cluster.connect(config_file=file)
        assert list(temporary.iterdir()) == [], "the key does not stay on the disk"
        cluster.send(VERSION)
        assert [seen.common_name for seen in server.seen] == ["ann"]


@needs_openssl
def test_a_client_certificate_that_is_renewed_in_place_is_shown_after_a_while_and_after_a_refusal(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    mine, ann, bea, cid = (authority.issue(name) for name in ("mine", "ann", "bea", "cid"))

    def renew(by: Any) -> None:
        mine.certificate.write_bytes(by.certificate.read_bytes())
        mine.key.write_bytes(by.key.read_bytes())

    renew(ann)
    with fault_server(tls=authority.here.serving(authority.certificate)) as server:
        user = {"client-certificate": mine.certificate.name, "client-key": mine.key.name}
        file = kubeconfig(tmp_path, server.url, user, certificate_authority=authority.certificate.name)
        cluster = Cluster.connect(config_file=file)
        cluster.send(VERSION)
        renew(bea)
        _let_pass(cluster, RELOAD + 1)
        cluster.send(VERSION)
        renew(cid)
        server.script.append(refused(401, "Unauthorized", "Unauthorized"))
        cluster.send(VERSION)
        server.otherwise = refused(401, "Unauthorized", "Unauthorized")
        with pytest.raises(Unauthorized):
            cluster.send(VERSION)
        assert [seen.common_name for seen in server.seen] == ["ann", "bea", "bea", "cid", "cid"]


@needs_openssl
def test_a_key_that_does_not_fit_or_has_a_passphrase_is_an_error_in_words(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ann, bea = authority.issue("ann"), authority.issue("bea")
    locked = tmp_path / "locked.key"
    command = ["openssl", "ec", "-in", str(ann.key), "-aes256", "-passout", "pass:sesame", "-out", str(locked)]
    subprocess.run(command, check=True, capture_output=True)
    for key in (bea.key, locked):
        user = {"client-certificate": str(ann.certificate), "client-key": str(key)}
        file = kubeconfig(tmp_path, "https://127.0.0.1:1", user, certificate_authority=str(authority.certificate))
        with pytest.raises(NotConfigured, match=r"client certificate of context 'here' .* belong together"):
            Cluster.connect(config_file=file)
