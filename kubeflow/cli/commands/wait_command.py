"""`kubeflow wait`."""

from __future__ import annotations

import time
from typing import Annotated, cast

import typer

from kubeflow.cli.command_times import seconds_of
from kubeflow.cli.commands.job_lists import COLUMNS, capitalised
from kubeflow.cli.for_each import for_each
from kubeflow.cli.job_waits import wait_for_end
from kubeflow.cli.result_output import print_data, print_items
from kubeflow.cli.shared_options import ConnectionOptions, OutputFormat, OutputOption
from kubeflow.trainer import AwaitableStatus, TrainJob


def wait(
    names: Annotated[list[str], typer.Argument(metavar="JOB", help="Names of jobs.")],
    connection: ConnectionOptions,
    output: OutputOption = OutputFormat.TABLE,
    status: Annotated[
        list[str] | None,
        typer.Option("--for", metavar="STATUS", help="Else Complete; repeatable, for whichever comes first."),
    ] = None,
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="TIME", help="So long at most, like 90s or 2h; else any time.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Write nothing while waiting.")] = False,
) -> int | None:
    """Wait until jobs are complete. Exit code 1 when one fails, 4 when the time is up; the jobs go on.

    $ kubeflow wait train-3f2a --timeout 2h && kubeflow output train-3f2a
    """
    client = connection.trainer()
    awaited = cast("list[AwaitableStatus]", [capitalised(word) for word in status or ["Complete"]])
    deadline = None if timeout is None else time.monotonic() + seconds_of(timeout, "--timeout")
    ended: list[TrainJob] = []

    def wait_for(name: str) -> None:
        left = None if deadline is None else max(0.001, deadline - time.monotonic())
        ended.append(wait_for_end(client, name, left, status=awaited, quiet=quiet))

    code = for_each(names, wait_for)
    if len(names) == 1 and output in (OutputFormat.JSON, OutputFormat.YAML):
        if ended:
            print_data(ended[0], output)
    elif ended:
        print_items(ended, COLUMNS, output, none="")
    return code
