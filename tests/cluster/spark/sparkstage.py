"""A cluster with the Spark Operator, played on a real API server."""

from __future__ import annotations

import itertools
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kubeflow.spark import KubernetesBackendConfig, SparkClient
from tests.apiserver import own_server
from tests.cluster.forwarded_ports import ForwardedPorts
from tests.cluster.proxy import Proxy, Recorded
from tests.cluster.spark.sparkaccounts import make_account
from tests.cluster.spark.sparkcontroller import SparkOperator, spark_crds
from tests.cluster.stage import install, namespace
from tests.cluster.wire import Wire

_numbers = itertools.count()

PYSPARK = {
    "__init__.py": """
class SparkConf:
    def get(self, key, default=None):
        return default


class SparkContext:
    @classmethod
    def _ensure_initialized(cls):
        pass
""",
    "sql.py": """
class _Builder:
    def config(self, key, value):
        return self

    def getOrCreate(self):
        return SparkSession()


class SparkSession:
    builder = _Builder()
    version = "4.0.4"

    def range(self, end):
        return list(range(end))
""",
}
"""What stands for pyspark in the played image."""


@dataclass(frozen=True, slots=True)
class SparkCluster:
    """A running cluster.

    Attributes:
        operator: Plays the Spark Operator.
        wire: Reaches it behind the client's back.
        front: What clients go through: it counts requests, serves logs and forwards ports.
        folder: Of the test run.
    """

    operator: SparkOperator
    wire: Wire
    front: Proxy
    folder: Path


@dataclass(frozen=True, slots=True)
class Home:
    """A namespace, and the client that works in it."""

    cluster: SparkCluster
    namespace: str
    client: SparkClient

    @property
    def operator(self) -> SparkOperator:
        return self.cluster.operator

    @property
    def wire(self) -> Wire:
        return self.cluster.wire

    def requests(self, since: int) -> list[Recorded]:
        return self.cluster.front.requests[since:]

    @property
    def sent(self) -> int:
        return len(self.cluster.front.requests)

    def path(self, plural: str, name: str = "") -> str:
        group = "v1alpha1" if plural == "sparkconnects" else "v1beta2"
        path = f"/apis/sparkoperator.k8s.io/{group}/namespaces/{self.namespace}/{plural}"
        return f"{path}/{name}" if name else path

    def core(self, plural: str, name: str = "") -> str:
        path = f"/api/v1/namespaces/{self.namespace}/{plural}"
        return f"{path}/{name}" if name else path


def config_of(cluster: SparkCluster, namespace: str) -> KubernetesBackendConfig:
    file = cluster.front.kubeconfig(cluster.folder / f"kubeconfig-{namespace}", namespace=namespace)
    return KubernetesBackendConfig(config_file=str(file))


def new_home(cluster: SparkCluster) -> Home:
    """Make a namespace with an account for drivers, and return it with a client."""
    name = namespace(cluster.wire, f"data-{next(_numbers)}")
    make_account(cluster.wire, name)
    return Home(cluster, name, SparkClient(config_of(cluster, name)))


@contextmanager
def spark_stage(folder: Path) -> Generator[SparkCluster]:
    """Run the cluster while the context lasts.

    Args:
        folder: An empty folder.
    """
    stub = folder / "image" / "pyspark"
    stub.mkdir(parents=True)
    for name, text in PYSPARK.items():
        (stub / name).write_text(text, "utf-8")
    with own_server(folder / "server", collects_garbage=True) as kubeconfig:
        wire = Wire(kubeconfig)
        install(wire, spark_crds())
        with SparkOperator(kubeconfig) as operator:
            operator.environment["PYTHONPATH"] = str(stub.parent)
            front = Proxy(kubeconfig, logs=operator.logs)
            front.forwarded = ForwardedPorts()
            try:
                yield SparkCluster(operator, wire, front, folder)
            finally:
                front.stop()
        wire.close()
