"""Tunnels to pods: bytes arrive whole both ways, a refusal is an error, and what goes wrong later is said."""

from __future__ import annotations

import contextlib
import gc
import http.client
import socket
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kubeflow.cluster import Cluster, Forbidden, NotFound, StreamBroken
from kubeflow.cluster.tunnel import Tunnel
from tests.cluster.forwarded_ports import ForwardedPorts
from tests.cluster.transport_faults import FaultServer, Handler, answer, fault_server, kubeconfig
from tests.cluster.until import until


@contextmanager
def echoing() -> Generator[int]:
    """Yield a loopback port that sends everything back, and ends when the other side does."""
    listener = socket.create_server(("127.0.0.1", 0))

    def echo(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(1 << 16):
                connection.sendall(data)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=echo, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@contextmanager
def forwarding(folder: Path) -> Generator[tuple[Cluster, ForwardedPorts, FaultServer]]:
    ports = ForwardedPorts()

    def reply(handler: Handler) -> None:
        ports.handle(handler)

    with fault_server() as server:
        server.otherwise = reply
        yield Cluster.connect(config_file=kubeconfig(folder, server.url)), ports, server


def exchange(port: int, data: bytes) -> bytes:
    """Send `data`, and read as much back."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:

        def send() -> None:
            with contextlib.suppress(OSError):  # the other side has ended
                connection.sendall(data)

        threading.Thread(target=send, daemon=True).start()
        got = b""
        while len(got) < len(data) and (piece := connection.recv(1 << 16)):
            got += piece
        return got


def test_bytes_arrive_whole_both_ways_over_many_connections(tmp_path: Path) -> None:
    with echoing() as echo, forwarding(tmp_path) as (cluster, ports, _):
        ports.ports["ml", "iris-0", 8080] = echo
        with Tunnel(cluster, "ml", "iris-0", 8080) as tunnel, ThreadPoolExecutor(8) as pool:
            sent = [bytes([n]) * size for n, size in enumerate((1, 125, 126, 70_000, 300_000, 5, 5, 5, 5, 5))]
            assert list(pool.map(partial(exchange, tunnel.port), sent)) == sent
        assert tunnel.problem == ""
        assert ports.opened == len(sent)  # the one that is opened first carries the first connection


def test_data_that_comes_with_the_answers_head_is_not_lost(tmp_path: Path) -> None:
    with echoing() as echo, forwarding(tmp_path) as (cluster, ports, _):
        ports.ports["ml", "iris-0", 8080], ports.early = echo, b"220 ready\r\n"
        with Tunnel(cluster, "ml", "iris-0", 8080) as tunnel:
            assert exchange(tunnel.port, b"220 ready\r\n") == b"220 ready\r\n"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it leaves sockets to the collector
def test_the_official_client_speaks_with_the_played_kubelet_as_ours_does(tmp_path: Path) -> None:
    # What tests play must be what clusters do: another implementation decides.
    client: Any = pytest.importorskip("kubernetes.client")
    stream: Any = pytest.importorskip("kubernetes.stream")
    with fault_server(answer({"kind": "Thing"})) as target, forwarding(tmp_path) as (_, ports, server):
        ports.ports["ml", "iris-0", 8080] = int(target.url.rpartition(":")[2])
        api: Any = client.CoreV1Api(client.ApiClient(client.Configuration(host=server.url)))
        forwarded: Any = stream.portforward(api.connect_get_namespaced_pod_portforward, "iris-0", "ml", ports="8080")
        connection = forwarded.socket(8080)
        connection.settimeout(60)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: iris\r\n\r\n")
        # Read by its length: an end that comes with the last bytes sometimes kills that client's thread, and nobody is told.
        reply = http.client.HTTPResponse(connection)
        reply.begin()
        assert reply.read() == b'{"kind": "Thing"}'
        reply.close()
        connection.close()
        forwarded.close()
    del forwarded, connection, reply, api
    gc.collect()


def test_requests_of_http_go_through_with_keep_alive(tmp_path: Path) -> None:
    with fault_server() as target, forwarding(tmp_path) as (cluster, ports, _):
        ports.ports["ml", "iris-0", 8080] = int(target.url.rpartition(":")[2])
        with Tunnel(cluster, "ml", "iris-0", 8080) as tunnel:
            connection = http.client.HTTPConnection(tunnel.host, tunnel.port, timeout=10)
            for _ in range(3):
                connection.request("GET", "/v2/health/ready")
                assert connection.getresponse().read() == b'{"kind": "Thing"}'
            connection.close()
        assert ports.opened == 1


def test_a_pod_that_is_not_there_is_an_error_before_a_port_is_opened(tmp_path: Path) -> None:
    with forwarding(tmp_path) as (cluster, _, _), pytest.raises(NotFound, match="no such pod"):
        Tunnel(cluster, "ml", "iris-0", 8080)


def test_missing_rights_are_an_error_that_names_them(tmp_path: Path) -> None:
    status = {"kind": "Status", "code": 403, "reason": "Forbidden", "message": "pods is forbidden: no portforward"}
    with forwarding(tmp_path) as (cluster, _, server):
        server.otherwise = answer(status, 403)
        with pytest.raises(Forbidden, match="pods/portforward"):
            Tunnel(cluster, "ml", "iris-0", 8080)


def test_a_proxy_that_knows_no_websockets_is_named(tmp_path: Path) -> None:
    with forwarding(tmp_path) as (cluster, _, server):
        server.otherwise = answer({"kind": "Thing"})
        with pytest.raises(StreamBroken, match="opened no websocket"):
            Tunnel(cluster, "ml", "iris-0", 8080)


def test_a_port_that_nothing_listens_on_closes_the_connection_and_is_told(tmp_path: Path) -> None:
    with forwarding(tmp_path) as (cluster, ports, _):
        ports.ports["ml", "iris-0", 8080] = 1
        with Tunnel(cluster, "ml", "iris-0", 8080) as tunnel:
            with contextlib.suppress(ConnectionResetError):  # the connection is closed before "hello" was read
                assert exchange(tunnel.port, b"hello") == b""
            until(lambda: "error forwarding port 8080 to pod iris-0" in tunnel.problem)


def test_closing_ends_open_connections_and_leaves_no_thread(tmp_path: Path) -> None:
    def tunnels() -> list[str]:
        return [thread.name for thread in threading.enumerate() if "kubeflow tunnel" in thread.name]

    with echoing() as echo, forwarding(tmp_path) as (cluster, ports, _):
        ports.ports["ml", "iris-0", 8080] = echo
        tunnel = Tunnel(cluster, "ml", "iris-0", 8080)
        with socket.create_connection((tunnel.host, tunnel.port), timeout=10) as connection:
            connection.sendall(b"hello")
            assert connection.recv(5) == b"hello"
            tunnel.close()
            assert connection.recv(1) == b""
        tunnel.close()
        until(lambda: tunnels() == [])
        with pytest.raises(OSError):
            socket.create_connection((tunnel.host, tunnel.port), timeout=5)
