"""`kubeflow train` and `kubeflow render`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from kubeflow.cli.command_times import seconds_of
from kubeflow.cli.failures import ExitCode, tell
from kubeflow.cli.job_waits import wait_for_end
from kubeflow.cli.result_output import print_data, print_name
from kubeflow.cli.shared_options import ConnectionOptions, OutputFormat, OutputOption
from kubeflow.cli.train_options import TrainOptions, announce
from kubeflow.core.errors import InvalidInput
from kubeflow.core.terminal_text import is_terminal
from kubeflow.trainer import JobFailed, TrainerClient

if TYPE_CHECKING:
    from kubeflow_api.trainer import v1alpha1

OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Ask no cluster: the runtimes are those that Kubeflow Trainer ships.")
]
VersionOption = Annotated[
    str | None,
    typer.Option("--trainer-version", metavar="MINOR", help="Trainer of the cluster, like 2.1; else it is asked."),
]


def train(
    training: TrainOptions,
    connection: ConnectionOptions,
    output: OutputOption = OutputFormat.TABLE,
    file: Annotated[
        str | None,
        typer.Option("--file", "-f", metavar="FILE", help="Make the TrainJob of a YAML file, or of - for stdin."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait for the end; exit code 1 when it fails.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Print its log until the end; exit code as --wait.")] = False,
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="TIME", help="Wait so long at most, like 90s or 2h.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Start nothing; print the TrainJob.")] = False,
    server_dry_run: Annotated[
        bool, typer.Option("--server-dry-run", help="Have the cluster check it, start nothing; print it.")
    ] = False,
    offline: OfflineOption = False,
    trainer_version: VersionOption = None,
) -> int | None:
    """Train a script, a function, a module or an image. Prints the name of the job.

    $ kubeflow train train.py --nodes 2 -- --lr 0.1
    $ kubeflow train digits:fit --arg lr=0.1 --resources gpu=1 --follow
    $ job=$(kubeflow train -m pkg.train --packages datasets)

    A function comes with the code of yours that it uses. After Ctrl-C the job goes on.
    """
    _check_together(wait=wait or follow, timeout=timeout, dry=dry_run or server_dry_run, offline=offline)
    limit = None if timeout is None else seconds_of(timeout, "--timeout")
    if offline and not dry_run:
        raise InvalidInput("--offline asks no cluster: add --dry-run, or use `kubeflow render`.")
    config = training.config(connection.config(offline=offline, trainer_version=trainer_version))
    client = TrainerClient(config)
    if file is not None:
        if training != TrainOptions():
            raise InvalidInput("--file says all of a job: leave out what else would say what to train.")
        if dry_run or server_dry_run:
            raise InvalidInput("--file has the TrainJob already: there is nothing to render.")
        name = str(client.create_job(_text_of(file)))
    elif dry_run or server_dry_run:
        _print_object(_rendered(client, training, on_server=server_dry_run), output)
        return None
    else:
        name = _started(client, training)
    return _after(client, name, output, wait=wait, follow=follow, limit=limit)


def render(
    training: TrainOptions,
    connection: ConnectionOptions,
    output: OutputOption = OutputFormat.YAML,
    offline: OfflineOption = False,
    trainer_version: VersionOption = None,
) -> None:
    """Print the TrainJob that `kubeflow train` would send, as YAML: for git, for kubectl apply, for review.

    $ kubeflow render train.py --nodes 2 --offline > train.yaml
    $ kubeflow render digits:fit --arg lr=0.1 | kubectl apply -f -
    """
    config = training.config(connection.config(offline=offline, trainer_version=trainer_version))
    _print_object(_rendered(TrainerClient(config), training), output)


def _check_together(*, wait: bool, timeout: str | None, dry: bool, offline: bool) -> None:
    if wait and (dry or offline):
        raise InvalidInput("--wait and --follow wait for a job, and a dry run starts none: leave out one of the two.")
    if timeout is not None and not wait:
        raise InvalidInput("--timeout is of --wait and --follow: add one of them.")


def _rendered(client: TrainerClient, training: TrainOptions, *, on_server: bool = False) -> v1alpha1.TrainJob:
    given = training.arguments()
    return client.train(**given, server_dry_run=True) if on_server else client.train(**given, dry_run=True)


def _started(client: TrainerClient, training: TrainOptions) -> str:
    start = cast("Callable[..., str]", client.train)  # the overloads tell apart what a mapping hides
    return start(**training.arguments())


def _print_object(job: v1alpha1.TrainJob, output: OutputFormat) -> None:
    if output is OutputFormat.NAME:
        print_name("" if job.metadata is None else job.metadata.name or "")
    elif output is OutputFormat.JSON:
        print(json.dumps(job.to_dict(), indent=2, ensure_ascii=False))
    else:  # it is a text to be kept and applied, with its secrets, which a plain form would hide
        sys.stdout.write(job.to_yaml())


def _text_of(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    try:
        return Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} cannot be read: {error}.") from error


def _after(
    client: TrainerClient, name: str, output: OutputFormat, *, wait: bool, follow: bool, limit: float | None
) -> int | None:
    structured = output in (OutputFormat.JSON, OutputFormat.YAML)
    if follow or structured:
        announce(f"TrainJob {name} is made.")
    else:
        print_name(name)
    if not wait and not follow:
        if structured:
            print_data(client.get_job(name), output)
        elif is_terminal(sys.stdout):
            announce(f"Follow it with `kubeflow logs -f {name}`; `kubeflow get {name}` shows where it is.")
        return None
    if follow:
        for line in client.get_job_logs(name, follow=True):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    try:
        job = wait_for_end(client, name, limit, quiet=follow)
    except JobFailed as error:
        if not follow:
            raise
        tell(f"TrainJob {name} failed: {error.reason}")  # its log has been printed
        return ExitCode.JOB_FAILED
    if structured:
        print_data(job, output)
    return None
