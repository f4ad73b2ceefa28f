"""The forward proxy of the tests does what companies' proxies do."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubeflow.cluster import Cluster, Unreachable
from kubeflow.core.transport import Request
from tests.apiserver import MISSING, REASON, apiserver
from tests.cluster.forward_proxy import forward_proxy
from tests.cluster.proxy import Proxy
from tests.cluster.transport_faults import answer, cut_body, fault_server, hang_up, kubeconfig, stream

VERSION = Request("GET", "/version")


def test_it_lets_in_who_brings_the_password_and_passes_answers_on_as_they_are(tmp_path: Path) -> None:
    with (
        fault_server(answer({"kind": "Whole"}), hang_up, cut_body, answer({"kind": "Again"})) as server,
        forward_proxy("ann", "se:cr/t@") as proxy,
    ):
        cluster = Cluster.connect(config_file=kubeconfig(tmp_path, server.url, proxy_url=proxy.url))
        assert cluster.send(VERSION) == {"kind": "Whole"}
        assert cluster.send(VERSION) == {"kind": "Again"}  # after an answer that never came and one that broke off
        assert {seen.path for seen in server.seen} == {"/version"}
        assert not any("proxy-authorization" in map(str.lower, seen.headers) for seen in server.seen)
        server.script.append(stream(b'{"n": 1}\n', b'{"n": 2}\n'))
        assert list(cluster.lines(Request("GET", "/watch"))) == [b'{"n": 1}', b'{"n": 2}']
        assert {passage.let_through for passage in proxy.passages} == {True}
        assert "Proxy-Authorization" not in str(server.seen)

        bare = Cluster.connect(config_file=kubeconfig(tmp_path, server.url, proxy_url=proxy.address))
        answered = len(server.seen)
        with pytest.raises(Exception, match="407|proxy"):
            bare.send(Request("GET", "/version", timeout=3))
        assert len(server.seen) == answered
        assert not proxy.passages[-1].let_through


def test_a_stream_whose_reader_has_gone_ends_behind_the_proxy_too(tmp_path: Path) -> None:
    with fault_server(stream(b"one\n", stay=True)) as server, forward_proxy("ann", "secret") as proxy:
        cluster = Cluster.connect(config_file=kubeconfig(tmp_path, server.url, proxy_url=proxy.url))
        lines = cluster.lines(Request("GET", "/watch"))
        assert next(lines) == b"one"
        lines.close()


@pytest.mark.skipif(MISSING, reason=REASON)
def test_the_real_server_and_the_one_that_breaks_answers_are_reached_through_it(tmp_path: Path) -> None:
    with apiserver(tmp_path / "server", []) as real, forward_proxy("ann", "secret") as proxy:
        broken = Proxy(real.kubeconfig)
        try:
            for number, file in enumerate([real.kubeconfig, broken.kubeconfig(tmp_path / "broken")]):
                through = proxy.kubeconfig(file, tmp_path / f"through-{number}")
                assert Cluster.connect(config_file=through).send(VERSION)["major"] == "1"
        finally:
            broken.stop()
        assert [passage.method for passage in proxy.passages] == ["CONNECT", "GET"]
    with pytest.raises(Unreachable):
        Cluster.connect(config_file=through).send(Request("GET", "/version", timeout=2))
