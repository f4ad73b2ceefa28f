"""The connection that the modules of the backend share: transport, namespace, clients of the operator's kinds."""

from __future__ import annotations

import threading
from urllib.parse import quote

from kubeflow_api.spark.v1alpha1 import SparkConnects
from kubeflow_api.spark.v1beta2 import ScheduledSparkApplications, SparkApplications

from kubeflow.cluster.call_budget import CallBudget
from kubeflow.cluster.errors import ControlPlaneMissing
from kubeflow.cluster.readings import Absent, NotServed, served_versions
from kubeflow.cluster.repeating import Repeating
from kubeflow.core.resource import Transport
from kubeflow.spark.backends.kubernetes.account_rights import spark_account
from kubeflow.spark.backends.kubernetes.operator_settings import OperatorSettings, operator_settings
from kubeflow.trainer.backends.kubernetes.config import KubernetesBackendConfig, cluster_of
from kubeflow.trainer.backends.kubernetes.connection.connection import Wrap

GROUP = "sparkoperator.k8s.io"
APPLICATIONS, SCHEDULES, CONNECTS = "sparkapplications", "scheduledsparkapplications", "sparkconnects"
_VERSIONS = {APPLICATIONS: "v1beta2", SCHEDULES: "v1beta2", CONNECTS: "v1alpha1"}


def spark_path(plural: str, namespace: str, name: str | None = None) -> str:
    """Return the path of a collection of the operator's kinds in `namespace`, or of one object in it."""
    path = f"/apis/{GROUP}/{_VERSIONS[plural]}/namespaces/{quote(namespace, safe='')}/{plural}"
    return path if name is None else f"{path}/{quote(name, safe='')}"


class SparkConnection:
    """What the verbs of the backend share. Making one sends one request, which shows that the cluster can be used.

    Attributes:
        transport: The cluster.
        direct: The cluster without what `wrap` put before it, for tunnels.
        cluster: It in words.
        namespace: Where jobs and sessions are.
        applications: The typed client of SparkApplications; it repeats requests whose answers got lost.
        schedules: That of ScheduledSparkApplications.
        connects: That of SparkConnects.

    Args:
        config: Where the cluster is.
        wrap: Put between client and cluster; default: nothing.

    Raises:
        NotConfigured: There is no usable kubeconfig, and this is no pod of a cluster.
        ControlPlaneMissing: The cluster does not have the Spark Operator.
        ClusterError: It cannot be reached, or does not let these credentials in.
    """

    def __init__(self, config: KubernetesBackendConfig, wrap: Wrap | None = None) -> None:
        self.direct = cluster = cluster_of(config)
        self.transport: Transport = wrap(cluster) if wrap is not None else cluster
        self.cluster = str(cluster)
        self.namespace = cluster.namespace
        repeating = Repeating(self.transport)
        self.applications = SparkApplications(repeating, self.namespace)
        self.schedules = ScheduledSparkApplications(repeating, self.namespace)
        self.connects = SparkConnects(repeating, self.namespace)
        self._lock = threading.Lock()
        self._settings: OperatorSettings | None = None
        self._accounts: dict[str | None, str] = {}
        match served_versions(self.transport, GROUP):
            case Absent() | NotServed():
                raise ControlPlaneMissing(
                    f"The Spark Operator is not installed in this cluster ({self.cluster}). Ask its administrator to "
                    "install it, use another cluster (config_file=, context=), or run on this machine: "
                    "SparkClient(LocalProcessBackendConfig())."
                )
            case _:
                pass

    def after_fork(self) -> None:
        """Hold no lock that a thread of the parent process held; called in the child."""
        self._lock = threading.Lock()

    @property
    def settings(self) -> OperatorSettings:
        """What is known of the operator, asked for once, when it is first needed."""
        with self._lock:
            if self._settings is None:
                self._settings = operator_settings(CallBudget(self.transport))
            return self._settings

    def account(self, named: str | None) -> str:
        """Return the account that a driver runs as: the one that is named, else one with the rights. Asked for once.

        Raises:
            NoSparkAccount: There is none.
        """
        with self._lock:
            if named not in self._accounts:
                self._accounts[named] = spark_account(CallBudget(self.transport), self.namespace, named)
            return self._accounts[named]
