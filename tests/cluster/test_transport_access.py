"""Which cluster, context, namespace and credentials a user gets, and how credentials are renewed."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubeflow.cluster import Cluster, Forbidden, NotConfigured, Unauthorized, Unreachable
from kubeflow.cluster.credentials.service_account import in_cluster
from kubeflow.core.errors import InvalidInput
from kubeflow.core.transport import Request
from tests.apiserver import COMMAND, MISSING, REASON, Recorded, apiserver
from tests.cluster.transport_faults import Handler, answer, fault_server, kubeconfig, refused

VERSION = Request("GET", "/version")


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a user without any configuration."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def config(path: Path, current: str | None, **contexts: tuple[str, str | None]) -> Path:
    """Write a kubeconfig: context -> server and namespace."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server}} for name, (server, _) in contexts.items()],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": "u", **({"namespace": ns} if ns else {})}}
            for name, (_, ns) in contexts.items()
        ],
    }
    path.write_text(yaml.safe_dump({**content, **({"current-context": current} if current else {})}), "utf-8")
    return path


# -- which context and namespace ------------------------------------------------------------------------------------


def test_the_namespace_is_that_of_the_chosen_context_in_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = config(tmp_path / "home/.kube/config", "x", x=("https://x", "of-another-file"))
    monkeypatch.setenv("KUBECONFIG", str(elsewhere))
    file = str(
        config(
            tmp_path / "a",
            "prod",
            prod=("https://prod", "team"),
            dev=("https://dev", "mine"),
            bare=("https://b/k8s/", None),
        )
    )
    found = Cluster.connect(config_file=file)
    assert (found.context, found.server, found.namespace) == ("prod", "https://prod", "team")
    found = Cluster.connect(config_file=file, context="dev")
    assert (found.context, found.server, found.namespace) == ("dev", "https://dev", "mine")
    found = Cluster.connect(config_file=file, context="bare")
    assert (found.server, found.namespace) == ("https://b/k8s", "default")
    assert Cluster.connect(config_file=file, namespace="other").namespace == "other"
    assert Cluster.connect().namespace == "of-another-file"


def test_of_several_files_the_first_that_says_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = config(tmp_path / "one", "prod", prod=("https://prod", "first"))
    two = config(tmp_path / "two", "dev", dev=("https://dev", "second"), prod=("https://other", "shadowed"))
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join([str(tmp_path / "missing"), str(one), str(two)]))
    found = Cluster.connect()
    assert (found.context, found.server, found.namespace) == ("prod", "https://prod", "first")
    found = Cluster.connect(context="dev")
    assert (found.server, found.namespace) == ("https://dev", "second")


def test_the_home_directory_is_the_default(tmp_path: Path) -> None:
    config(tmp_path / "home/.kube/config", "here", here=("https://here", "mine"))
    assert Cluster.connect().namespace == "mine"


def test_connecting_changes_nothing_that_others_see(tmp_path: Path) -> None:
    from kubernetes.client import Configuration

    before = Configuration.get_default_copy().host
    Cluster.connect(config_file=str(config(tmp_path / "a", "a", a=("https://a", None))))
    assert Configuration.get_default_copy().host == before


# -- no usable configuration ----------------------------------------------------------------------------------------


def test_without_any_configuration_the_error_says_how_to_run_here() -> None:
    with pytest.raises(NotConfigured) as caught:
        Cluster.connect()
    assert "TrainerClient(LocalProcessBackendConfig())" in str(caught.value)
    assert "KUBEFLOW_BACKEND=localprocess" in str(caught.value)
    assert "~/.kube/config" in str(caught.value)


def test_a_wrong_context_lists_those_that_exist(tmp_path: Path) -> None:
    file = str(config(tmp_path / "a", None, production=("https://p", None), staging=("https://s", None)))
    with pytest.raises(NotConfigured, match="Did you mean 'production'") as caught:
        Cluster.connect(config_file=file, context="prodution")
    assert "production, staging" in str(caught.value)
    with pytest.raises(NotConfigured, match=r"no current context.*production, staging"):
        Cluster.connect(config_file=file)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("", "no current context"),
        ("[1, 2]", "no object with fields, but a list"),
        ("just text", "no object with fields, but a str"),
        ("contexts: [{context: {}}]\ncurrent-context: a", r"contexts\[0\] of this file has no name"),
        ("contexts: [{name: a, context: {cluster: c}}]\ncurrent-context: a", "context 'a' names the cluster 'c', which is not there"),
        ("clusters: [{name: c, cluster: {server: 'ftp://c:6443'}}]\ncontexts: [{name: a, context: {cluster: c}}]\ncurrent-context: a", "no http or https URL"),
        ("clusters: [{name: c, cluster: {server: 'https://c', certificate-authority: nowhere.crt}}]\ncontexts: [{name: a, context: {cluster: c}}]\ncurrent-context: a", "nowhere.crt"),
        ("clusters: [{name: c, cluster: {server: 'https://c'}}]\nusers: [{name: u, user: {token: \"a\\nb\"}}]\ncontexts: [{name: a, context: {cluster: c, user: u}}]\ncurrent-context: a", "line breaks"),
    ],
)  # fmt: skip
def test_a_broken_kubeconfig_is_reported_as_such(tmp_path: Path, content: str, part: str) -> None:
    file = tmp_path / "broken"
    file.write_text(content, "utf-8")
    with pytest.raises(NotConfigured, match=part):
        Cluster.connect(config_file=str(file))


