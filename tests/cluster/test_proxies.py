"""Which proxy is on the way to a server, by the rules of kubectl, whichever release of the official client is there."""

from __future__ import annotations

import base64
import logging
import re
import sys
import time
import traceback
import warnings
from pathlib import Path
from urllib.parse import quote

import pytest

from kubeflow.cluster import Cluster, NotConfigured, Unreachable
from kubeflow.cluster.proxies import is_exempt, proxy_of, proxy_of_environment
from kubeflow.core.transport import Request
from kubeflow.local.executors.ports import ReservedPort
from tests.cluster.certificates import Authority, needs_openssl
from tests.cluster.forward_proxy import forward_proxy
from tests.cluster.socks_proxy import socks_proxy
from tests.cluster.transport_faults import Handler, answer, fault_server, kubeconfig

VERSION = Request("GET", "/version")
PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("environ", "server", "proxy"),
    [
        ({"HTTPS_PROXY": PROXY}, "https://cluster.example", PROXY),
        ({"https_proxy": PROXY}, "https://cluster.example", PROXY),
        ({"HTTPS_PROXY": "proxy.example:3128"}, "https://cluster.example", PROXY),
        ({"HTTP_PROXY": PROXY}, "https://cluster.example", None),
        ({"HTTPS_PROXY": PROXY}, "http://cluster.example", None),
        ({"HTTP_PROXY": PROXY, "HTTPS_PROXY": "http://other:1"}, "http://cluster.example", PROXY),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "cluster.example"}, "https://cluster.example", None),
        ({"HTTPS_PROXY": PROXY, "no_proxy": " other , cluster.example "}, "https://cluster.example", None),
        ({"HTTPS_PROXY": "", "NO_PROXY": ""}, "https://cluster.example", None),
        ({}, "https://cluster.example", None),
    ],
)
def test_the_environment_says_which_proxy(environ: dict[str, str], server: str, proxy: str | None) -> None:
    found = proxy_of_environment(server, environ)
    assert (found and found.url) == proxy


@pytest.mark.parametrize(
    ("no_proxy", "server", "exempt"),
    [
        ("*", "https://cluster.example", True),
        ("example", "https://cluster.example", True),
        (".example", "https://cluster.example", True),
        ("*.example", "https://cluster.example", True),
        (".cluster.example", "https://cluster.example", False),
        ("luster.example", "https://cluster.example", False),
        ("CLUSTER.example", "https://cluster.EXAMPLE.", True),
        ("cluster.example:6443", "https://cluster.example:6443", True),
        ("cluster.example:443", "https://cluster.example", True),
        ("cluster.example:6443", "https://cluster.example", False),
        ("10.0.0.0/8", "https://10.96.0.1", True),
        ("10.0.0.0/8", "https://11.96.0.1", False),
        ("10.0.0.0/8", "https://cluster.example", False),
        ("10.0.0.0/99", "https://10.96.0.1", False),
        ("10.96.0.1", "https://10.96.0.1:6443", True),
        ("10.96.0.1:6443", "https://10.96.0.1:6443", True),
        ("10.96.0.1:1", "https://10.96.0.1:6443", False),
        ("fd00::/8", "https://[fd00::1]:6443", True),
        ("fd00::1", "https://[fd00::1]:6443", True),
        ("[fd00::1]", "https://[fd00::1]:6443", True),
        ("[fd00::1]:6443", "https://[fd00::1]:6443", True),
        ("[fd00::1]:1", "https://[fd00::1]:6443", False),
        ("10.0.0.0/8", "https://[::ffff:10.96.0.1]:6443", True),
        ("10.96.0.1", "https://[::ffff:10.96.0.1]:6443", True),
        ("::/0", "https://10.96.0.1:6443", False),
        ("0.0.0.0/0", "https://10.96.0.1:6443", True),
        ("other, *", "https://cluster.example", True),
        ("*:6443", "https://cluster.example:6443", False),
        (".example:6443", "https://cluster.example:6443", True),
        (".example:6443", "https://cluster.example", False),
        ("*.example:443", "https://cluster.example", True),
        (":6443", "https://cluster.example:6443", False),
        ("cluster.example other.example", "https://cluster.example", False),
        ("", "https://127.9.9.9:6443", True),
        ("", "https://[::ffff:127.0.0.1]:6443", True),
        ("", "https://localhost.example", False),
        ("", "https://127.0.0.1:6443", True),
        ("", "https://localhost:6443", True),
        ("", "https://[::1]:6443", True),
        (",, ,", "https://cluster.example", False),
    ],
)
def test_no_proxy_leaves_servers_out(no_proxy: str, server: str, exempt: bool) -> None:
    assert is_exempt(server, no_proxy) is exempt


