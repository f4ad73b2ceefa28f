"""The names of kfp that this package exports. The module imports without kfp; each name of it says what is missing."""

# kfp is not installed beside the tools that check this package.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportAttributeAccessIssue=false

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kubeflow.core.errors import MissingExtra

if TYPE_CHECKING:
    # Known to type checkers where kfp is installed.
    from kfp import (
        compiler,
        components,
        dsl,
        kubernetes,
    )
    from kfp.kubeflow_client import (
        Experiment,
        KubernetesBackendConfig,
        ListExperimentsResponse,
        ListPipelinesResponse,
        ListPipelineVersionsResponse,
        ListRunsResponse,
        Pipeline,
        PipelinesClient,
        PipelineVersion,
        Run,
        constants,
    )

__all__ = [
    "Experiment",
    "KubernetesBackendConfig",
    "ListExperimentsResponse",
    "ListPipelineVersionsResponse",
    "ListPipelinesResponse",
    "ListRunsResponse",
    "Pipeline",
    "PipelineVersion",
    "PipelinesClient",
    "Run",
    "compiler",
    "components",
    "constants",
    "dsl",
    "kubernetes",
]

_MODULES = ("compiler", "components", "dsl", "kubernetes")
_OF_CLIENT = (
    "Experiment",
    "KubernetesBackendConfig",
    "ListExperimentsResponse",
    "ListPipelineVersionsResponse",
    "ListPipelinesResponse",
    "ListRunsResponse",
    "Pipeline",
    "PipelineVersion",
    "Run",
    "constants",
)


def kfp_module(name: str) -> Any:
    """Return a module of kfp, by its name below it; `""` is kfp itself.

    Raises:
        MissingExtra: kfp is not installed, or is older than what has the module.
    """
    try:
        return import_module(f"kfp.{name}" if name else "kfp")
    except ModuleNotFoundError as error:
        if error.name is None or not (error.name == "kfp" or error.name.startswith("kfp.")):
            raise  # kfp is there, and something that it needs is not
        found = None if error.name == "kfp" else "an older one"
        raise MissingExtra("kubeflow.pipelines", "kfp 2.17 or later", "pipelines", found) from error


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in _MODULES:
            value = kfp_module(name)
        elif name in _OF_CLIENT:
            value = getattr(kfp_module("kubeflow_client"), name)
        elif name == "PipelinesClient":
            value = _checking(kfp_module("kubeflow_client").PipelinesClient)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def _checking(client: Any) -> type:
    """Return kfp's client with a check of what it is given: both packages have a `KubernetesBackendConfig`."""

    def __init__(self: Any, backend_config: object = None) -> None:  # noqa: N807 - becomes the method
        check_pipelines_config(backend_config)
        client.__init__(self, backend_config)

    body = {"__init__": __init__, "__doc__": client.__doc__, "__module__": "kubeflow.pipelines"}
    return type("PipelinesClient", (client,), body)


def check_pipelines_config(given: object) -> None:
    """Refuse a configuration of the other clients, which says where a Kubernetes API server is.

    Raises:
        TypeError: It is one.
    """
    home = type(given).__module__
    if home.startswith("kubeflow.") and not isinstance(given, str):
        raise TypeError(
            f"PipelinesClient talks to the server of Kubeflow Pipelines and takes its own configuration, not a "
            f"{type(given).__name__} of {'.'.join(home.split('.')[:2])}: give a "
            "kubeflow.pipelines.KubernetesBackendConfig, whose base_url is the address of that server, or run them "
            "on this machine with kubeflow.pipelines.local()."
        )
