"""How to run jobs in containers on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.tracebacks import thin_all
from kubeflow.trainer.types.checks import check_count, check_strings

ContainerRuntime = Literal["docker", "podman"]
PullPolicy = Literal["IfNotPresent", "Always", "Never"]


@dataclass(frozen=True, kw_only=True)
class TrainingRuntimeSource:
    """Where runtimes are read from, the first source that has a name wins.

    Attributes:
        sources: `github://owner/repository[/path]`, `https://...`, `file:///...` or an absolute path.
    """

    sources: Sequence[str] = ("github://kubeflow/trainer",)

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_strings("sources", self.sources)


@dataclass(frozen=True, kw_only=True)
class ContainerBackendConfig:
    """A container engine and how to use it.

    Attributes:
        pull_policy: When images are pulled: `IfNotPresent`, `Always` or `Never`.
        auto_remove: Whether containers and networks go when their job is deleted.
        container_host: URL of the engine. Default: `DOCKER_HOST` or `CONTAINER_HOST`, else its own socket.
        container_runtime: `"docker"` or `"podman"`. Default: the one that answers.
        runtime_source: Where runtimes are read from.
        dataset_initializer_image: Image that fetches datasets. Default: the control plane's own.
        model_initializer_image: Image that fetches models. Default: the control plane's own.
        initializer_timeout: Seconds that fetching may take.
    """

    pull_policy: PullPolicy = "IfNotPresent"
    auto_remove: bool = True
    container_host: str | None = None
    container_runtime: ContainerRuntime | None = None
    runtime_source: TrainingRuntimeSource = field(default_factory=TrainingRuntimeSource)
    dataset_initializer_image: str | None = None
    model_initializer_image: str | None = None
    initializer_timeout: int = 600

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        if self.pull_policy not in get_args(PullPolicy):
            raise InvalidInput(f"pull_policy is {', '.join(get_args(PullPolicy))}, not {self.pull_policy!r}.")
        if self.container_runtime not in (None, *get_args(ContainerRuntime)):
            raise InvalidInput(f"container_runtime is docker or podman, not {self.container_runtime!r}.")
        check_count("initializer_timeout", self.initializer_timeout)


thin_all(globals())