@pytest.mark.parametrize(
    ("url", "shown", "login"),
    [
        ("proxy", "http://proxy:80", None),
        ("proxy:3128", "http://proxy:3128", None),
        ("ann:word@proxy:3128", "http://proxy:3128", ("ann", "word")),
        ("HTTP://proxy/", "http://proxy:80", None),
        ("https://proxy", "https://proxy:443", None),
        (" http://proxy:1 ", "http://proxy:1", None),
        ("http://[fd00::1]:1", "http://[fd00::1]:1", None),
        ("http://ann@proxy:1", "http://proxy:1", ("ann", "")),
        ("http://:word@proxy:1", "http://proxy:1", ("", "word")),
        ("http://CORP%5Cann:p%40%3A%2F%23%3F%25@proxy:1", "http://proxy:1", ("CORP\\ann", "p@:/#?%")),
        ("http://ann:p@ss@proxy:1", "http://proxy:1", ("ann", "p@ss")),
        ("http://%C3%A4nn:%D0%BF@proxy:1", "http://proxy:1", ("änn", "п")),
    ],
)
def test_the_url_of_a_proxy_is_read_as_go_reads_it(url: str, shown: str, login: tuple[str, str] | None) -> None:
    proxy = proxy_of(url, "HTTPS_PROXY")
    assert proxy.url == shown
    expected = {"Proxy-Authorization": "Basic " + base64.b64encode(":".join(login).encode()).decode()} if login else {}
    assert proxy.sent_headers() == expected
    assert not re.search("password='|p@|Basic|ann", repr(proxy))


@pytest.mark.parametrize(
    "url",
    ["http://", "http://ann:sesame@", "gopher://:sesame@proxy:1", "http://:sesame@proxy:port", "http://:sesame@proxy:99999",
     "http://ann:ses#ame@proxy:1", "http://ann:ses/ame@proxy:1", "http://ann:sesame@[proxy:1", "http://ann:ses ame@proxy:1",
     "http://:sesame@proxy\r\nX: y"],
)  # fmt: skip
@pytest.mark.parametrize("where", ["kubeconfig", "environment"])
def test_what_is_no_url_of_a_proxy_is_an_error_that_names_the_place_and_not_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, url: str
) -> None:
    clear(monkeypatch)
    if where == "environment":
        monkeypatch.setenv("https_proxy", url)
    file = kubeconfig(tmp_path, "https://cluster.invalid", proxy_url=url if where == "kubeconfig" else None)
    place = "The proxy-url of cluster 'c' in" if where == "kubeconfig" else "https_proxy in the environment"
    with pytest.raises(NotConfigured, match=f"{place}.* is no URL of a proxy.*percent-encoded") as caught:
        Cluster.connect(config_file=file)
    shown = "".join(traceback.format_exception(caught.value))
    assert not any(part in shown for part in ("sesame", "ses#", "ses/", "ses ame"))


