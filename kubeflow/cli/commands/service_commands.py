"""`kubeflow services`: models behind an address."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, cast

import typer

from kubeflow.cli.command_times import seconds_of, since_of, when
from kubeflow.cli.for_each import change_each
from kubeflow.cli.result_output import ResultColumn, print_data, print_item, print_items, print_log, print_name
from kubeflow.cli.shared_options import ConnectionOptions, OutputFormat, OutputOption
from kubeflow.cli.text_styles import status_style
from kubeflow.cli.typed_arguments import resources_of
from kubeflow.core.errors import InvalidInput
from kubeflow.core.plain import plain
from kubeflow.hub import ModelRegistryClient
from kubeflow.kserve import KServeClient, ModelSource, Prediction, Service
from kubeflow.kserve.api.kserve_client import ServeSettings
from kubeflow.kserve.backends.registry import ServingConfig
from kubeflow.trainer import TrainerClient
from kubeflow.trainer.diagnosis.diagnosis import clock, section

COLUMNS: Sequence[ResultColumn[Service]] = (
    ResultColumn("NAME", lambda service: service.name),
    ResultColumn("STATUS", lambda service: service.status, status_style),
    ResultColumn("URL", lambda service: service.url or ""),
    ResultColumn("FORMAT", lambda service: service.model_format),
    ResultColumn("CREATED", lambda service: when(service.creation_timestamp)),
    ResultColumn("WHY", lambda service: service.reason),
)
ServiceName = Annotated[str, typer.Argument(metavar="SERVICE", help="The service.")]
WaitLimit = Annotated[str | None, typer.Option("--timeout", metavar="TIME", help="How long to wait, like 5m.")]


def services(connection: ConnectionOptions, output: OutputOption = OutputFormat.TABLE) -> None:
    """List services, oldest first.

    More commands are `kubeflow services get`, `serve`, `wait`, `predict`, `logs`, `explain` and `delete`.

    $ kubeflow services
    $ kubeflow services serve iris --model s3://models/iris/1 --wait
    """
    print_items(_client(connection).list_services(), COLUMNS, output, none="There are no services.")


def get_service(name: ServiceName, connection: ConnectionOptions, output: OutputOption = OutputFormat.TABLE) -> None:
    """Show a service: its status and why, its address, its model.

    $ kubeflow services get iris -o json
    """
    service = _client(connection).get_service(name)
    print_item(service, output, lambda: service_text(service))


def serve(
    name: Annotated[str, typer.Argument(metavar="SERVICE", help="Name of the service.")],
    connection: ConnectionOptions,
    output: OutputOption = OutputFormat.TABLE,
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="URI", help="Files of a model: a URI, or a path of here.")
    ] = None,
    registered: Annotated[
        str | None,
        typer.Option("--registered", metavar="MODEL[:VERSION]", help="A registered model; else its newest version."),
    ] = None,
    job: Annotated[str | None, typer.Option("--job", metavar="JOB", help="The output of a train job.")] = None,
    model_format: Annotated[
        str | None, typer.Option("--format", metavar="FORMAT", help="Of its files, like sklearn or onnx.")
    ] = None,
    runtime: Annotated[
        str | None, typer.Option("--runtime", metavar="RUNTIME", help="Of a cluster: the serving runtime.")
    ] = None,
    resources: Annotated[
        list[str] | None,
        typer.Option("--resources", metavar="AMOUNTS", help="What each replica gets, like cpu=1,memory=2Gi."),
    ] = None,
    min_replicas: Annotated[int | None, typer.Option("--min-replicas", metavar="N", min=0, help="At least.")] = None,
    max_replicas: Annotated[int | None, typer.Option("--max-replicas", metavar="N", min=1, help="At most.")] = None,
    trust_pickle: Annotated[
        bool, typer.Option("--trust-pickle", help="Load a pickle from elsewhere: it executes code that is in it.")
    ] = False,
    registry: Annotated[
        str | None, typer.Option("--registry", metavar="URL", help="Of --registered; else KUBEFLOW_MODEL_REGISTRY.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Return when it answers, its model loaded.")] = False,
    timeout: WaitLimit = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Start nothing; print the InferenceService that stands for it.")
    ] = False,
) -> None:
    """Make a service that answers with predictions of a model, and print its name.

    $ kubeflow services serve iris --model s3://models/iris/1
    $ kubeflow services serve digits --registered digits --wait
    """
    sources = {"--model": model, "--registered": registered, "--job": job}
    given = [option for option, value in sources.items() if value is not None]
    if len(given) != 1:
        wrong = " and ".join(given) if given else "Nothing"
        raise InvalidInput(f"{wrong} says what to serve: give one of {', '.join(sources)}.")
    if wait and dry_run:
        raise InvalidInput("--wait waits for a service, and --dry-run makes none: leave out one of the two.")
    if timeout is not None and not wait:
        raise InvalidInput("--timeout is of --wait: add it.")
    if registry is not None and registered is None:
        raise InvalidInput("--registry is of --registered: add it.")
    limit = None if timeout is None else seconds_of(timeout, "--timeout")
    client = _client(connection)
    source: ModelSource = model or ""
    if registered is not None:
        called, _, version = registered.partition(":")
        source = ModelRegistryClient(registry).get_model_version(called, version or "latest")
    elif job is not None:
        source = TrainerClient(connection.config()).get_job_output(job, format=model_format)
    settings: ServeSettings = {
        "model_format": model_format,
        "runtime": runtime,
        "resources": resources_of(resources or ()) or None,
        "min_replicas": min_replicas,
        "max_replicas": max_replicas,
        "trust_pickle": trust_pickle,
    }
    if dry_run:
        shown = client.serve(name, source, dry_run=True, **settings)
        as_json = output is OutputFormat.JSON
        sys.stdout.write(f"{json.dumps(shown.to_dict(), indent=2)}\n" if as_json else shown.to_yaml())
        return
    client.serve(name, source, **settings)
    if wait:
        _waited(client, name, limit)
    if output in (OutputFormat.JSON, OutputFormat.YAML):
        print_data(client.get_service(name), output)
    else:
        print_name(name)


def wait_for_service(
    name: ServiceName,
    connection: ConnectionOptions,
    output: OutputOption = OutputFormat.TABLE,
    timeout: WaitLimit = None,
) -> None:
    """Wait until a service answers, its model loaded; its changes are told on stderr.

    $ kubeflow services wait iris --timeout 5m
    """
    limit = None if timeout is None else seconds_of(timeout, "--timeout")
    service = _waited(_client(connection), name, limit)
    print_item(service, output, lambda: service.name)


def predict(
    name: ServiceName,
    connection: ConnectionOptions,
    data: Annotated[
        str | None, typer.Argument(metavar="DATA", help="Inputs as JSON, like [[5.1, 3.5]]; else --input.")
    ] = None,
    file: Annotated[
        str | None, typer.Option("--input", "-i", metavar="FILE", help="A file with the inputs as JSON; - for stdin.")
    ] = None,
    timeout: Annotated[str, typer.Option("--timeout", metavar="TIME", help="For the whole call.")] = "60s",
    output: OutputOption = OutputFormat.TABLE,
) -> None:
    """Ask a service for predictions, and print them as JSON.

    Inputs are nested lists (one tensor, the first axis counts the rows), an object with a tensor for each name, or a
    list of objects (a table). `--output json` prints the whole answer.

    $ kubeflow services predict iris '[[5.1, 3.5, 1.4, 0.2]]'
    $ kubeflow services predict iris --input rows.json
    """
    limit = seconds_of(timeout, "--timeout")
    inputs = _inputs(data, file)
    answer: Prediction = _client(connection).predict(name, inputs, timeout=limit)
    if output in (OutputFormat.JSON, OutputFormat.YAML):
        print_data(answer, output)
    else:
        print(json.dumps(plain(answer.outputs if len(answer.outputs) != 1 else answer.tolist())))


def service_logs(
    name: ServiceName,
    connection: ConnectionOptions,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines, until Ctrl-C.")] = False,
    replica: Annotated[str | None, typer.Option("--replica", metavar="REPLICA", help="One replica; else all.")] = None,
    container: Annotated[
        str | None, typer.Option("--container", "-c", metavar="CONTAINER", help="Of a cluster: another container.")
    ] = None,
    tail: Annotated[int | None, typer.Option("--tail", metavar="N", help="Begin with the last N lines.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Lines since a time, or since so long ago, like 5m.")
    ] = None,
) -> None:
    """Print what the model server of a service writes.

    $ kubeflow services logs iris -f
    """
    lines = _client(connection).get_service_logs(
        name,
        replica=replica,
        container=container,
        follow=follow,
        tail_lines=tail,
        since=None if since is None else since_of(since, "--since"),
    )
    print_log(lines, follow=follow)


def explain_service(name: ServiceName, connection: ConnectionOptions) -> None:
    """Say where a service is and why: model, revisions, last words, what to try.

    $ kubeflow services explain iris
    """
    print(_client(connection).explain(name))


def delete_services(
    names: Annotated[list[str], typer.Argument(metavar="SERVICE", help="Names of services.")],
    connection: ConnectionOptions,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Return when nothing of them is left.")] = False,
    output: OutputOption = OutputFormat.TABLE,
) -> int | None:
    """End services and forget them.

    $ kubeflow services delete iris
    """
    client = _client(connection)
    return change_each(names, "deleted", output, lambda name: client.delete_service(name, wait=wait))


def service_text(service: Service) -> str:
    """Return what people want to know of a service."""
    facts = {
        "Name": service.name,
        "Status": f"{service.status}{f': {service.reason}' if service.reason else ''}",
        "URL": service.url or "",
        "Model": service.model or "",
        "Format": service.model_format,
        "Protocol": service.protocol,
        "Runtime": service.runtime,
        "Created": clock(service.creation_timestamp),
    }
    lines = [f"{f'{title}:':<10}{fact}" for title, fact in facts.items() if fact]
    revisions = [
        f"{revision.name}: {'ready' if revision.ready else 'not ready'}"
        f"{'' if revision.percent is None else f', {revision.percent}% of the requests'}"
        for revision in service.revisions
    ]
    return "\n".join([*lines, *section("Revisions", revisions), *section("Notes", service.notes)])


def _client(connection: ConnectionOptions) -> KServeClient:
    return KServeClient(cast("ServingConfig", connection.config()))  # it refuses that of containers in words


def _waited(client: KServeClient, name: str, limit: float | None) -> Service:
    return client.wait_for_service_status(
        name, timeout=math.inf if limit is None else limit, callbacks=[_change_teller()]
    )


def _change_teller() -> Callable[[Service], None]:
    last = ""

    def tell_change(service: Service) -> None:
        nonlocal last
        text = f"{service.name}: {service.status}{f' ({service.reason})' if service.reason else ''}"
        if text != last:
            sys.stderr.write(f"{text}\n")
        last = text

    return tell_change


def _inputs(data: str | None, file: str | None) -> object:
    if (data is None) == (file is None):
        raise InvalidInput("Give the inputs once: as JSON after the name of the service, or with --input FILE.")
    where = "DATA" if file is None else file
    try:
        text = data if file is None else sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} cannot be read: {error}.") from error
    try:
        return cast("object", json.loads(text or ""))
    except ValueError as error:
        raise InvalidInput(f"{where} is no JSON: {error}. Write rows like [[5.1, 3.5], [4.9, 3.0]].") from error
