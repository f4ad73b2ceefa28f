"""The address of a server, and whether it is the right one: schemes, paths, authorities, names, and no verification."""

from __future__ import annotations

import base64
import logging
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml
from urllib3 import PoolManager
from urllib3.exceptions import InsecureRequestWarning

from kubeflow.cluster import Cluster, NotConfigured, Unreachable
from kubeflow.core.transport import Request
from tests.apiserver import MISSING, REASON, apiserver
from tests.cluster.certificates import Authority, needs_openssl
from tests.cluster.transport_faults import fault_server, kubeconfig

VERSION = Request("GET", "/version")


@pytest.mark.parametrize(
    ("server", "url"),
    [
        ("https://c", "https://c"),
        ("https://c:6443/", "https://c:6443"),
        ("https://rancher.example/k8s/clusters/c-1/", "https://rancher.example/k8s/clusters/c-1"),
        ("https://[fd00::1]:6443", "https://[fd00::1]:6443"),
        (" https://c ", "https://c"),
        ("c:6443", "http://c:6443"),
        ("10.0.0.1:6443", "http://10.0.0.1:6443"),
        ("c", "http://c"),
        ("[fd00::1]:6443", "http://[fd00::1]:6443"),
        ("https://ann:open-sesame@c:6443/p", "https://c:6443/p"),
    ],
)
def test_the_server_is_read_as_client_go_reads_it(tmp_path: Path, server: str, url: str) -> None:
    cluster = Cluster.connect(config_file=kubeconfig(tmp_path, server))
    assert cluster.server == url
    assert "sesame" not in repr(cluster)


@needs_openssl
@pytest.mark.parametrize("fields", [{"insecure_skip_tls_verify": True}, {"certificate_authority": "authority.crt"}])
def test_a_server_without_a_scheme_is_https_where_tls_is_set_up(tmp_path: Path, fields: dict[str, Any]) -> None:
    Authority(tmp_path)
    assert Cluster.connect(config_file=kubeconfig(tmp_path, "c:6443", **fields)).server == "https://c:6443"


@pytest.mark.parametrize(
    "server",
    ["", "https://", "ftp://c", "c:6443/path", "https://c:port", "https://c:99999", "https://a b", "https://c?q=1"],
)
def test_what_is_no_server_is_an_error(tmp_path: Path, server: str) -> None:
    with pytest.raises(NotConfigured, match="has no server|no http or https URL and no host with a port"):
        Cluster.connect(config_file=kubeconfig(tmp_path, server))


def test_the_path_of_a_server_stands_before_that_of_a_request(tmp_path: Path) -> None:
    with fault_server() as server:
        cluster = Cluster.connect(config_file=kubeconfig(tmp_path, f"{server.url}/k8s/clusters/c-1/"))
        cluster.send(Request("GET", "/api/v1/pods", {"limit": "5"}))
        assert server.seen[0].path == "/k8s/clusters/c-1/api/v1/pods?limit=5"


def test_user_and_password_in_the_url_are_sent_where_nothing_else_is(tmp_path: Path) -> None:
    with fault_server() as server:
        url = server.url.replace("//", "//ann:open%20sesame@")
        Cluster.connect(config_file=kubeconfig(tmp_path, url, {})).send(VERSION)
        Cluster.connect(config_file=kubeconfig(tmp_path, url, {"token": "t"})).send(VERSION)
        expected = "Basic " + base64.b64encode(b"ann:open sesame").decode()
        assert [seen.headers["Authorization"] for seen in server.seen] == [expected, "Bearer t"]


# -- trust ---------------------------------------------------------------------------------------------------------


@needs_openssl
@pytest.mark.parametrize("form", ["file", "data", "between others", "with remarks"])
def test_the_authority_of_the_kubeconfig_is_trusted(tmp_path: Path, form: str) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    pem = authority.certificate.read_bytes()
    if form == "between others":
        pem = other.certificate.read_bytes() + pem + other.certificate.read_bytes()
    if form == "with remarks":
        pem = "# Zertifikat für das Büro\n".encode() + pem
    (tmp_path / "ca.pem").write_bytes(pem)
    fields: dict[str, Any] = {"certificate_authority": "ca.pem"}
    if form == "data":
        fields = {"certificate_authority_data": base64.b64encode(pem).decode()}
    with fault_server(tls=authority.here.serving()) as server:
        Cluster.connect(config_file=kubeconfig(tmp_path, server.url, **fields)).send(VERSION)
        (tmp_path / "other").mkdir()
        stranger = kubeconfig(tmp_path / "other", server.url, certificate_authority=str(other.certificate))
        with pytest.raises(Unreachable, match="certificate is not trusted"):
            Cluster.connect(config_file=stranger).send(VERSION)
        with pytest.raises(Unreachable, match="certificate is not trusted"):
            Cluster.connect(config_file=kubeconfig(tmp_path / "other", server.url)).send(VERSION)
        assert len(server.seen) == 1