def test_a_file_that_is_not_there_and_one_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="no kubeconfig"):
        Cluster.connect(config_file=str(tmp_path / "missing"))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NotConfigured, match="cannot be used"):
        Cluster.connect(config_file=str(tmp_path / "binary"))


# -- a configuration of the user's own ------------------------------------------------------------------------------


def test_a_given_configuration_is_used_with_its_own_refreshing(tmp_path: Path) -> None:
    from kubernetes.client import Configuration

    tokens = iter(["one", "two", "three"])
    with fault_server() as server:
        own: Any = Configuration(
            host=server.url, api_key={"authorization": "none"}, api_key_prefix={"authorization": "Bearer"}
        )

        def refresh(configuration: Any) -> None:
            configuration.api_key["authorization"] = next(tokens)

        own.refresh_api_key_hook = refresh
        cluster = Cluster.connect(client_configuration=own)
        assert (cluster.context, cluster.namespace, cluster.server) == (None, "default", server.url)
        cluster.send(VERSION)
        cluster.send(VERSION)
    assert [seen.headers["Authorization"] for seen in server.seen] == ["Bearer two", "Bearer three"]
    assert len({seen.peer for seen in server.seen}) == 1, "one connection serves both"
    with pytest.raises(InvalidInput, match="not both"):
        Cluster.connect(client_configuration=own, context="a")
    with pytest.raises(InvalidInput, match="not a str"):
        Cluster.connect(client_configuration="https://a")


# -- credentials that change ----------------------------------------------------------------------------------------

PLUGIN = """\
#!{python}
import json, os, pathlib, sys
runs = pathlib.Path({folder!r}) / "runs"
number = len(runs.read_text()) + 1 if runs.exists() else 1
with runs.open("a") as file:
    file.write("x")
if number == {fails}:
    sys.exit("session expired: run `corp login`")
assert json.loads(os.environ["KUBERNETES_EXEC_INFO"])["kind"] == "ExecCredential"
status = {{"token": f"{{os.environ['PREFIX']}}-{{number}}"}}
if {expires!r}:
    status["expirationTimestamp"] = {expires!r}
print(json.dumps({{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}}))
"""


def plugin(folder: Path, fails: int = 0, expires: str = "") -> dict[str, Any]:
    """Return a user whose plugin counts its runs; the run `fails` ends with an error."""
    script = folder / "plugin"
    script.write_text(PLUGIN.format(python=sys.executable, folder=str(folder), fails=fails, expires=expires), "utf-8")
    script.chmod(0o755)
    env = [{"name": "PREFIX", "value": "token"}]
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(script), "env": env}}


def only(token: str) -> Any:
    """Return a reply that lets in who brings `token`."""

    def reply(handler: Handler) -> None:
        good = handler.headers["Authorization"] == f"Bearer {token}"
        (answer({"let": "in"}) if good else refused(401, "Unauthorized", "Unauthorized"))(handler)

    return reply


def test_a_refused_token_is_renewed_by_its_plugin_once(tmp_path: Path) -> None:
    with fault_server() as server:
        server.otherwise = only("token-2")
        cluster = Cluster.connect(config_file=kubeconfig(tmp_path, server.url, plugin(tmp_path)))
        assert cluster.namespace == "team"
        assert cluster.send(VERSION) == {"let": "in"}
        assert cluster.send(VERSION) == {"let": "in"}
        assert [seen.headers["Authorization"] for seen in server.seen] == [f"Bearer token-{n}" for n in (1, 2, 2)]
        server.otherwise = only("nobody")
        with pytest.raises(Unauthorized):
            cluster.send(VERSION)
    assert (tmp_path / "runs").read_text("utf-8") == "xxx"