def clear(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


PASSWORD = "se:cr/t@ö#"


@needs_openssl
@pytest.mark.parametrize("where", ["kubeconfig", "environment"])
@pytest.mark.parametrize("proxy_scheme", ["http", "https"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_servers_are_reached_through_a_proxy_with_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    where: str, proxy_scheme: str, scheme: str,
) -> None:  # fmt: skip
    clear(monkeypatch)
    caplog.set_level(logging.DEBUG)
    authority = Authority(tmp_path)
    named = authority.issue("cluster", "DNS:cluster.invalid")
    with (
        fault_server(tls=named.serving() if scheme == "https" else None) as server,
        forward_proxy("us@er", PASSWORD, {"cluster.invalid": "127.0.0.1"},
                      authority.here.serving() if proxy_scheme == "https" else None) as proxy,
    ):  # fmt: skip
        monkeypatch.setenv("NO_PROXY", "elsewhere.invalid" if where == "environment" else "*")
        if where == "environment":
            monkeypatch.setenv(f"{scheme}_proxy", proxy.url)
        file = kubeconfig(
            tmp_path,
            server.url.replace("127.0.0.1", "cluster.invalid"),
            proxy_url=proxy.url if where == "kubeconfig" else None,
            certificate_authority=str(authority.certificate),
        )
        cluster = Cluster.connect(config_file=file)
        cluster.send(Request("GET", "/api/v1/pods", {"limit": "5"}))
        assert list(cluster.lines(VERSION)) == [b'{"kind": "Thing"}']

        assert [seen.path for seen in server.seen] == ["/api/v1/pods?limit=5", "/version"]
        assert {seen.headers["Authorization"] for seen in server.seen} == {"Bearer sesame"}
        assert not any(name.lower().startswith("proxy-") for seen in server.seen for name in seen.headers)
        assert {passage.method for passage in proxy.passages} == {"CONNECT" if scheme == "https" else "GET"}
        assert {passage.let_through for passage in proxy.passages} == {True}
        shown = caplog.text + repr(cluster) + repr(cluster._session)
    encoded = quote(PASSWORD, safe="")
    assert not any(
        word in shown for word in (PASSWORD, encoded, base64.b64encode(f"us@er:{PASSWORD}".encode()).decode())
    )


@needs_openssl
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("login", ["", "ann:wrong-sesame@"])
def test_a_proxy_that_refuses_the_user_is_an_error_at_once_without_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, login: str
) -> None:
    clear(monkeypatch)
    with forward_proxy("ann", "secret") as proxy:
        file = kubeconfig(tmp_path, f"{scheme}://cluster.invalid", proxy_url=proxy.address.replace("//", f"//{login}"))
        started = time.monotonic()
        with pytest.raises(
            Unreachable, match=r"the proxy wants a user and a password, or other ones \(407\)"
        ) as caught:
            Cluster.connect(config_file=file).send(VERSION)
        assert time.monotonic() - started < 5, "trying again cannot help"
        assert len(proxy.passages) == 1
    assert "http://USER:PASSWORD@proxy.example.com:3128" in str(caught.value)
    assert "sesame" not in "".join(traceback.format_exception(caught.value))


@needs_openssl
def test_a_proxy_that_cannot_reach_the_server_or_is_a_stranger_is_told_apart_from_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear(monkeypatch)
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    file = tmp_path / "kubeconfig"
    with forward_proxy(names={"cluster.invalid": "127.0.0.1"}) as proxy, ReservedPort() as closed:
        kubeconfig(tmp_path, f"https://cluster.invalid:{closed.number}", proxy_url=proxy.url)
        with pytest.raises(Unreachable, match="the proxy does not let through .*502"):
            Cluster.connect(config_file=file).send(VERSION)
    with pytest.raises(Unreachable, match="the proxy refuses connections"):
        Cluster.connect(config_file=file).send(VERSION)
    with forward_proxy(tls=other.here.serving()) as stranger:
        kubeconfig(tmp_path, "https://cluster.invalid", proxy_url=stranger.url,
                   certificate_authority=str(authority.certificate))  # fmt: skip
        with pytest.raises(Unreachable, match="the certificate of the proxy is not trusted"):
            Cluster.connect(config_file=file).send(VERSION)


@needs_openssl
def test_without_verification_neither_server_nor_proxy_is_verified_and_no_warning_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear(monkeypatch)
    authority = Authority(tmp_path)
    for proxy_tls in (None, authority.here.serving()):
        with fault_server(tls=authority.here.serving()) as server, forward_proxy("a", "b", tls=proxy_tls) as proxy:
            file = kubeconfig(tmp_path, server.url, proxy_url=proxy.url, insecure_skip_tls_verify=True)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                Cluster.connect(config_file=file).send(VERSION)


# -- SOCKS ---------------------------------------------------------------------------------------------------------


@needs_openssl
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("socks", ["socks5", "socks5h"])
def test_a_socks_proxy_is_told_name_user_and_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, socks: str
) -> None:
    clear(monkeypatch)
    authority = Authority(tmp_path)
    named = authority.issue("cluster", "DNS:cluster.invalid")
    with (
        fault_server(tls=named.serving() if scheme == "https" else None) as server,
        socks_proxy("us@er", PASSWORD, {"cluster.invalid": "127.0.0.1"}) as proxy,
    ):
        url = server.url.replace("127.0.0.1", "cluster.invalid")
        proxy_url = f"{socks}://us%40er:{quote(PASSWORD, safe='')}@127.0.0.1:{proxy.port}"
        for fields in ({"certificate_authority": str(authority.certificate)}, {"insecure_skip_tls_verify": True}):
            file = kubeconfig(tmp_path, url, proxy_url=proxy_url, **fields)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                Cluster.connect(config_file=file).send(VERSION)
        assert [seen.path for seen in server.seen] == ["/version"] * 2
        assert proxy.logins == [("us@er", PASSWORD)] * 2
        assert {host for host, _ in proxy.targets} == {"cluster.invalid"}
        file = kubeconfig(tmp_path, url, proxy_url=proxy_url.replace("us%40er", "other"))
        with pytest.raises(Unreachable) as caught:
            Cluster.connect(config_file=file).send(Request("GET", "/version", timeout=2))
        assert "cr/t" not in "".join(traceback.format_exception(caught.value))


