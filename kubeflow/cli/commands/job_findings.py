"""`kubeflow explain`, `events`, `result` and `output`: what a job did, and what it left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from kubeflow.cli.command_times import when
from kubeflow.cli.result_output import ResultColumn, print_data, print_items, print_name
from kubeflow.cli.shared_options import ConnectionOptions, OutputFormat, OutputOption
from kubeflow.cli.wording import in_command_words
from kubeflow.core.plain import plain
from kubeflow.trainer import Event

Name = Annotated[str, typer.Argument(metavar="JOB", help="The job.")]


def _object(event: Event) -> str:
    return f"{event.involved_object_kind}/{event.involved_object_name}"


EVENT_COLUMNS: Sequence[ResultColumn[Event]] = (
    ResultColumn("TIME", lambda event: when(event.event_time)),
    ResultColumn("OBJECT", _object),
    ResultColumn("REASON", lambda event: event.reason),
    ResultColumn("MESSAGE", lambda event: event.message),
)


def explain(name: Name, connection: ConnectionOptions, output: OutputOption = OutputFormat.TABLE) -> None:
    """Say where a job is and why: steps, timeline, exit codes, last words, and what to try.

    $ kubeflow explain train-3f2a
    """
    diagnosis = connection.trainer().backend.diagnose(name)
    if output is OutputFormat.NAME:
        print_name(diagnosis.job.name)
    elif output is OutputFormat.TABLE:
        print(in_command_words(str(diagnosis)))
    else:
        print_data(diagnosis, output)


def events(name: Name, connection: ConnectionOptions, output: OutputOption = OutputFormat.TABLE) -> None:
    """List what happened to a job, oldest first.

    $ kubeflow events train-3f2a -o json | jq -r '.[].message'
    """
    found = connection.trainer().get_job_events(name)
    print_items(found, EVENT_COLUMNS, output, none=f"There are no events of {name}.", name=_object)


def result(name: Name, connection: ConnectionOptions, output: OutputOption = OutputFormat.TABLE) -> None:
    """Print what the function of a job returned on rank 0: text as it is, else JSON. Exit code 7 while it runs.

    $ kubeflow result train-3f2a | jq .accuracy
    """
    value = connection.trainer().get_job_result(name)
    form = plain(value)
    if output is OutputFormat.TABLE and isinstance(form, str):
        print(form)
    elif output is OutputFormat.NAME:
        print_name(name)
    else:
        print_data(form, output)


def job_output(name: Name, connection: ConnectionOptions, output: OutputOption = OutputFormat.TABLE) -> None:
    """Print where a job has left what it made, as a URI. Exit code 7 while it runs.

    $ kubeflow output train-3f2a
    """
    artifact = connection.trainer().get_job_output(name)
    if output in (OutputFormat.JSON, OutputFormat.YAML):
        print_data(artifact, output)
    else:
        print_name(artifact.uri)
