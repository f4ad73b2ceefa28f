"""Sessions on a cluster: made, awaited until their server answers, reached through a tunnel, lost, deleted."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from kubeflow.cluster.errors import Forbidden
from kubeflow.core.errors import InvalidInput
from kubeflow.spark import SessionLost, SessionNotFound, SparkConnectState
from kubeflow.spark.backends.kubernetes.backend import SparkOnKubernetes
from kubeflow.spark.backends.kubernetes.connect_sessions import speaks_http2
from kubeflow.spark.jobs.session_spec import SessionSpec
from kubeflow.trainer.jobs.log_selection import LogSelection
from tests.cluster.faults import Fault
from tests.cluster.scenarios import Script
from tests.cluster.spark.sparkcontroller import SparkScenario
from tests.cluster.spark.sparkstage import Home
from tests.cluster.until import until

SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
DIES = Script(lines=("java.lang.OutOfMemoryError: Java heap space",), exit_code=137, reason="OOMKilled")


class GrpcPort:
    """A port that answers HTTP/2's first bytes with settings, as servers of gRPC do; deaf before `ready`.

    Attributes:
        deaf_to: So many connections are closed before `ready` comes by itself; 0 for never.
    """

    def __init__(self) -> None:
        self.deaf_to = 0
        self.ready = threading.Event()
        self.ready.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            if not self.ready.is_set() and self.deaf_to:
                self.deaf_to -= 1
                if not self.deaf_to:
                    self.ready.set()
                return
            if self.ready.is_set() and connection.recv(24) == b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":
                connection.sendall(SETTINGS)
                while connection.recv(64):
                    pass


@pytest.fixture
def port() -> Iterator[GrpcPort]:
    made = GrpcPort()
    yield made
    made.close()


def backend(home: Home) -> SparkOnKubernetes:
    found = home.client.backend
    assert isinstance(found, SparkOnKubernetes)
    return found


def start(home: Home, name: str, port: GrpcPort | None = None, **scenario: Any) -> SparkOnKubernetes:
    home.operator.scenarios[name] = SparkScenario(**scenario)
    forwarded = home.cluster.front.forwarded
    if port is not None and forwarded is not None:
        forwarded.ports[home.namespace, f"{name}-server", 15002] = port.port
    sessions = backend(home)
    sessions.start_session(SessionSpec(name, num_executors=2))
    return sessions


def test_a_session_is_awaited_by_an_answer_of_its_server_and_reached_through_a_tunnel(
    home: Home, port: GrpcPort
) -> None:
    port.ready.clear()
    port.deaf_to = 2
    sessions = start(home, "work", port)

    sessions.await_session("work", 60)

    assert port.ready.is_set()  # the pod was ready before
    info = sessions.get_session("work")
    assert (info.state, info.driver_pod_name, info.message) == (SparkConnectState.READY, "work-server", "")
    tunnel = sessions.open_session("work")
    host, _, number = tunnel.address.removeprefix("sc://").partition(":")
    assert host == "127.0.0.1"
    assert speaks_http2(host, int(number))
    tunnel.close()
    assert not speaks_http2(host, int(number))
    stored = home.wire.send("GET", home.path("sparkconnects", "work"))["spec"]
    assert stored["server"]["template"]["spec"]["serviceAccountName"] == "spark-operator-spark"
    until(lambda: list(sessions.get_session_logs("work", LogSelection(), False)) == ["ready"])

    sessions.delete_session("work")
    with pytest.raises(SessionNotFound, match="no session 'work'"):
        sessions.open_session("work")


def test_a_session_whose_server_died_is_lost_with_the_reason(home: Home, port: GrpcPort) -> None:
    port.ready.clear()
    sessions = start(home, "dying", port, driver=lambda _: DIES)
    with pytest.raises(SessionLost, match="its server ran out of memory") as lost:
        sessions.await_session("dying", 60)
    assert lost.value.name == "dying"
    with pytest.raises(SessionLost, match="starts none anew.*make another one with client.connect"):
        sessions.open_session("dying")
    assert sessions.get_session("dying").state is SparkConnectState.FAILED
    (listed,) = sessions.list_sessions()
    assert (listed.state, "ran out of memory" in listed.message) == (SparkConnectState.FAILED, True)


def test_a_session_that_does_not_start_says_why_and_stays(home: Home) -> None:
    sessions = start(home, "stuck", unschedulable="0/3 nodes are available: Insufficient cpu.")
    until(lambda: "Unschedulable" in str(home.wire.items(home.core("pods"))))
    with pytest.raises(SessionLost, match=r"Insufficient cpu.*client\.delete_session\('stuck'\)"):
        sessions.await_session("stuck", 4)
    assert [session.name for session in sessions.list_sessions()] == ["stuck"]


def test_a_session_that_no_operator_looks_at_says_so(home: Home) -> None:
    sessions = start(home, "nobody", ignored=True)
    with pytest.raises(SessionLost, match="the operator has made no pod for it"):
        sessions.await_session("nobody", 0.5)
    with pytest.raises(SessionLost, match="its server does not exist"):
        sessions.open_session("nobody")


def test_the_server_of_a_deleted_session_is_not_that_of_one_which_has_its_name(home: Home) -> None:
    owner = {"apiVersion": "sparkoperator.k8s.io/v1alpha1", "kind": "SparkConnect", "name": "again", "uid": "before"}
    labels = {"sparkoperator.k8s.io/connect-name": "again", "spark-role": "connect-server"}
    metadata = {
        "name": "again-server",
        "labels": labels,
        "ownerReferences": [owner],
        "finalizers": ["example.com/held"],
    }
    container = {"name": "spark-kubernetes-driver", "image": "x"}
    home.wire.send("POST", home.core("pods"), {"metadata": metadata, "spec": {"containers": [container]}})
    home.wire.patch(home.core("pods", "again-server/status"), {"status": {"phase": "Failed"}})

    sessions = start(home, "again", ignored=True)

    assert sessions.get_session("again").state is not SparkConnectState.FAILED
    assert [each.state for each in sessions.list_sessions()] == [sessions.get_session("again").state]
    with pytest.raises(SessionLost, match="the operator has made no pod for it"):
        sessions.await_session("again", 0.5)
    with pytest.raises(SessionLost, match="its server does not exist"):
        sessions.open_session("again")


def test_a_taken_name_and_a_missing_right_are_said(home: Home, port: GrpcPort) -> None:
    sessions = start(home, "mine", port)
    with pytest.raises(InvalidInput, match="'mine' exists already"):
        sessions.start_session(SessionSpec("mine"))
    sessions.await_session("mine", 60)
    home.cluster.front.inject(Fault("answer", code=403), path=f"{home.namespace}/pods/mine-server/portforward")
    with pytest.raises(Forbidden):
        sessions.open_session("mine")


def test_sessions_cost_two_requests_however_many_executors(home: Home, port: GrpcPort) -> None:
    sessions = start(home, "cheap", port)
    sessions.await_session("cheap", 60)
    for call in (sessions.list_sessions, lambda: sessions.get_session("cheap")):
        before = home.sent
        call()
        assert len(home.answered(before)) == 2


def test_a_missing_session_is_told_with_names_like_it(home: Home, port: GrpcPort) -> None:
    sessions = start(home, "notebook", port)
    for call in (sessions.get_session, sessions.open_session, sessions.delete_session):
        with pytest.raises(SessionNotFound, match="Did you mean 'notebook'"):
            call("notebok")
    with pytest.raises(SessionNotFound):
        sessions.await_session("notebok", 60)
