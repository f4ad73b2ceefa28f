"""`kubeflow jobs` and `kubeflow get`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, cast

import typer

from kubeflow.cli.command_times import in_short, when
from kubeflow.cli.result_output import ResultColumn, print_item, print_items
from kubeflow.cli.shared_options import ConnectionOptions, OutputFormat, OutputOption
from kubeflow.cli.text_styles import status_style
from kubeflow.trainer import JobStatus, TrainJob
from kubeflow.trainer.diagnosis.diagnosis import clock, section

COLUMNS: Sequence[ResultColumn[TrainJob]] = (
    ResultColumn("NAME", lambda job: job.name),
    ResultColumn("STATUS", lambda job: job.status, status_style),
    ResultColumn("PROGRESS", lambda job: "" if job.progress is None else f"{job.progress}%"),
    ResultColumn("NODES", lambda job: str(job.num_nodes)),
    ResultColumn("RUNTIME", lambda job: job.runtime.name),
    ResultColumn("CREATED", lambda job: when(job.creation_timestamp)),
)


def jobs(
    connection: ConnectionOptions,
    output: OutputOption = OutputFormat.TABLE,
    status: Annotated[
        list[str] | None,
        typer.Option("--status", "-s", metavar="STATUS", help="Only jobs of this status; can be given more than once."),
    ] = None,
    runtime: Annotated[
        str | None, typer.Option("--runtime", metavar="RUNTIME", help="Only jobs of this runtime.")
    ] = None,
    selector: Annotated[
        str | None,
        typer.Option("--selector", "-l", metavar="LABELS", help="Only jobs with these labels, like team=vision."),
    ] = None,
    newest: Annotated[
        int | None, typer.Option("--newest", metavar="N", min=1, help="Only so many, the newest.")
    ] = None,
) -> None:
    """List jobs, oldest first.

    $ kubeflow jobs --status Running
    $ kubeflow jobs -o name --status Failed | xargs kubeflow delete
    """
    statuses = cast("list[JobStatus]", [capitalised(word) for word in status or ()])
    found = connection.trainer().list_jobs(runtime, label_selector=selector, status=statuses or None)
    print_items(found if newest is None else found[-newest:], COLUMNS, output, none="There are no such jobs.")


def get(
    names: Annotated[list[str], typer.Argument(metavar="JOB", help="Names of jobs.")],
    connection: ConnectionOptions,
    output: OutputOption = OutputFormat.TABLE,
) -> None:
    """Show one job with its steps, or several in a table.

    $ kubeflow get train-3f2a -o json
    """
    client = connection.trainer()
    found = [client.get_job(name) for name in names]
    if len(found) == 1:
        print_item(found[0], output, lambda: job_text(found[0]))
    else:
        print_items(found, COLUMNS, output, none="")


def job_text(job: TrainJob) -> str:
    """Return what people want to know of a job, and its steps."""
    progress = "" if job.progress is None else f", {job.progress}% done"
    if job.estimated_remaining_seconds is not None:
        progress += f", {in_short(job.estimated_remaining_seconds)} left"
    facts = {
        "Name": job.name,
        "Status": f"{job.status}{progress}",
        "Runtime": job.runtime.name,
        "Nodes": str(job.num_nodes),
        "Created": clock(job.creation_timestamp),
        "Metrics": ", ".join(f"{name}={value}" for name, value in job.metrics.items()),
    }
    lines = [f"{f'{title}:':<10}{fact}" for title, fact in facts.items() if fact]
    steps = [f"{step.name}: {step.status or 'unknown'}{f' ({step.note})' if step.note else ''}" for step in job.steps]
    return "\n".join([*lines, *section("Steps", steps), *section("Notes", job.notes)])


def capitalised(status: str) -> str:
    """Return a status as the SDK writes it: `running` and `RUNNING` are `Running`."""
    return status.capitalize()