def test_many_threads_renew_a_token_once(tmp_path: Path) -> None:
    ready = threading.Barrier(6)
    with fault_server() as server:
        server.otherwise = only("token-2")
        cluster = Cluster.connect(config_file=kubeconfig(tmp_path, server.url, plugin(tmp_path)))

        def ask(_: int) -> object:
            ready.wait(30)
            return cluster.send(VERSION)

        with ThreadPoolExecutor(6) as pool:
            assert list(pool.map(ask, range(6))) == [{"let": "in"}] * 6
    assert (tmp_path / "runs").read_text("utf-8") == "xx"


def test_a_token_is_renewed_before_it_expires(tmp_path: Path) -> None:
    soon = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    with fault_server() as server:
        cluster = Cluster.connect(config_file=kubeconfig(tmp_path, server.url, plugin(tmp_path, expires=soon)))
        cluster.send(VERSION)
        assert server.seen[0].headers["Authorization"] == "Bearer token-2"
        later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        cluster = Cluster.connect(config_file=kubeconfig(tmp_path, server.url, plugin(tmp_path, expires=later)))
        runs = (tmp_path / "runs").read_text("utf-8")
        cluster.send(VERSION)
        assert (tmp_path / "runs").read_text("utf-8") == runs


def test_a_plugin_that_fails_is_quoted(tmp_path: Path) -> None:
    with fault_server() as server:
        file = kubeconfig(tmp_path, server.url, plugin(tmp_path, fails=1))
        with pytest.raises(NotConfigured, match="session expired: run `corp login`"):
            Cluster.connect(config_file=file)
        absent: dict[str, Any] = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-plugin"}}
        with pytest.raises(
            NotConfigured, match="'no-plugin' .* failed: there is no program no-plugin. Install it, or correct its path"
        ):
            Cluster.connect(config_file=kubeconfig(tmp_path, server.url, absent))
        absent["exec"]["installHint"] = "Get it from https://example.com/login"
        with pytest.raises(NotConfigured, match=r"Get it from https://example.com/login\."):
            Cluster.connect(config_file=kubeconfig(tmp_path, server.url, absent))


def test_a_plugin_that_returns_an_empty_token_has_failed(tmp_path: Path) -> None:
    script = tmp_path / "plugin"
    said = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": ""}}
    script.write_text(f"#!/bin/sh\necho '{json.dumps(said)}'\n", "utf-8")
    script.chmod(0o755)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin"}}
    with fault_server() as server, pytest.raises(NotConfigured, match="neither a token nor a certificate"):
        Cluster.connect(config_file=kubeconfig(tmp_path, server.url, user))
    assert server.seen == []


def test_a_plugin_that_fails_at_renewal_is_quoted_too(tmp_path: Path) -> None:
    with fault_server() as server:
        server.otherwise = only("nobody")
        cluster = Cluster.connect(config_file=kubeconfig(tmp_path, server.url, plugin(tmp_path, fails=2)))
        with pytest.raises(NotConfigured, match="corp login"):
            cluster.send(VERSION)


