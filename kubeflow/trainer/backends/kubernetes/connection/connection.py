"""The connection that the backend's modules share: transport, namespace, runtimes, TrainJob client, Trainer minor."""

from __future__ import annotations

import threading
from collections.abc import Callable

from kubeflow_api.trainer.v1alpha1 import TrainJobs

from kubeflow.cluster.call_budget import CallBudget
from kubeflow.cluster.repeating import Repeating
from kubeflow.core.resource import Transport
from kubeflow.trainer.backends.kubernetes.config import KubernetesBackendConfig, cluster_of
from kubeflow.trainer.backends.kubernetes.connection.api_overrides import overridden
from kubeflow.trainer.backends.kubernetes.connection.outlines import Outlining
from kubeflow.trainer.backends.kubernetes.connection.trainer_minor import configured_minor, installed_minor
from kubeflow.trainer.backends.kubernetes.runtimes.catalogue import Catalogue

Wrap = Callable[[Transport], Transport]
"""Puts something between a client and its cluster, such as a count of requests."""


class Connection:
    """What the verbs of the backend share. Making one sends two requests, which show that the cluster can be used.

    Attributes:
        transport: The cluster.
        cluster: It in words.
        namespace: Where the jobs are.
        runtimes: Those that jobs can name.
        jobs: The typed client of TrainJobs; it repeats requests whose answers got lost.
        jobs_once: The same for what must not be done twice: a write whose answer got lost raises.
        namespace_seen: True when the namespace was looked for, and was not missing.

    Args:
        config: Where the cluster is.
        wrap: Put between client and cluster; default: nothing.

    Raises:
        NotConfigured: There is no usable kubeconfig, and this is no pod of a cluster.
        ControlPlaneMissing: The cluster has no Kubeflow Trainer.
        ClusterError: It cannot be reached, or does not let these credentials in.
    """

    def __init__(self, config: KubernetesBackendConfig, wrap: Wrap | None = None) -> None:
        self._minor = None if config.trainer_version is None else configured_minor(config.trainer_version)
        self._finding_out = threading.Lock()
        cluster = cluster_of(config)
        self.transport: Transport = wrap(cluster) if wrap is not None else cluster
        self.cluster = str(cluster)
        self.namespace = cluster.namespace
        self.namespace_seen = False
        served = overridden(self.transport)
        self.jobs: TrainJobs = TrainJobs(Repeating(Outlining(served)), self.namespace)
        self.jobs_once: TrainJobs = TrainJobs(served, self.namespace)
        self.runtimes = Catalogue(served, self.namespace)
        self.runtimes.load()

    def after_fork(self) -> None:
        """Hold no lock that a thread of the parent process held; called in the child."""
        self._finding_out = threading.Lock()
        self.runtimes.after_fork()

    @property
    def minor(self) -> str:
        """The minor of Kubeflow Trainer, like `"2.3"`: configured, or asked for once, when it is first needed."""
        with self._finding_out:
            if self._minor is None:
                self._minor = installed_minor(CallBudget(self.transport))
            return self._minor
