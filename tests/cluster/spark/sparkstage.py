"""A cluster with the Spark Operator, played on a real API server."""

from __future__ import annotations

import itertools
import re
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
_HOMES = re.compile(r"/namespaces/((?:data|bare)-\d+)")

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
        """Return the requests since then, but those of homes before: a watch may still begin when its wait is over."""
        found = self.cluster.front.requests[since:]
        return [each for each in found if (of := _HOMES.search(each.path)) is None or of[1] == self.namespace]

    def answered(self, since: int) -> list[Recorded]:
        """Return the requests since then, but watches: that of a wait may still begin when the wait is over."""
        return [each for each in self.requests(since) if "watch" not in each.query]

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