def test_a_token_file_is_read_again(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old\n", "utf-8")
    with fault_server() as server:
        server.otherwise = only("new")
        cluster = Cluster.connect(config_file=kubeconfig(tmp_path, server.url, {"tokenFile": str(token)}))
        with pytest.raises(Unauthorized):
            cluster.send(VERSION)
        token.write_text("new\n", "utf-8")
        assert cluster.send(VERSION) == {"let": "in"}


def test_requests_go_through_the_proxy_of_the_kubeconfig(tmp_path: Path) -> None:
    with fault_server() as proxy:
        proxy_url = proxy.url.replace("//", "//user:secret@")
        file = kubeconfig(tmp_path, "http://cluster.invalid:8080", proxy_url=proxy_url)
        assert Cluster.connect(config_file=file).send(VERSION) == {"kind": "Thing"}
        assert proxy.seen[0].path == "http://cluster.invalid:8080/version"
    with pytest.raises(Unreachable, match="the proxy refuses connections") as caught:
        Cluster.connect(config_file=file).send(VERSION)
    assert "secret" not in str(caught.value)


def test_the_proxy_of_the_environment_counts_but_for_the_servers_that_it_leaves_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fault_server() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        file = kubeconfig(tmp_path, "http://cluster.invalid:8080")
        monkeypatch.setenv("no_proxy", "example.com")
        monkeypatch.setenv("NO_PROXY", "example.com")
        Cluster.connect(config_file=file).send(VERSION)
        assert [seen.path for seen in proxy.seen] == ["http://cluster.invalid:8080/version"]
        monkeypatch.setenv("no_proxy", "cluster.invalid")
        monkeypatch.setenv("NO_PROXY", "cluster.invalid")
        with pytest.raises(Unreachable, match="the name of the server is unknown"):
            Cluster.connect(config_file=file).send(Request("GET", "/version", timeout=2))
        assert len(proxy.seen) == 1


def test_a_forked_process_has_connections_of_its_own(tmp_path: Path) -> None:
    script = """\
import os, sys
from kubeflow.cluster import Cluster
from kubeflow.core.transport import Request
cluster = Cluster.connect(config_file=sys.argv[1])
cluster.send(Request("GET", "/parent"))
child = os.fork()
if child == 0:
    cluster.send(Request("GET", "/child"))
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
cluster.send(Request("GET", "/parent"))
"""
    with fault_server() as server:
        file = kubeconfig(tmp_path, server.url)
        subprocess.run([sys.executable, "-c", script, file], check=True, timeout=60)
        ports = {seen.path: {s.peer for s in server.seen if s.path == seen.path} for seen in server.seen}
    assert len(ports["/parent"]) == 1
    assert not ports["/child"] & ports["/parent"]


# -- over TLS, to a real server -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    if MISSING:
        pytest.skip(REASON)
    with apiserver(tmp_path_factory.mktemp("apiserver"), []) as started:
        yield started


def test_a_certificate_of_a_stranger_is_not_trusted(real: Recorded, tmp_path: Path) -> None:
    file = kubeconfig(tmp_path, real.cluster.server)
    with pytest.raises(Unreachable, match="certificate is not trusted"):
        Cluster.connect(config_file=file).send(VERSION)


def test_a_pod_uses_its_service_account_and_reads_its_token_again(
    real: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = yaml.safe_load(real.kubeconfig.read_text("utf-8"))
    authority = base64.b64decode(content["clusters"][0]["cluster"]["certificate-authority-data"])
    token = content["users"][0]["user"]["token"]
    host, _, port = real.cluster.server.removeprefix("https://").rpartition(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    mounted = tmp_path / "serviceaccount"
    mounted.mkdir()
    with pytest.raises(NotConfigured, match="automountServiceAccountToken"):
        Cluster(lambda: in_cluster(mounted))
    (mounted / "ca.crt").write_bytes(authority)
    (mounted / "namespace").write_text("profile-ann", "utf-8")
    (mounted / "token").write_text("expired", "utf-8")
    cluster = Cluster(lambda: in_cluster(mounted))
    assert (cluster.namespace, cluster.context) == ("profile-ann", None)
    with pytest.raises(Unauthorized, match="the pod's service account"):
        cluster.send(Request("GET", "/api/v1/namespaces"))
    (mounted / "token").write_text(token, "utf-8")
    assert cluster.send(Request("GET", "/api/v1/namespaces"))["kind"] == "NamespaceList"


def test_a_kubeconfig_beside_its_certificates(real: Recorded, tmp_path: Path) -> None:
    content = yaml.safe_load(real.kubeconfig.read_text("utf-8"))
    cluster = content["clusters"][0]["cluster"]
    (tmp_path / "ca.pem").write_bytes(base64.b64decode(cluster.pop("certificate-authority-data")))
    cluster["certificate-authority"] = "ca.pem"
    file = tmp_path / "config"
    file.write_text(json.dumps(content), "utf-8")
    assert Cluster.connect(config_file=str(file)).send(VERSION)["major"] == "1"


def test_who_may_not_is_told_what_and_where(tmp_path: Path) -> None:
    if MISSING or not COMMAND:
        pytest.skip("needs a server of its own: set KUBEFLOW_TEST_APISERVER")
    tokens = tmp_path / "tokens.csv"
    tokens.write_text("ann-token,ann,ann-id\n", "utf-8")
    flags = ["--authorization-mode=RBAC", f"--token-auth-file={tokens}"]
    with apiserver(tmp_path / "server", [], flags) as admin:
        content = yaml.safe_load(admin.kubeconfig.read_text("utf-8"))
        content["users"][0]["user"] = {"token": "ann-token"}
        file = tmp_path / "ann"
        file.write_text(json.dumps(content), "utf-8")
        ann = Cluster.connect(config_file=str(file))
        with pytest.raises(Forbidden) as caught:
            ann.send(Request("GET", "/api/v1/namespaces/team/pods/a/log"))
        assert 'User "ann" cannot get resource "pods/log"' in caught.value.server_message
        assert "the right to get pods/log in namespace 'team'" in str(caught.value)
        content["users"][0]["user"] = {}
        file.write_text(json.dumps(content), "utf-8")
        with pytest.raises(Forbidden, match=r"log in to the cluster again, so that `kubectl auth whoami`"):
            Cluster.connect(config_file=file).send(Request("GET", "/api/v1/namespaces/team/pods"))
