"""`SparkClient.connect` on a cluster: a session for the length of a block, one that exists, and a server by its address.

Spark's own client is a stand-in that opens a connection to the address that it is given: the tunnel is real.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.spark import (
    Driver,
    KubernetesBackendConfig,
    PySparkMissing,
    SessionLost,
    SessionNotFound,
    SparkClient,
    Unsupported,
    options,
)
from kubeflow.trainer.options import Suspend
from tests.cluster.spark.sparkcontroller import SparkScenario
from tests.cluster.spark.sparkstage import Home
from tests.cluster.until import until
from tests.spark.kubernetes.test_sessions import DIES, GrpcPort

SESSION = """
import socket


class SparkSession:
    def __init__(self, address):
        self.address, self.stopped = address, False
        host, _, port = address.removeprefix("sc://").partition("/")[0].partition(":")
        self._connection = socket.create_connection((host, int(port)), timeout=5)

    @property
    def version(self):
        try:  # what comes to a closed port is answered with a reset, or with nothing
            self._connection.sendall(b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n")
            settings = self._connection.recv(9)
        except OSError:
            settings = b""
        if not settings:
            self.stop()
            raise RuntimeError("the channel was closed")
        return "4.0.4"

    def range(self, end):
        return list(range(end))

    def stop(self):
        self.stopped = True
        self._connection.close()


class _Builder:
    def remote(self, address):
        self._address = address
        return self

    def create(self):
        return SparkSession(self._address)


SparkSession.builder = _Builder()
"""


@pytest.fixture(autouse=True)
def pyspark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for place, text in {
        "pyspark/__init__.py": "",
        "pyspark/sql/__init__.py": "",
        "pyspark/sql/connect/__init__.py": "",
        "pyspark/sql/connect/session.py": SESSION,
        "grpc/__init__.py": "",
        "pyspark-4.0.4.dist-info/METADATA": "Metadata-Version: 2.1\nName: pyspark\nVersion: 4.0.4\n",
    }.items():
        file = tmp_path / "site" / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] in ("pyspark", "grpc")]:
        del sys.modules[name]


@pytest.fixture
def port() -> Iterator[GrpcPort]:
    made = GrpcPort()
    yield made
    made.close()


def forward(home: Home, name: str, port: GrpcPort) -> None:
    forwarded = home.cluster.front.forwarded
    assert forwarded is not None
    forwarded.ports[home.namespace, f"{name}-server", 15002] = port.port


def test_a_session_lives_for_the_length_of_its_block(home: Home, port: GrpcPort) -> None:
    forward(home, "work", port)
    with home.client.connect(num_executors=2, name="work", spark_conf={"spark.sql.shuffle.partitions": "8"}) as session:
        assert (session.name, session.owned) == ("work", True)
        assert session.spark.range(3) == session.range(3) == [0, 1, 2]  # type: ignore[operator]
        stored = home.wire.send("GET", home.path("sparkconnects", "work"))["spec"]
        assert (stored["sparkVersion"], stored["image"]) == ("4.0.4", "apache/spark:4.0.4")
        assert stored["sparkConf"] == {"spark.sql.shuffle.partitions": "8"}
        spark = session.spark
    assert spark.stopped
    assert home.client.list_sessions() == []
    session.close()


def test_a_session_that_exists_stays_when_it_is_attached_to(home: Home, port: GrpcPort) -> None:
    forward(home, "shared", port)
    made = home.client.connect(options=[options.Name("shared")])
    with home.client.connect(attach="shared") as session:
        assert not session.owned
    assert [info.name for info in home.client.list_sessions()] == ["shared"]
    until(lambda: list(home.client.get_session_logs("shared")) == ["ready"])
    made.stop()
    assert home.client.list_sessions() == []
    with pytest.raises(SessionNotFound):
        home.client.connect(attach="shared")


def test_a_session_that_cannot_be_used_is_deleted(home: Home, port: GrpcPort) -> None:
    home.operator.scenarios["dead"] = SparkScenario(driver=lambda _: DIES)
    port.ready.clear()
    forward(home, "dead", port)
    with pytest.raises(SessionLost, match="ran out of memory"):
        home.client.connect(name="dead", timeout=60)
    home.operator.scenarios["slow"] = SparkScenario(unschedulable="0/3 nodes are available.")
    with pytest.raises(SessionLost, match="does not take connections after 1 s"):
        home.client.connect(name="slow", timeout=1)
    assert home.client.list_sessions() == []


def test_a_server_is_reached_by_its_address(home: Home, port: GrpcPort) -> None:
    before = home.sent
    with home.client.connect(base_url=f"sc://127.0.0.1:{port.port}", token="t") as session:
        assert session.spark.address.endswith("/;token=t")
        assert session.range(2) == [0, 1]  # type: ignore[operator]
    assert home.requests(before) == []


def test_a_server_that_does_not_answer_is_lost(home: Home, port: GrpcPort) -> None:
    port.ready.clear()
    with pytest.raises(SessionLost, match="its server refused the first call: .*Check the address"):
        home.client.connect(base_url=f"sc://127.0.0.1:{port.port}")


def test_what_does_not_go_together_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = home.client.connect
    before = home.sent
    with pytest.raises(InvalidInput, match="base_url= is a server that exists, and num_executors= is for a new one"):
        connect(base_url="sc://a:1", num_executors=2)
    with pytest.raises(InvalidInput, match="attach= is a server that exists, and driver="):
        connect(attach="a", driver=Driver())
    with pytest.raises(InvalidInput, match="'sc://host:15002'"):
        connect(base_url="https://spark.example.com")
    with pytest.raises(InvalidInput, match="token= is for base_url="):
        connect(token="t")
    with pytest.raises(InvalidInput, match="no place for Suspend"):
        connect(options=[Suspend()])
    with pytest.raises(InvalidInput, match="is not tried again"):
        connect(options=[options.Retries(1)])
    with pytest.raises(InvalidInput, match="at most 56"):
        connect(name="a" * 57)
    with pytest.raises(InvalidInput, match=r"pyspark-client==3.5.\*"):
        connect(driver=Driver(image="apache/spark:3.5.1"))
    with pytest.raises(InvalidInput, match="unquoted into the shell"):
        connect(spark_conf={"spark.x": "a b; touch /tmp/p"})
    assert not [request for request in home.requests(before) if request.writes and "reviews" not in request.path]
    with pytest.raises(Unsupported, match="offline"):
        SparkClient(KubernetesBackendConfig(offline=True)).connect()
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if not entry.endswith("/site")])
    with pytest.raises(PySparkMissing, match="has no pyspark"):
        connect()
