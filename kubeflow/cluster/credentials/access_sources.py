"""Which of kubeconfig, service account and given configuration a user's arguments mean, in the order of kubectl."""

from __future__ import annotations

import os
from pathlib import Path

from kubeflow.cluster.access import Source
from kubeflow.cluster.credentials import kubeconfig
from kubeflow.cluster.credentials.configuration import given
from kubeflow.cluster.credentials.contexts import access_of
from kubeflow.cluster.credentials.kubeconfig import LOCALLY
from kubeflow.cluster.credentials.service_account import MOUNTED, in_cluster, in_pod, is_mounted
from kubeflow.cluster.errors import NotConfigured
from kubeflow.core.errors import InvalidInput


def source(
    config_file: str | os.PathLike[str] | None,
    context: str | None,
    client_configuration: object | None,
    *,
    mounted: Path = MOUNTED,
) -> Source:
    """Return the function that reads the access that a user's arguments mean; see `Cluster.connect`.

    The context is chosen here, once: another current context, chosen while the program runs, is not that of a running
    program.

    Args:
        config_file: A kubeconfig, or several as in `$KUBECONFIG`; `None` for those of the environment.
        context: A context; `None` for the current one.
        client_configuration: A `kubernetes.client.Configuration`; `None` for a kubeconfig.
        mounted: The folder of the pod's service account.

    Raises:
        InvalidInput: The arguments exclude each other, or are no texts.
        NotConfigured: There is neither a kubeconfig with a context nor a service account.
    """
    if client_configuration is not None:
        if config_file is not None or context is not None:
            raise InvalidInput("give either client_configuration, or config_file and context, not both")
        return lambda: given(client_configuration)
    if context is not None and not isinstance(context, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput(f"context= is the name of a context of the kubeconfig, not {context!r}.")
    if config_file is not None and not isinstance(config_file, str | os.PathLike):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput(f"config_file= is the path of a kubeconfig, not {config_file!r}.")
    files = os.environ.get("KUBECONFIG") or "~/.kube/config" if config_file is None else os.fspath(config_file)
    if config_file is None and not any(path.exists() for path in kubeconfig.paths(files)):
        if context is None and in_pod():
            return lambda: in_cluster(mounted)
        wanted = "" if context is None else f" with a context {context!r}"
        raise NotConfigured(
            f"There is no kubeconfig{wanted} ({files} does not exist) and this is no pod of a cluster. Set KUBECONFIG "
            f"to a kubeconfig file, or give config_file=. {LOCALLY}"
        )
    config = kubeconfig.read(files)
    if context is None and config.current is None and is_mounted(mounted):
        return lambda: in_cluster(mounted)
    config.chosen(context)
    name = context if context is not None else config.current
    return lambda: access_of(kubeconfig.read(files), name)
