"""The options of `kubeflow train` and `kubeflow render`, and the arguments of `TrainerClient.train` that they mean."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from kubeflow.cli.code_reference import function_of
from kubeflow.cli.typed_arguments import pairs, resources_of, script_arguments, typed_arguments
from kubeflow.core.errors import InvalidInput

if TYPE_CHECKING:
    from kubeflow.trainer import BackendConfig, CustomTrainer, CustomTrainerContainer, Initializer


@dataclass(frozen=True)
class TrainOptions:
    """What runs, and how; each field is an option of the same name, or the words of the command line."""

    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CODE [ARG]",
            help="script.py, module:function or file.py:function; after `--` the arguments of a script.",
        ),
    ] = None
    module: Annotated[
        str | None, typer.Option("--module", "-m", metavar="MODULE", help="Run a module, as python -m does.")
    ] = None
    arg: Annotated[
        list[str] | None,
        typer.Option(
            "--arg", "-a", metavar="NAME=VALUE", help="An argument, of the type that the function asks for; repeatable."
        ),
    ] = None
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Name of the job; else a fresh one.")] = (
        None
    )
    nodes: Annotated[
        int | None, typer.Option("--nodes", metavar="N", min=1, help="Training nodes; else the runtime's.")
    ] = None
    procs_per_node: Annotated[
        int | None, typer.Option("--procs-per-node", metavar="N", min=1, help="Processes (ranks) of each node.")
    ] = None
    resources: Annotated[
        list[str] | None,
        typer.Option("--resources", metavar="AMOUNTS", help="What each node gets, like cpu=4,memory=16Gi,gpu=1."),
    ] = None
    runtime: Annotated[
        str | None, typer.Option("--runtime", metavar="RUNTIME", help="The runtime; else torch-distributed.")
    ] = None
    packages: Annotated[
        list[str] | None,
        typer.Option(
            "--packages", "-p", metavar="PACKAGE", help="A requirement, installed before the start; repeatable."
        ),
    ] = None
    index_url: Annotated[
        list[str] | None,
        typer.Option("--index-url", metavar="URL", help="Package index, the main one first; repeatable."),
    ] = None
    env: Annotated[
        list[str] | None,
        typer.Option("--env", "-e", metavar="NAME[=VALUE]", help="A variable; without a value, as it is here."),
    ] = None
    image: Annotated[
        str | None, typer.Option("--image", metavar="IMAGE", help="Image of the nodes; alone, its entry point trains.")
    ] = None
    code_dir: Annotated[
        str | None, typer.Option("--code-dir", metavar="FOLDER", help="Send a whole folder, and work in it.")
    ] = None
    serializer: Annotated[
        str | None, typer.Option("--serializer", metavar="WAY", help="How a function is sent: source or cloudpickle.")
    ] = None
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="URI", help="Fetched before training, like hf://org/data.")
    ] = None
    model: Annotated[
        str | None, typer.Option("--model", metavar="URI", help="Fetched before training, like s3://bucket/model.")
    ] = None
    job_output: Annotated[
        str | None,
        typer.Option("--job-output", metavar="PATH", help="Folder or URI for what the job leaves (KUBEFLOW_OUTPUT)."),
    ] = None
    label: Annotated[
        list[str] | None, typer.Option("--label", "-l", metavar="NAME=VALUE", help="A label of the job; repeatable.")
    ] = None
    queue: Annotated[
        str | None, typer.Option("--queue", metavar="QUEUE", help="Of a cluster: the LocalQueue of Kueue.")
    ] = None
    python: Annotated[
        str | None, typer.Option("--python", metavar="PYTHON", help="Of this machine: a path, or a version like 3.12.")
    ] = None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `TrainerClient.train`, by name.

        Raises:
            InvalidInput: Options that do not go together, code that is not there, arguments of a wrong type.
        """
        trainer = self._trainer()
        if trainer is None and self.runtime is None:
            raise InvalidInput(
                "Nothing says what to train: name a script (train.py), a function (module:function), a module "
                "(-m pkg.train) or an image (--image). With --runtime alone, the trainer of that runtime runs."
            )
        given: dict[str, Any] = {
            "trainer": trainer,
            "name": self.name,
            "runtime": self.runtime,
            "initializer": self._initializer(),
            "output": self.job_output,
            "options": self._options(),
        }
        return {name: value for name, value in given.items() if value is not None}

    def config(self, config: BackendConfig) -> BackendConfig:
        """Return the configuration of a backend with what these options say of it.

        Raises:
            InvalidInput: `--python` for another backend than the processes of this machine.
        """
        from kubeflow.trainer import LocalProcessBackendConfig

        if self.python is None:
            return config
        if not isinstance(config, LocalProcessBackendConfig):
            raise InvalidInput("--python is of --backend localprocess only: images have their Python.")
        return replace(config, python=self.python)

    def _trainer(self) -> CustomTrainer | CustomTrainerContainer | None:
        from kubeflow.trainer import CustomTrainer, CustomTrainerContainer

        words, arguments = list(self.words or ()), list(self.arg or ())
        env = self._env()
        shared: dict[str, Any] = {"num_nodes": self.nodes, "env": env or None}
        if self.resources:
            shared["resources_per_node"] = resources_of(self.resources)
        code: dict[str, Any] = {
            "packages_to_install": self.packages,
            "pip_index_urls": self.index_url,
            "num_proc_per_node": self.procs_per_node,
            "code_dir": self.code_dir,
            "serializer": self._serializer(),
        }
        code = {name: value for name, value in code.items() if value is not None}
        if not words and self.module is None:
            self._check_without_code([option for option, name in _CODE_OPTIONS.items() if name in code], arguments)
            return None if self.image is None else CustomTrainerContainer(self.image, **shared)
        make: Callable[..., CustomTrainer] = CustomTrainer
        shared |= {**code, "image": self.image}
        if self.module is not None:
            return make(module=self.module, args=_both(words, arguments), **shared)
        function = function_of(words[0])
        if function is None:
            return make(words[0], args=_both(words[1:], arguments), **shared)
        if words[1:]:
            raise InvalidInput(f"A function takes arguments as --arg name=value, not {' '.join(words[1:])!r}.")
        return make(function, typed_arguments(function, arguments) or None, **shared)

    def _check_without_code(self, given: list[str], arguments: list[str]) -> None:
        """Refuse options of code where none is named, and options of a trainer where not even an image is."""
        of_trainer = {"--nodes": self.nodes, "--env": self.env, "--resources": self.resources}
        given += ["--arg"] if arguments else []
        given += [option for option, value in of_trainer.items() if value and self.image is None]
        if given:
            raise InvalidInput(
                f"{' and '.join(given)}: of code to run, and none is named. Begin with a script (train.py), a function "
                "(module:function) or a module (-m pkg.train)."
            )

    def _env(self) -> dict[str, str]:
        variables: dict[str, str] = {}
        for text in self.env or ():
            name, equals, _ = text.partition("=")
            if not equals and name not in os.environ:
                raise InvalidInput(f"--env {name}: there is no such variable here. Write --env {name}=VALUE.")
            if name in variables:
                raise InvalidInput(f"--env gives {name!r} twice.")
            variables |= pairs([text if equals else f"{name}={os.environ[name]}"], "--env")
        return variables

    def _serializer(self) -> Literal["source", "cloudpickle"] | None:
        ways: dict[str | None, Literal["source", "cloudpickle"] | None] = {
            None: None,
            "source": "source",
            "cloudpickle": "cloudpickle",
        }
        if self.serializer not in ways:
            raise InvalidInput(f"--serializer is source or cloudpickle, not {self.serializer!r}.")
        return ways[self.serializer]

    def _initializer(self) -> Initializer | None:
        from kubeflow.trainer import Initializer

        return Initializer(self.dataset, self.model) if self.dataset or self.model else None

    def _options(self) -> list[Any] | None:
        from kubeflow.trainer import options

        made: list[Any] = [options.Labels(pairs(self.label, "--label"))] if self.label else []
        return [*made, *([options.Queue(self.queue)] if self.queue else [])] or None


_CODE_OPTIONS: Mapping[str, str] = {
    "--packages": "packages_to_install",
    "--index-url": "pip_index_urls",
    "--procs-per-node": "num_proc_per_node",
    "--code-dir": "code_dir",
    "--serializer": "serializer",
}


def _both(words: list[str], arguments: list[str]) -> list[str] | dict[str, object] | None:
    if words and arguments:
        raise InvalidInput("--arg and words after `--` both give arguments: use one of the two.")
    return words or script_arguments(arguments) or None


def announce(text: str) -> None:
    """Write a line for a person on stderr: stdout is for data."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
