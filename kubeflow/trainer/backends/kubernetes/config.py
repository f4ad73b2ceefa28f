"""How to reach a cluster."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class KubernetesBackendConfig:
    """A cluster and a namespace in it.

    Attributes:
        namespace: Namespace of the jobs. Default: that of the kubeconfig context.
        config_file: The kubeconfig file. Default: `$KUBECONFIG`, else `~/.kube/config`, else in-cluster.
        context: The context in that file. Default: its current one.
        client_configuration: A `kubernetes.client.Configuration` to use instead of a file.
    """

    namespace: str | None = None
    config_file: str | None = None
    context: str | None = None
    client_configuration: object | None = None
