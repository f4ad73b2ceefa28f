"""Options that many commands have, each written once: where jobs are, and in which form results are printed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from kubeflow.core.errors import InvalidInput

if TYPE_CHECKING:
    from kubeflow.trainer import TrainerClient
    from kubeflow.trainer.backends.registry import BackendConfig

COMMON = "Common options"
"""The heading under which help texts list these options."""


class BackendName(StrEnum):
    """Where jobs run."""

    KUBERNETES = "kubernetes"
    LOCALPROCESS = "localprocess"
    CONTAINER = "container"


class OutputFormat(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


@dataclass(frozen=True)
class ConnectionOptions:
    """Where jobs are: a command that takes one of these has the options that its fields are.

    Attributes:
        backend: The backend. Default: what the environment says, else the cluster of the kubeconfig.
        namespace: Of a cluster: the namespace. Default: that of the context.
        context: Of a cluster: the context of the kubeconfig. Default: its current one.
        kubeconfig: Of a cluster: the path of a kubeconfig. Default: `$KUBECONFIG`, `~/.kube/config`, in-cluster.
    """

    backend: Annotated[
        BackendName | None,
        typer.Option(
            "--backend",
            metavar="BACKEND",
            help="Where jobs run: kubernetes, localprocess or container; else what KUBEFLOW_BACKEND says.",
            rich_help_panel=COMMON,
        ),
    ] = None
    namespace: Annotated[
        str | None,
        typer.Option(
            "--namespace", "-n", metavar="NAMESPACE", help="Of a cluster; else the context's.", rich_help_panel=COMMON
        ),
    ] = None
    context: Annotated[
        str | None,
        typer.Option(
            "--context", metavar="CONTEXT", help="Of the kubeconfig; else its current one.", rich_help_panel=COMMON
        ),
    ] = None
    kubeconfig: Annotated[
        str | None,
        typer.Option(
            "--kubeconfig", metavar="FILE", help="Else $KUBECONFIG, else ~/.kube/config.", rich_help_panel=COMMON
        ),
    ] = None

    def config(self, *, offline: bool = False, trainer_version: str | None = None) -> BackendConfig:
        """Return the configuration of a client.

        Args:
            offline: Ask no cluster; for rendering only.
            trainer_version: The Trainer minor of the cluster, like `"2.1"`. Default: it is asked for.

        Raises:
            InvalidInput: Options of a cluster for another backend; a variable that names no backend.
        """
        from kubeflow.trainer import KubernetesBackendConfig
        from kubeflow.trainer.backends.registry import BACKENDS, default_config

        of_cluster = {
            "--namespace": self.namespace,
            "--context": self.context,
            "--kubeconfig": self.kubeconfig,
            "--offline": offline or None,
            "--trainer-version": trainer_version,
        }
        given = [option for option, value in of_cluster.items() if value is not None]
        config = default_config() if self.backend is None else BACKENDS[self.backend.value].default()
        if isinstance(config, KubernetesBackendConfig):
            return KubernetesBackendConfig(
                namespace=self.namespace,
                context=self.context,
                config_file=self.kubeconfig,
                offline=offline,
                trainer_version=trainer_version,
            )
        if given:
            name = next(name for name, entry in BACKENDS.items() if entry.config is type(config))
            whose = "--backend" if self.backend is not None else "the environment variable KUBEFLOW_BACKEND"
            raise InvalidInput(
                f"{' and '.join(given)}: of clusters only, and {whose} says {name!r}. Leave it out, or write "
                "--backend kubernetes."
            )
        return config

    def trainer(self) -> TrainerClient:
        """Return a client for jobs; raises as `config` does, and where there is no cluster to be found."""
        from kubeflow.trainer import TrainerClient

        return TrainerClient(self.config())


OutputOption = Annotated[
    OutputFormat,
    typer.Option(
        "--output",
        "-o",
        metavar="FORMAT",
        help="Print it as table, json, yaml or name.",
        show_default=False,
        rich_help_panel=COMMON,
    ),
]
"""The annotation of a parameter of commands that print results; its default is `OutputFormat.TABLE`."""
