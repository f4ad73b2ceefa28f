"""`kubeflow report`."""

from __future__ import annotations

from typing import Annotated

import typer

from kubeflow.cli.result_output import print_name
from kubeflow.cli.shared_options import ConnectionOptions


def report(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The job, or with --search the search.")],
    connection: ConnectionOptions,
    path: Annotated[
        str | None,
        typer.Option("--to", metavar="FILE", help="A .html file, or a folder; else NAME-report.html here."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file also when it is no report.")] = False,
    log_lines: Annotated[
        int, typer.Option("--log-lines", metavar="N", min=0, help="Last lines of each step's log; 0 for none.")
    ] = 200,
    search: Annotated[bool, typer.Option("--search", help="NAME is a search for hyperparameters.")] = False,
) -> None:
    """Write all that is known of a job, or of a search, as one page of HTML, and print its path.

    $ kubeflow report train-3f2a
    $ kubeflow report fit-77b1 --search --to /tmp
    """
    if search:
        from kubeflow.optimizer import OptimizerClient

        written = OptimizerClient(connection.config()).report(name, path, overwrite=overwrite)
    else:
        written = connection.trainer().report(name, path, overwrite=overwrite, log_lines=log_lines)
    print_name(str(written))
