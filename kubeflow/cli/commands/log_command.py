"""`kubeflow logs`."""

from __future__ import annotations

from typing import Annotated

import typer

from kubeflow.cli.command_times import since_of
from kubeflow.cli.result_output import print_log
from kubeflow.cli.shared_options import ConnectionOptions
from kubeflow.trainer.jobs.steps import FirstNode


def logs(
    name: Annotated[str, typer.Argument(metavar="JOB", help="The job.")],
    connection: ConnectionOptions,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Print each line as it comes, until the job ends.")
    ] = False,
    step: Annotated[
        str | None,
        typer.Option("--step", metavar="STEP", help="A step, like node-1; else the first training node."),
    ] = None,
    all_steps: Annotated[
        bool, typer.Option("--all", "-a", help="All steps, each line with its origin in front.")
    ] = False,
    tail: Annotated[int | None, typer.Option("--tail", metavar="N", help="Begin with the last N lines.")] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Begin with lines since a time, or since so long ago, like 5m."),
    ] = None,
    container: Annotated[
        str | None,
        typer.Option("--container", "-c", metavar="CONTAINER", help="Of a cluster: an init container or a sidecar."),
    ] = None,
) -> None:
    """Print the log of a job. Ctrl-C ends reading, and not the job.

    $ kubeflow logs train-3f2a -f
    $ kubeflow logs train-3f2a --all --since 5m
    """
    if all_steps and step is not None:
        raise typer.BadParameter("is one step, and --all is all of them: give one of the two.", param_hint="--step")
    lines = connection.trainer().get_job_logs(
        name,
        None if all_steps else step or FirstNode.STEP,
        follow,
        container=container,
        tail_lines=tail,
        since=None if since is None else since_of(since, "--since"),
    )
    print_log(lines, follow=follow)
