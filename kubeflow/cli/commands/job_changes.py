"""`kubeflow suspend`, `resume`, `stop` and `delete`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from kubeflow.cli.command_times import seconds_of
from kubeflow.cli.for_each import for_each
from kubeflow.cli.result_output import print_data, print_name
from kubeflow.cli.shared_options import ConnectionOptions, OutputFormat, OutputOption
from kubeflow.cli.train_options import announce
from kubeflow.core.errors import InvalidInput
from kubeflow.trainer import JobNotFound, TrainerClient

Names = Annotated[list[str], typer.Argument(metavar="JOB", help="Names of jobs.")]


def suspend(names: Names, connection: ConnectionOptions, output: OutputOption = OutputFormat.TABLE) -> int | None:
    """End the processes of jobs, and keep the jobs: `kubeflow resume` starts them anew.

    $ kubeflow suspend train-3f2a
    """
    client = connection.trainer()
    return _change(client, names, output, "suspended", client.suspend_job)


def resume(names: Names, connection: ConnectionOptions, output: OutputOption = OutputFormat.TABLE) -> int | None:
    """Start suspended jobs anew. A job that is not suspended stays as it is.

    $ kubeflow resume train-3f2a
    """
    client = connection.trainer()
    return _change(client, names, output, "resumed", client.resume_job)


def stop(names: Names, connection: ConnectionOptions, output: OutputOption = OutputFormat.TABLE) -> int | None:
    """End jobs for good, and keep their logs and what they have reported. One that has ended stays as it is.

    $ kubeflow stop train-3f2a
    """
    client = connection.trainer()
    return _change(client, names, output, "stopped", client.stop_job)


def delete(
    names: Names,
    connection: ConnectionOptions,
    output: OutputOption = OutputFormat.TABLE,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Return only when nothing of them is left.")] = False,
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="TIME", help="With --wait: so long at most; else 10m.")
    ] = None,
    ignore_not_found: Annotated[
        bool, typer.Option("--ignore-not-found", help="A job that is not there is as good as deleted.")
    ] = False,
) -> int | None:
    """End jobs if they run, and forget them with their logs. Nothing is asked.

    $ kubeflow delete train-3f2a train-77b0
    $ kubeflow jobs -o name --status Failed | xargs kubeflow delete
    """
    if timeout is not None and not wait:
        raise InvalidInput("--timeout is of --wait: add it.")
    limit = 600.0 if timeout is None else seconds_of(timeout, "--timeout")
    client = connection.trainer()
    gone: list[dict[str, object]] = []

    def end(name: str) -> None:
        try:
            client.delete_job(name, wait=wait, timeout=limit)
        except JobNotFound:
            if not ignore_not_found:
                raise
            announce(f"There is no TrainJob {name!r}.")
            return
        gone.append({"name": name, "deleted": True})
        _told(name, "deleted", output)

    code = for_each(names, end)
    _print_all(gone, output)
    return code


def _change(
    client: TrainerClient, names: list[str], output: OutputFormat, done: str, act: Callable[[str], None]
) -> int | None:
    changed: list[dict[str, object]] = []

    def change(name: str) -> None:
        act(name)
        if output in (OutputFormat.JSON, OutputFormat.YAML):
            changed.append(client.get_job(name).to_dict())
        _told(name, done, output)

    code = for_each(names, change)
    _print_all(changed, output)
    return code


def _told(name: str, done: str, output: OutputFormat) -> None:
    if output is OutputFormat.TABLE:
        print_name(f"{name} {done}")
    elif output is OutputFormat.NAME:
        print_name(name)


def _print_all(results: list[dict[str, object]], output: OutputFormat) -> None:
    if output in (OutputFormat.JSON, OutputFormat.YAML):
        print_data(results, output)
