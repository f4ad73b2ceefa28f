"""`kubeflow runtimes`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, cast

import typer

from kubeflow.cli.result_output import ResultColumn, print_item, print_items
from kubeflow.cli.shared_options import ConnectionOptions, OutputFormat, OutputOption
from kubeflow.core.errors import InvalidInput
from kubeflow.trainer import Runtime
from kubeflow.trainer.types.runtimes import Phase


def _devices(runtime: Runtime) -> str:
    trainer = runtime.trainer
    return "" if trainer.device == "Unknown" else f"{trainer.device_count} {trainer.device}".removeprefix("Unknown ")


RUNTIME_COLUMNS: Sequence[ResultColumn[Runtime]] = (
    ResultColumn("NAME", lambda runtime: runtime.name),
    ResultColumn("FRAMEWORK", lambda runtime: runtime.trainer.framework),
    ResultColumn("NODES", lambda runtime: str(runtime.trainer.num_nodes)),
    ResultColumn("DEVICES", _devices),
    ResultColumn("PHASE", lambda runtime: runtime.phase),
    ResultColumn("MISSING", lambda runtime: ", ".join(runtime.missing)),
)


def runtimes(
    connection: ConnectionOptions,
    name: Annotated[str | None, typer.Argument(metavar="RUNTIME", help="Show this one; else all.")] = None,
    output: OutputOption = OutputFormat.TABLE,
    phase: Annotated[
        str | None,
        typer.Option("--phase", metavar="PHASE", help="pre-training (your code) or post-training (their trainer)."),
    ] = None,
    packages: Annotated[
        bool, typer.Option("--packages", help="Start a node of RUNTIME, and print its Python, packages and devices.")
    ] = False,
) -> None:
    """List the runtimes that jobs can name, or show one.

    $ kubeflow runtimes
    $ kubeflow runtimes torch-distributed --packages
    """
    client = connection.trainer()
    if packages:
        if name is None:
            raise InvalidInput("--packages needs the name of a runtime: `kubeflow runtimes NAME --packages`.")
        client.get_runtime_packages(name)
    elif name is not None:
        runtime = client.get_runtime(name)
        print_item(runtime, output, lambda: _text(runtime))
    else:
        found = client.list_runtimes(cast("Phase | None", phase))
        print_items(found, RUNTIME_COLUMNS, output, none="There are no such runtimes.")


def _text(runtime: Runtime) -> str:
    trainer = runtime.trainer
    facts = {
        "Name": runtime.name,
        "Kind": runtime.kind.value,
        "Framework": trainer.framework,
        "Trainer": trainer.trainer_type.value,
        "Image": trainer.image,
        "Nodes": str(trainer.num_nodes),
        "Devices": _devices(runtime),
        "Model": runtime.pretrained_model or "",
        "Command": " ".join(trainer.command),
        "Missing": ", ".join(runtime.missing),
    }
    return "\n".join(f"{f'{title}:':<11}{fact}" for title, fact in facts.items() if fact)