def test_a_socks_proxy_without_pysocks_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socks", None)
    file = kubeconfig(tmp_path, "http://cluster.invalid:8080", proxy_url="socks5://:sesame@127.0.0.1:1")
    with pytest.raises(NotConfigured, match="pip install PySocks") as caught:
        Cluster.connect(config_file=file)
    assert "sesame" not in str(caught.value)


# -- what the official client makes of the environment -------------------------------------------------------------


def test_a_proxy_of_the_environment_takes_nothing_from_the_configuration_that_a_user_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kubernetes.client import Configuration

    clear(monkeypatch)
    with fault_server() as proxy, fault_server() as other:
        monkeypatch.setenv("HTTP_PROXY", other.url)
        own = Configuration(host="http://cluster.invalid:8080")
        own.proxy = proxy.url.removeprefix("http://")

        Cluster.connect(client_configuration=own).send(VERSION)

        assert (len(proxy.seen), len(other.seen)) == (1, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the timers of sockets from /proc")
def test_a_dead_connection_is_noticed_because_the_system_probes_it(tmp_path: Path) -> None:
    timers: list[str] = []

    def look(handler: Handler) -> None:
        # Other connections may have the same port of this side.
        ends = [f":{port:04X}" for port in (handler.client_address[1], handler.server.server_port)]
        rows = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
        timers.extend(row[5].partition(":")[0] for row in rows if [row[1][-5:], row[2][-5:]] == ends)
        answer({"kind": "Thing"})(handler)

    with fault_server(look) as server:
        Cluster.connect(config_file=kubeconfig(tmp_path, server.url)).send(VERSION)

    assert timers == ["02"]  # the keepalive timer: https://docs.kernel.org/networking/proc_net_tcp.html
