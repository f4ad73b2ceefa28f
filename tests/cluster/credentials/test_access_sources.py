"""In a pod: which of kubeconfig and service account counts, and how the service account's files are read again."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from kubeflow.cluster import Cluster, NotConfigured
from kubeflow.cluster.credentials.access_sources import source
from kubeflow.cluster.credentials.service_account import in_cluster
from kubeflow.cluster.credentials.users import RELOAD
from kubeflow.core.transport import Request
from tests.apiserver import MISSING, REASON, Recorded, apiserver
from tests.cluster.certificates import Authority, needs_openssl
from tests.cluster.forward_proxy import forward_proxy
from tests.cluster.transport_faults import FaultServer, fault_server, kubeconfig

VERSION = Request("GET", "/version")


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """A server that this process, in its pod, reaches with the service account in `tmp_path / "mounted"`."""
    authority = Authority(tmp_path)
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    (mounted / "ca.crt").write_bytes(authority.certificate.read_bytes())
    (mounted / "namespace").write_text("profile-ann\n", "utf-8")
    (mounted / "token").write_text("mounted-token\n", "utf-8")
    with fault_server(tls=authority.here.serving()) as server:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.server_port))
        yield server


def connected(tmp_path: Path, config_file: str | Path | None = None, context: str | None = None) -> Cluster:
    return Cluster(source(config_file, context, None, mounted=tmp_path / "mounted"))


CONTEXTLESS = "clusters: [{name: c, cluster: {server: 'https://c'}}]\ncontexts: [{name: a, context: {cluster: c}}]\n"


@needs_openssl
@pytest.mark.parametrize(
    "content", [None, "", "---\n", "apiVersion: v1\nkind: Config\n", CONTEXTLESS, f"{CONTEXTLESS}current-context: ''\n"]
)
@pytest.mark.parametrize("named", ["environment", "home", "argument"])
def test_a_kubeconfig_without_a_current_context_gives_way_to_the_service_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pod: FaultServer, content: str | None, named: str
) -> None:
    file = tmp_path / "home/.kube/config"
    file.parent.mkdir(parents=True)
    if content is not None:
        file.write_text(content, "utf-8")
    if named == "environment":
        monkeypatch.setenv("KUBECONFIG", str(file))
    if named == "argument" and content is None:
        with pytest.raises(NotConfigured, match="There is no kubeconfig"):
            connected(tmp_path, file)
        return
    cluster = connected(tmp_path, file if named == "argument" else None)
    assert (cluster.namespace, cluster.context, cluster.server) == ("profile-ann", None, pod.url)
    cluster.send(VERSION)
    assert pod.seen[0].headers["Authorization"] == "Bearer mounted-token"


@needs_openssl
def test_a_kubeconfig_with_a_context_stands_above_the_service_account(tmp_path: Path, pod: FaultServer) -> None:
    with fault_server() as server:
        file = kubeconfig(tmp_path, server.url)
        assert connected(tmp_path, file).server == server.url
        (tmp_path / "contextless").write_text(CONTEXTLESS, "utf-8")
        assert connected(tmp_path, tmp_path / "contextless", "a").server == "https://c"
        with pytest.raises(NotConfigured, match="no context 'b'"):
            connected(tmp_path, tmp_path / "contextless", "b")
        (tmp_path / "wrong").write_text(f"{CONTEXTLESS}current-context: b\n", "utf-8")
        with pytest.raises(NotConfigured, match="no context 'b'"):
            connected(tmp_path, tmp_path / "wrong")


@needs_openssl
def test_a_pod_without_a_token_is_told_what_its_kubeconfig_lacks(tmp_path: Path, pod: FaultServer) -> None:
    (tmp_path / "mounted/token").unlink()
    (tmp_path / "contextless").write_text(CONTEXTLESS, "utf-8")
    with pytest.raises(NotConfigured, match=r"no current context.*Contexts: a\."):
        connected(tmp_path, tmp_path / "contextless")
    with pytest.raises(NotConfigured, match="automountServiceAccountToken"):
        connected(tmp_path)


@needs_openssl
@pytest.mark.parametrize(
    ("name", "content"), [("token", ""), ("token", "a b"), ("ca.crt", ""), ("ca.crt", "no certificate")]
)
def test_a_broken_service_account_is_an_error_before_the_first_request(
    tmp_path: Path, pod: FaultServer, name: str, content: str
) -> None:
    (tmp_path / "mounted" / name).write_text(content, "utf-8")
    with pytest.raises(NotConfigured, match="the pod's service account|its service account cannot be used"):
        connected(tmp_path)
    assert pod.seen == []


@needs_openssl
def test_a_mounted_token_is_read_again_and_the_last_one_counts_while_it_cannot_be_read(
    tmp_path: Path, pod: FaultServer
) -> None:
    cluster = connected(tmp_path)
    token = tmp_path / "mounted/token"
    for content in ("second", None):
        cluster.send(VERSION)
        token.write_text(content, "utf-8") if content else token.unlink()
        session = cluster._session
        assert session.fresh_until is not None
        cluster._session = type(session)(session.access, session.pool, session.fresh_until - RELOAD - 1)
    cluster.send(VERSION)
    assert [seen.headers["Authorization"] for seen in pod.seen] == [
        f"Bearer {name}" for name in ("mounted-token", "second", "second")
    ]


@needs_openssl
def test_a_pod_takes_the_proxy_of_the_environment_unless_no_proxy_names_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pod: FaultServer
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    with forward_proxy("ann", "secret", {"10.96.0.1": "127.0.0.1"}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        access = in_cluster(tmp_path / "mounted")
        assert access.proxy is not None
        assert "secret" not in repr(access)
        monkeypatch.setenv("NO_PROXY", "10.0.0.0/8, .svc")
        assert in_cluster(tmp_path / "mounted").proxy is None


@pytest.mark.skipif(MISSING, reason=REASON)
def test_the_real_server_lets_in_the_service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with apiserver(tmp_path / "server", []) as real:
        _mount(real, tmp_path / "mounted", monkeypatch)
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "empty"))
        (tmp_path / "empty").touch()
        namespaces = connected(tmp_path).send(Request("GET", "/api/v1/namespaces"))
        assert namespaces["kind"] == "NamespaceList"


def _mount(real: Recorded, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = yaml.safe_load(real.kubeconfig.read_text("utf-8"))
    folder.mkdir()
    (folder / "ca.crt").write_bytes(base64.b64decode(content["clusters"][0]["cluster"]["certificate-authority-data"]))
    (folder / "token").write_text(content["users"][0]["user"]["token"], "utf-8")
    host, _, port = real.cluster.server.removeprefix("https://").rpartition(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
