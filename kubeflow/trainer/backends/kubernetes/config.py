"""How to reach a cluster."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubeflow.core.display import repr_of_fields
from kubeflow.core.object_names import check_namespace
from kubeflow.core.tracebacks import thin_all

if TYPE_CHECKING:
    from kubeflow.cluster import Cluster


@dataclass(frozen=True, kw_only=True)
class KubernetesBackendConfig:
    """A cluster and a namespace in it. What names no cluster is an error when a client is made of it.

    Attributes:
        namespace: Namespace of the jobs. Default: that of the kubeconfig context.
        config_file: The kubeconfig file. Default: `$KUBECONFIG`, else `~/.kube/config`, else in-cluster.
        context: The context in that file. Default: its current one.
        client_configuration: A `kubernetes.client.Configuration` to use instead of a file.
        offline: Ask no cluster: jobs can be rendered with `train(..., dry_run=True)` and nothing else. Runtimes are
            those that Kubeflow Trainer ships, or given as objects.
        trainer_version: The Trainer minor of the cluster, like `"2.1"`. Default: the one that is installed, asked for
            once; offline, the newest that this SDK knows.
    """

    namespace: str | None = None
    config_file: str | os.PathLike[str] | None = None
    context: str | None = None
    client_configuration: object | None = None
    offline: bool = False
    trainer_version: str | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        if self.namespace:
            check_namespace(self.namespace)


def cluster_of(config: KubernetesBackendConfig) -> Cluster:
    """Return the cluster that a configuration names; it is asked nothing yet.

    Raises:
        NotConfigured: There is no usable kubeconfig, and this is no pod of a cluster.
    """
    from kubeflow.cluster import Cluster

    return Cluster.connect(
        config_file=config.config_file,
        context=config.context,
        namespace=config.namespace,
        client_configuration=config.client_configuration,
    )


thin_all(globals())
