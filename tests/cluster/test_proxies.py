"""Which proxy is on the way to a server, by the rules of kubectl, whichever release of the official client is there."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import pytest

from kubeflow.cluster import Cluster
from kubeflow.cluster.proxies import is_exempt, proxy_of_environment, with_scheme
from tests.cluster.test_transport_access import VERSION
from tests.cluster.transport_faults import Handler, answer, fault_server, kubeconfig

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
    assert proxy_of_environment(server, environ) == proxy


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
        ("", "https://127.0.0.1:6443", True),
        ("", "https://localhost:6443", True),
        ("", "https://[::1]:6443", True),
        (",, ,", "https://cluster.example", False),
    ],
)
def test_no_proxy_leaves_servers_out(no_proxy: str, server: str, exempt: bool) -> None:
    assert is_exempt(server, no_proxy) is exempt


def test_a_proxy_without_a_scheme_speaks_http() -> None:
    assert with_scheme("user:word@proxy:1") == "http://user:word@proxy:1"
    assert with_scheme("socks5://proxy:1") == "socks5://proxy:1"


def clear(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize("where", ["kubeconfig", "environment"])
def test_user_and_password_of_a_proxy_are_sent_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    clear(monkeypatch)
    with fault_server() as proxy:
        url = proxy.url.replace("//", "//us%40er:se%3Acret@")
        if where == "environment":
            monkeypatch.setenv("HTTP_PROXY", url)
        file = kubeconfig(tmp_path, "http://cluster.invalid:8080", proxy_url=url if where == "kubeconfig" else None)

        Cluster.connect(config_file=file).send(VERSION)

        expected = base64.b64encode(b"us@er:se:cret").decode()
        headers = {name.lower(): value for name, value in proxy.seen[0].headers.items()}
        assert headers["proxy-authorization"] == f"Basic {expected}"


def test_the_proxy_of_the_kubeconfig_stands_above_no_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clear(monkeypatch)
    monkeypatch.setenv("NO_PROXY", "cluster.invalid")
    with fault_server() as proxy:
        Cluster.connect(config_file=kubeconfig(tmp_path, "http://cluster.invalid:8080", proxy_url=proxy.url)).send(
            VERSION
        )

        assert len(proxy.seen) == 1


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
        client = f":{handler.client_address[1]:04X}"
        rows = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
        timers.extend(row[5].partition(":")[0] for row in rows if row[1].endswith(client))
        answer({"kind": "Thing"})(handler)

    with fault_server(look) as server:
        Cluster.connect(config_file=kubeconfig(tmp_path, server.url)).send(VERSION)

    assert timers == ["02"]  # the keepalive timer: https://docs.kernel.org/networking/proc_net_tcp.html
