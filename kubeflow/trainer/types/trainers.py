"""What a job runs: the user's code, a container image, or a trainer that comes with the runtime."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Generic, ParamSpec, Self, TypedDict, TypeVar, Unpack, cast, overload

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.tracebacks import thin_all
from kubeflow.trainer.constants import constants
from kubeflow.trainer.types.checks import (
    check_count,
    check_env,
    check_index_urls,
    check_instance,
    check_requirements,
    check_text,
)
from kubeflow.trainer.types.code import Serializer, check_code, check_function
from kubeflow.trainer.types.job_name import R_co
from kubeflow.trainer.types.resources import Resources, normalise
from kubeflow.trainer.types.torchtune import TorchTuneConfig

P = ParamSpec("P")
R = TypeVar("R")


class TrainerSettings(TypedDict, total=False):
    """The fields of `CustomTrainer` that say how its code runs, not what it is called with."""

    image: str | None
    packages_to_install: Sequence[str] | None
    pip_index_urls: Sequence[str]
    num_nodes: int | None
    resources_per_node: Resources | None
    env: Mapping[str, str] | None
    num_proc_per_node: int | None
    code_dir: str | os.PathLike[str] | None


@dataclass(frozen=True)
class CustomTrainer(Generic[R_co]):
    """Python code that trains: a function, a script or a module. It runs once in every process of the job.

    The type argument is what the function returns, which type checkers infer: `CustomTrainer(func=fit)` and
    `CustomTrainer.call(fit, ...)` are a `CustomTrainer[dict[str, float]]` where `fit` returns that. An annotation
    `CustomTrainer` without an argument stands for any code. Scripts and modules return nothing.

    Attributes:
        func: The train function, or the path of a script, relative to the working directory. It is packaged with the
            code of yours that it uses when the job is made.
        func_args: The arguments of a function, by name; checked against its signature when the job is made.
        image: Container image of the nodes. Default: the runtime's. A local process has no image.
        packages_to_install: Requirements, installed on each node before `func` starts; each entry as on a line of a
            requirements file, like `"numpy>=1.26"`, `"git+https://..."`, `"-r requirements.txt"`. What is there
            already costs nothing; a local job installs the rest for itself, not into your environment.
        pip_index_urls: Package indexes for them, the main one first. Default: pip's own configuration, or
            the environment variable `DEFAULT_PIP_INDEX_URLS` (comma-separated). Credentials are variables of the
            job's environment: `"https://${USER}:${TOKEN}@host/simple"`.
        num_nodes: Training nodes, at least 1. Default: the runtime's. The MPI runtimes of a cluster (deepspeed, mlx)
            take two at least: a launcher, which trains too, and a worker.
        resources_per_node: What each node gets, like `{"cpu": 4, "memory": "16Gi", "gpu": 1}`; names in any
            case, memory without a unit in bytes. On a cluster a torch runtime starts one process per GPU, or
            per CPU where no GPU is asked for; a local job starts one process per GPU, else one.
        env: Environment variables of the nodes.
        num_proc_per_node: Processes (ranks) per node, where it should not follow from the resources.
        module: In place of `func`, a module that runs as `python -m` runs it, like `"pkg.train"`.
        args: The arguments of a script or module: the words of its command line, or a mapping, of which
            `{"lr": 0.1, "fast": True, "layers": [1, 2]}` is `--lr=0.1 --fast --layers 1 2`.
        code_dir: A folder that is sent as a whole, less what `.gitignore` and `.kubeflowignore` exclude, and is the
            working directory of the job. Default: only the code that is used is sent.
        serializer: `"source"` sends a function as text. `"cloudpickle"` also takes one without text; the job needs
            the same minor version of Python. Jobs of this machine that run this Python do so by themselves.

    Raises:
        InvalidInput: When a field cannot be right on any backend.

    Example:
        With `call`, type checkers hold the arguments against the function's signature:

        >>> CustomTrainer.call(train, lr=0.1).replace(num_nodes=2)
        >>> CustomTrainer("train.py", args=["--lr", "0.1"], num_nodes=2)
        >>> CustomTrainer(module="pkg.train", args={"lr": 0.1}, code_dir=".")
    """

    func: Callable[..., R_co] | str | os.PathLike[str] | None = None
    func_args: Mapping[str, object] | None = None
    image: str | None = None
    packages_to_install: Sequence[str] | None = None
    pip_index_urls: Sequence[str] = constants.DEFAULT_PIP_INDEX_URLS
    num_nodes: int | None = None
    resources_per_node: Resources | None = None
    env: Mapping[str, str] | None = None
    num_proc_per_node: int | None = None
    module: str | None = None
    args: Mapping[str, object] | Sequence[str | float | os.PathLike[str]] | None = None
    code_dir: str | os.PathLike[str] | None = None
    serializer: Serializer = "source"

    __repr__ = repr_of_fields

    if TYPE_CHECKING:

        @overload
        def __init__(
            self,
            func: Callable[..., R_co],
            func_args: Mapping[str, object] | None = None,
            image: str | None = None,
            packages_to_install: Sequence[str] | None = None,
            pip_index_urls: Sequence[str] = ...,
            num_nodes: int | None = None,
            resources_per_node: Resources | None = None,
            env: Mapping[str, str] | None = None,
            num_proc_per_node: int | None = None,
            *,
            code_dir: str | os.PathLike[str] | None = None,
            serializer: Serializer = "source",
        ) -> None: ...

        @overload
        def __init__(
            self: CustomTrainer[None],
            func: str | os.PathLike[str],
            *,
            args: Mapping[str, object] | Sequence[str | float | os.PathLike[str]] | None = None,
            **settings: Unpack[TrainerSettings],
        ) -> None: ...

        @overload
        def __init__(
            self: CustomTrainer[None],
            *,
            module: str,
            args: Mapping[str, object] | Sequence[str | float | os.PathLike[str]] | None = None,
            **settings: Unpack[TrainerSettings],
        ) -> None: ...

        def __init__(self, *args: object, **settings: object) -> None: ...

    @classmethod
    def call(cls, func: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> CustomTrainer[R]:
        """Return a trainer that calls `func` with these arguments, which type checkers and this method check.

        Args:
            func: The train function.
            args: Its arguments, as in a call of it.
            kwargs: Its arguments by name.

        Raises:
            InvalidInput: When `func` is no function, or the arguments do not bind (a `PackagingError`).
        """
        from kubeflow.packaging import call_arguments

        check_function(func)
        target, named = call_arguments(func, *args, **kwargs)
        return cast("type[CustomTrainer[R]]", cls)(func=target, func_args=named)

    def replace(self, **settings: Unpack[TrainerSettings]) -> Self:
        """Return this trainer with other nodes, resources, packages, image, environment or folder.

        Args:
            settings: The fields to change, by name.

        Raises:
            InvalidInput: When a field cannot be right on any backend.
        """
        return replace(self, **settings)

    def __post_init__(self) -> None:
        check_code(self.func, self.module, self.func_args, self.args, self.code_dir, self.serializer)
        if self.func_args is not None and not (
            isinstance(self.func_args, Mapping)  # pyright: ignore[reportUnnecessaryIsInstance]
            and all(isinstance(key, str) for key in self.func_args)  # pyright: ignore[reportUnnecessaryIsInstance]
        ):
            raise InvalidInput(f"func_args must map argument names to values, not {self.func_args!r}.")
        if self.packages_to_install is not None:
            check_requirements("packages_to_install", self.packages_to_install)
        check_index_urls("pip_index_urls", self.pip_index_urls)
        if self.num_proc_per_node is not None:
            check_count("num_proc_per_node", self.num_proc_per_node)
        _check_nodes(self.image, self.num_nodes, self.resources_per_node, self.env)


@dataclass(frozen=True)
class CustomTrainerContainer:
    """A container image that trains by its own entry point.

    Attributes:
        image: The image.
        num_nodes: Training nodes, at least 1. Default: the runtime's. The MPI runtimes of a cluster (deepspeed, mlx)
            take two at least: a launcher, which trains too, and a worker.
        resources_per_node: What each node gets, as in `CustomTrainer`.
        env: Environment variables of the nodes.

    Raises:
        InvalidInput: When a field cannot be right on any backend.
    """

    image: str
    num_nodes: int | None = None
    resources_per_node: Resources | None = None
    env: Mapping[str, str] | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_text("image", self.image)
        _check_nodes(self.image, self.num_nodes, self.resources_per_node, self.env)


@dataclass(frozen=True)
class BuiltinTrainer:
    """A trainer that comes with the runtime and only needs settings.

    Attributes:
        config: The settings.
    """

    config: TorchTuneConfig

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_instance("config", self.config, (TorchTuneConfig,))


class TrainerType(Enum):
    """Whether a runtime runs the user's code or brings its own."""

    CUSTOM_TRAINER = "CustomTrainer"
    BUILTIN_TRAINER = "BuiltinTrainer"


def _check_nodes(
    image: str | None, num_nodes: int | None, resources: Resources | None, env: Mapping[str, str] | None
) -> None:
    if image is not None:
        check_text("image", image)
    if num_nodes is not None:
        check_count("num_nodes", num_nodes)
    if resources is not None:
        normalise(resources)
    if env is not None:
        check_env("env", env)


thin_all(globals())