@needs_openssl
def test_the_certificate_of_the_server_itself_may_be_trusted(tmp_path: Path) -> None:
    """Not self-signed, and without its authority: Go takes whatever is in the file for an anchor."""
    authority = Authority(tmp_path)
    with fault_server(tls=authority.here.serving()) as server:
        file = kubeconfig(tmp_path, server.url, certificate_authority=str(authority.here.certificate))
        Cluster.connect(config_file=file).send(VERSION)


@needs_openssl
def test_the_name_of_the_server_is_that_of_tls_server_name(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    named = authority.issue("named", "DNS:api.internal")
    fields: dict[str, Any] = {"certificate_authority": str(authority.certificate)}
    asked: list[str | None] = []
    context = named.serving()
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    with fault_server(tls=context) as server:
        with pytest.raises(Unreachable, match="certificate is not trusted .*127.0.0.1"):
            Cluster.connect(config_file=kubeconfig(tmp_path, server.url, **fields)).send(VERSION)
        file = kubeconfig(tmp_path, server.url, tls_server_name="api.internal", **fields)
        Cluster.connect(config_file=file).send(VERSION)
        assert asked[-1] == "api.internal"
        with pytest.raises(Unreachable, match="certificate is not trusted .*api.other"):
            file = kubeconfig(tmp_path, server.url, tls_server_name="api.other", **fields)
            Cluster.connect(config_file=file).send(VERSION)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"certificate_authority": "missing.pem"}, "certificate-authority that cannot be read: .*missing.pem"),
        ({"certificate_authority": "empty.pem"}, "has no certificate in PEM"),
        ({"certificate_authority": "broken.pem"}, "certificate-authority of context 'here' .* cannot be used"),
        ({"certificate_authority_data": "!"}, "certificate-authority-data that is no base64"),
        ({"certificate_authority_data": "YQ=="}, "has no certificate in PEM"),
        ({"certificate_authority": "empty.pem", "certificate_authority_data": "YQ=="}, "leave one of them"),
        ({"certificate_authority": "empty.pem", "insecure_skip_tls_verify": True},
         "both a certificate-authority and insecure-skip-tls-verify: take insecure-skip-tls-verify out"),
        ({"insecure_skip_tls_verify": "true"}, "insecure-skip-tls-verify that is neither true nor false"),
    ],
)  # fmt: skip
def test_trust_that_cannot_be_is_an_error(tmp_path: Path, fields: dict[str, Any], words: str) -> None:
    (tmp_path / "empty.pem").write_text("", "ascii")
    (tmp_path / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n", "ascii")
    with pytest.raises(NotConfigured, match=words):
        Cluster.connect(config_file=kubeconfig(tmp_path, "https://c", **fields))


# -- no verification -----------------------------------------------------------------------------------------------


@needs_openssl
def test_a_server_that_is_not_verified_is_logged_once_and_never_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority = Authority(tmp_path)
    with (
        fault_server(tls=authority.here.serving()) as server,
        fault_server(tls=authority.here.serving()) as second,
        warnings.catch_warnings(record=True) as warned,
        caplog.at_level(logging.WARNING),
    ):
        warnings.simplefilter("always")
        for url in (server.url, second.url):
            file = kubeconfig(tmp_path, url, insecure_skip_tls_verify=True)
            for _ in range(2):
                cluster = Cluster.connect(config_file=file)
                cluster.send(VERSION)
                cluster.send(VERSION)
                cluster.close()
                list(cluster.lines(VERSION))
        assert (len(server.seen), len(second.seen)) == (6, 6)
        assert warned == []
        messages = [record.getMessage() for record in caplog.records]
        assert [re.findall(r"https://[\d.]+:\d+", message)[0] for message in messages] == [server.url, second.url]
        assert "insecure-skip-tls-verify" in messages[0]

        others = PoolManager(cert_reqs="CERT_NONE")
        others.request("GET", server.url)
        assert [warning.category for warning in warned] == [InsecureRequestWarning], "other programs are still warned"


@pytest.mark.skipif(MISSING, reason=REASON)
def test_the_real_server_is_verified_by_its_authority_and_reached_without(tmp_path: Path) -> None:
    with apiserver(tmp_path / "server", []) as real:
        content = yaml.safe_load(real.kubeconfig.read_text("utf-8"))
        cluster = content["clusters"][0]["cluster"]
        del cluster["certificate-authority-data"]
        cluster["insecure-skip-tls-verify"] = True
        file = tmp_path / "insecure"
        file.write_text(yaml.safe_dump(content), "utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert Cluster.connect(config_file=file).send(VERSION)["major"] == "1"
