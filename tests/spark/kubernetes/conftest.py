"""A cluster with the Spark Operator, played on a real API server, and a namespace of its own for each test."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kubeflow.spark import KubernetesBackendConfig, SparkClient
from tests.cluster.forwarded_ports import ForwardedPorts
from tests.cluster.proxy import Proxy, Recorded
from tests.cluster.spark.sparkcontroller import SparkOperator, spark_crds
from tests.cluster.stage import MISSING, REASON, install, server
from tests.cluster.stage import namespace as new_namespace
from tests.cluster.wire import Wire

_numbers = itertools.count()
ACCOUNT = "spark-operator-spark"
"""As the operator's chart makes one in each namespace for jobs."""

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


@pytest.fixture(scope="session")
def spark_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkCluster]:
    if MISSING:
        pytest.skip(REASON)
    folder = tmp_path_factory.mktemp("spark-cluster")
    stub = folder / "image" / "pyspark"
    stub.mkdir(parents=True)
    for name, text in PYSPARK.items():
        (stub / name).write_text(text, "utf-8")
    with server(folder / "server") as kubeconfig:
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


ROLE = "spark-operator-spark"
RULES = [
    {
        "apiGroups": [""],
        "resources": ["pods", "configmaps", "persistentvolumeclaims", "services"],
        "verbs": ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"],
    }
]
"""As in the role that the operator's chart makes."""
_RBAC = "/apis/rbac.authorization.k8s.io/v1"


def make_account(wire: Wire, namespace: str, name: str = ACCOUNT, rules: list[Any] | None = None) -> None:
    """Make an account, with a role of its own, and wait until the server knows it."""
    body: dict[str, Any] = {"metadata": {"name": name, "labels": {"app.kubernetes.io/name": "spark-operator"}}}
    wire.send("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", body)
    rules = RULES if rules is None else rules
    if not rules:
        return
    role = {"metadata": {"name": name}, "rules": rules}
    wire.send("POST", f"{_RBAC}/namespaces/{namespace}/roles", role)
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
    }
    wire.send("POST", f"{_RBAC}/namespaces/{namespace}/rolebindings", binding)
    last = rules[-1]
    attributes = {"namespace": namespace, "verb": last["verbs"][-1], "resource": last["resources"][-1]}
    review = {"spec": {"user": f"system:serviceaccount:{namespace}:{name}", "resourceAttributes": attributes}}
    deadline = time.monotonic() + 30
    while not wire.send("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)["status"]["allowed"]:
        assert time.monotonic() < deadline, f"{name} has no rights"
        time.sleep(0.02)


@pytest.fixture
def home(spark_cluster: SparkCluster) -> Home:
    name = new_namespace(spark_cluster.wire, f"data-{next(_numbers)}")
    make_account(spark_cluster.wire, name)
    return Home(spark_cluster, name, SparkClient(config_of(spark_cluster, name)))
