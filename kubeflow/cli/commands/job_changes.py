"""`kubeflow suspend`, `resume`, `stop` and `delete`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from kubeflow.cli.command_times import seconds_of
from kubeflow.cli.for_each import change_each
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

    def end(name: str) -> bool:
        try:
            client.delete_job(name, wait=wait, timeout=limit)
        except JobNotFound:
            if not ignore_not_found:
                raise
            announce(f"There is no TrainJob {name!r}.")
            return False
        return True

    return change_each(names, "deleted", output, end)


def _change(
    client: TrainerClient, names: list[str], output: OutputFormat, done: str, act: Callable[[str], None]
) -> int | None:
    return change_each(names, done, output, act, lambda name: client.get_job(name).to_dict())
