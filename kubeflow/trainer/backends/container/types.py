"""How to run jobs in containers on this machine."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, cast, get_args
from urllib.parse import urlsplit

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.stdlib import re
from kubeflow.core.tracebacks import thin_all
from kubeflow.trainer.types.checks import check_count, check_object_name, check_strings, check_text

ContainerRuntime = Literal["docker", "podman"]
PullPolicy = Literal["IfNotPresent", "Always", "Never"]
KeyedValues: TypeAlias = Mapping[str, str] | str | os.PathLike[str]
"""What stands here for a Secret or a ConfigMap of a cluster: values by key (`os.environ` is such a mapping), a folder
with a file for each key, or a file with a line `KEY=value` for each."""

PINNED = "github://kubeflow/trainer"
"""The source that stands for the runtimes that Kubeflow Trainer ships, as this package has them. It uses no network."""
_REPOSITORY = re.compile(r"github://([\w.-]+/[\w.-]+?)(?:/([^@]+?))?/?(?:@([\w./-]+))?", re.ASCII)
_SCHEMES = ("github", "https", "file")


@dataclass(frozen=True, kw_only=True)
class TrainingRuntimeSource:
    """Where the runtimes of jobs in containers are read from: manifests of `ClusterTrainingRuntime`, `TrainingRuntime`.

    The default is the runtimes that Kubeflow Trainer ships. They are part of this package, so nothing is downloaded
    for them: `"github://kubeflow/trainer"`, the default of the published package, is their name here. A network is used
    only for an `https://` URL or another repository (or a path or a revision of that one) that you name, and then once
    for each client, when a runtime is first asked for. Of the same name, the runtime of the first source counts.

    Tags of images that a `kustomization.yaml` of the same source sets are applied.

    Attributes:
        sources: Each one of: a folder or a file, as an absolute path or `file:///...`; the `https://` URL of a YAML
            file or a `.tar.gz`; `github://owner/repository[/path][@revision]`, of which the default branch is read
            where no revision is named. `GITHUB_SERVER_URL` names another GitHub.

    Raises:
        InvalidInput: For a source of another form.

    Example:
        >>> TrainingRuntimeSource(sources=["/etc/kubeflow/runtimes", "github://kubeflow/trainer"])
    """

    sources: Sequence[str] = (PINNED,)

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_strings("sources", self.sources)
        if not self.sources:
            raise InvalidInput(f"sources is empty, and without runtimes no job runs: leave it out for {PINNED!r}.")
        for source in self.sources:
            _check_source(source)


def _check_source(source: str) -> None:
    scheme, separator, rest = source.partition("://")
    if not separator:
        if not Path(source).expanduser().is_absolute():
            raise InvalidInput(
                f"sources has {source!r}, a path that depends on where the program runs: write "
                f"{str(Path(source).absolute())!r}."
            )
        return
    if scheme not in _SCHEMES:
        remedy = (
            f"write 'https://{rest}'" if scheme == "http" else "write one of github://, https://, file:// or a path"
        )
        raise InvalidInput(
            f"sources has {source!r}.{did_you_mean(scheme, _SCHEMES)} Known: {', '.join(_SCHEMES)}; {remedy}."
        )
    if scheme == "github":
        parse_repository(source)
    elif scheme == "https" and not urlsplit(source).hostname:
        raise InvalidInput(f"sources has {source!r}, which names no host: write 'https://example.com/runtimes.yaml'.")
    elif scheme == "file" and not rest.startswith("/"):
        raise InvalidInput(f"sources has {source!r}: write 'file:///' and an absolute path.")


def parse_repository(source: str) -> tuple[str, str, str]:
    """Return owner and repository, path, and revision of a `github://` source; the last two may be empty.

    Raises:
        InvalidInput: When it has another form.
    """
    match = _REPOSITORY.fullmatch(source)
    if match is None:
        raise InvalidInput(
            f"sources has {source!r}: write 'github://owner/repository/path@revision', of which the last "
            "two may be left out."
        )
    return match[1], (match[2] or "").strip("/"), match[3] or ""


@dataclass(frozen=True, kw_only=True)
class ContainerBackendConfig:
    """Jobs run in containers of docker or podman on this machine: the images and limits of a cluster, without one.

    As with `LocalProcessBackendConfig`, a job outlives the Python process that made it, and any other client finds it
    in the state directory. Nodes see nothing of this machine but the job's own directory and what `volumes` gives them,
    and run as the user who makes the job, so that files on mounts are that user's.

    Attributes:
        pull_policy: When images are pulled: `IfNotPresent`, `Always` or `Never`. Logins are those of the engine
            (`docker login`, `podman login`).
        auto_remove: Whether containers and networks go when their job ends. `False` keeps them, stopped, until the job
            is deleted, for `docker logs`, `docker cp` and the like.
        container_host: URL of the engine, like `"unix:///run/user/1000/podman/podman.sock"`. Default: `DOCKER_HOST` or
            `CONTAINER_HOST`, the current `docker context`, else the sockets where engines mostly are.
        container_runtime: `"docker"` or `"podman"`. Default: the one that answers.
        runtime_source: Where runtimes are read from. Default: those that Trainer ships, from this package.
        dataset_initializer_image: Image that fetches datasets. Default: the runtime's, else the control plane's own.
        model_initializer_image: Image that fetches models. Default: the runtime's, else the control plane's own.
        initializer_timeout: Seconds that fetching may take, the pull of its image not counted.
        state_dir: Where jobs are kept; see `LocalProcessBackendConfig`.
        keep_days: Days after which a finished job is forgotten; see `LocalProcessBackendConfig`.
        keep_jobs: Finished jobs that are kept at most; see `LocalProcessBackendConfig`.
        max_jobs: Jobs that run at once on this machine; see `LocalProcessBackendConfig`.
        grace: Seconds that containers get to end by themselves (after SIGTERM) when their job is ended. Default: 5.
        volumes: What the claims of a cluster are here: name of the claim to a path of this machine (absolute, or below
            `~`), or to the name of a volume of the engine. `options.VolumeClaim` then mounts it.
        secrets: What the Secrets of a cluster are here, by name: values by key, a folder with a file for each key, or a
            file of `KEY=value` lines. `options.SecretEnv`, `options.SecretFiles` and `secret=` of initializers then
            take them. Values reach a container by a file that only you can read, and never the engine.
        config_maps: The same for ConfigMaps.

    Raises:
        InvalidInput: For a value that cannot be meant.

    Example:
        >>> config = ContainerBackendConfig(volumes={"datasets": "~/data"}, secrets={"wandb": os.environ})
        >>> given = [VolumeClaim("datasets", "/data"), SecretEnv("wandb", ["WANDB_API_KEY"])]
        >>> TrainerClient(config).train(train_func=train, options=given)
    """

    pull_policy: PullPolicy = "IfNotPresent"
    auto_remove: bool = True
    container_host: str | None = None
    container_runtime: ContainerRuntime | None = None
    runtime_source: TrainingRuntimeSource = field(default_factory=TrainingRuntimeSource)
    dataset_initializer_image: str | None = None
    model_initializer_image: str | None = None
    initializer_timeout: int = 600
    state_dir: str | os.PathLike[str] | None = None
    keep_days: float | None = None
    keep_jobs: int | None = None
    max_jobs: int | None = None
    grace: float = 5.0
    volumes: Mapping[str, str | os.PathLike[str]] = field(default_factory=dict[str, "str | os.PathLike[str]"])
    secrets: Mapping[str, KeyedValues] = field(default_factory=dict[str, "KeyedValues"], repr=False)
    config_maps: Mapping[str, KeyedValues] = field(default_factory=dict[str, "KeyedValues"])

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        if self.pull_policy not in get_args(PullPolicy):
            raise InvalidInput(f"pull_policy is {', '.join(get_args(PullPolicy))}, not {self.pull_policy!r}.")
        if self.container_runtime not in (None, *get_args(ContainerRuntime)):
            raise InvalidInput(f"container_runtime is docker or podman, not {self.container_runtime!r}.")
        if not isinstance(self.auto_remove, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidInput(f"auto_remove is True or False, not {self.auto_remove!r}.")
        if not isinstance(self.runtime_source, TrainingRuntimeSource):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidInput(
                f"runtime_source takes a TrainingRuntimeSource, not {self.runtime_source!r}: write "
                "TrainingRuntimeSource(sources=[...])."
            )
        for name in ("container_host", "dataset_initializer_image", "model_initializer_image"):
            if getattr(self, name) is not None:
                check_text(name, getattr(self, name))
        check_count("initializer_timeout", self.initializer_timeout)
        if self.state_dir is not None and not _is_path(self.state_dir):
            raise InvalidInput(f"state_dir takes a path, not {self.state_dir!r}. Leave it out for the default.")
        number = isinstance(self.grace, (int, float)) and not isinstance(self.grace, bool)  # pyright: ignore[reportUnnecessaryIsInstance]
        if not number or not 0 <= self.grace < math.inf:
            raise InvalidInput(f"grace is in seconds, at least 0, not {self.grace!r}.")
        if self.max_jobs is not None:
            check_count("max_jobs", self.max_jobs, least=0)
        for field_name, what in (
            ("volumes", "a path, or the name of a volume"),
            ("secrets", _KEYED),
            ("config_maps", _KEYED),
        ):
            _check_stand_ins(field_name, getattr(self, field_name), what)


_KEYED = "values by key, or the path of a folder or file that has them"


def _check_stand_ins(field_name: str, given: object, what: str) -> None:
    if not isinstance(given, Mapping):
        raise InvalidInput(f"{field_name} maps names of a cluster to what they are here, not {type(given).__name__}.")
    for name, value in cast("Mapping[object, object]", given).items():
        check_object_name(f"{field_name} key", name)
        if not (_is_path(value) or (what is _KEYED and isinstance(value, Mapping))):
            raise InvalidInput(f"{field_name}[{name!r}] takes {what}, not a {type(value).__name__}.")


def _is_path(value: object) -> bool:
    return isinstance(value, (str, os.PathLike)) and bool(os.fspath(cast("str | os.PathLike[str]", value)))


thin_all(globals())
