"""`kubeflow models`: the model registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

import typer

from kubeflow.cli.command_times import when
from kubeflow.cli.result_output import ResultColumn, print_data, print_item, print_items
from kubeflow.cli.shared_options import ConnectionOptions, OutputFormat, OutputOption
from kubeflow.core.errors import InvalidInput
from kubeflow.hub import ModelArtifact, ModelRegistryClient, ModelVersion, RegisteredModel
from kubeflow.trainer import TrainerClient
from kubeflow.trainer.diagnosis.diagnosis import clock

MODEL_COLUMNS: Sequence[ResultColumn[RegisteredModel]] = (
    ResultColumn("NAME", lambda model: model.name),
    ResultColumn("STATE", lambda model: model.state),
    ResultColumn("OWNER", lambda model: model.owner or ""),
    ResultColumn("CREATED", lambda model: when(model.created)),
    ResultColumn("DESCRIPTION", lambda model: model.description or ""),
)
VERSION_COLUMNS: Sequence[ResultColumn[ModelVersion]] = (
    ResultColumn("NAME", lambda version: version.name),
    ResultColumn("STATE", lambda version: version.state),
    ResultColumn("AUTHOR", lambda version: version.author or ""),
    ResultColumn("CREATED", lambda version: when(version.created)),
    ResultColumn("METADATA", lambda version: metadata_text(version.custom_properties)),
)
ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="The model.")]
RegistryOption = Annotated[
    str | None,
    typer.Option(
        "--registry",
        metavar="URL",
        help="The registry, or local; else what KUBEFLOW_MODEL_REGISTRY says, or that of this machine.",
    ),
]


def models(
    registry: RegistryOption = None,
    query: Annotated[
        str | None, typer.Option("--query", "-q", metavar="QUERY", help="Only these, like: name LIKE 'iris%'.")
    ] = None,
    output: OutputOption = OutputFormat.TABLE,
) -> None:
    """List registered models, oldest first.

    More commands are `kubeflow models get`, `versions`, `artifact` and `register`.

    $ kubeflow models
    $ kubeflow models register iris s3://models/iris/1 --version 1
    """
    found = list(ModelRegistryClient(registry).list_models(query))
    print_items(found, MODEL_COLUMNS, output, none="There are no such models.")


def get_model(
    name: ModelName,
    version: Annotated[str | None, typer.Argument(metavar="VERSION", help="A version, or latest.")] = None,
    registry: RegistryOption = None,
    output: OutputOption = OutputFormat.TABLE,
) -> None:
    """Show a model, or one of its versions with where its files are.

    $ kubeflow models get iris latest -o json
    """
    client = ModelRegistryClient(registry)
    if version is None:
        model = client.get_model(name)
        print_item(model, output, lambda: model_text(model, list(client.list_model_versions(name))))
        return
    found = client.get_model_version(name, version)
    if output in (OutputFormat.JSON, OutputFormat.YAML):
        print_data({**found.to_dict(), "artifact": found.artifact.to_dict()}, output)
    else:
        print_item(found, output, lambda: version_text(found))


def versions(
    name: ModelName,
    registry: RegistryOption = None,
    query: Annotated[
        str | None, typer.Option("--query", "-q", metavar="QUERY", help="Only these, like: accuracy > 0.9.")
    ] = None,
    output: OutputOption = OutputFormat.TABLE,
) -> None:
    """List the versions of a model, oldest first.

    $ kubeflow models versions iris --query 'accuracy > 0.9'
    """
    found = list(ModelRegistryClient(registry).list_model_versions(name, query=query))
    print_items(found, VERSION_COLUMNS, output, none="There are no such versions.")


def artifact(
    name: ModelName,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A version, or latest.")] = "latest",
    registry: RegistryOption = None,
    uri: Annotated[bool, typer.Option("--uri", help="Print the URI alone.")] = False,
    output: OutputOption = OutputFormat.TABLE,
) -> None:
    """Show where the files of a version are, in which format, and what made them.

    $ kubeflow models artifact iris latest --uri
    """
    found = ModelRegistryClient(registry).get_model_artifact(name, version)
    if uri:
        print(found.uri)
    else:
        print_item(found, output, lambda: artifact_text(found))


def register(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="The model; made with its first version.")],
    connection: ConnectionOptions,
    uri: Annotated[str | None, typer.Argument(metavar="URI", help="Where its files are; else --job.")] = None,
    job: Annotated[str | None, typer.Option("--job", metavar="JOB", help="Register the output of a train job.")] = None,
    version: Annotated[
        str | None, typer.Option("--version", metavar="VERSION", help="Of the model; else the name of the job.")
    ] = None,
    model_format: Annotated[
        str | None, typer.Option("--format", metavar="FORMAT", help="Of its files, like sklearn or onnx.")
    ] = None,
    author: Annotated[str | None, typer.Option("--author", metavar="NAME", help="Who made the version.")] = None,
    description: Annotated[str | None, typer.Option("--description", metavar="TEXT", help="Of the version.")] = None,
    registry: RegistryOption = None,
    output: OutputOption = OutputFormat.TABLE,
) -> None:
    """Register a version of a model, and print the model's name. The same call again changes nothing.

    $ kubeflow models register iris s3://models/iris/1 --version 1
    $ kubeflow models register digits --job fit-3f2a --format sklearn
    """
    if (uri is None) == (job is None):
        raise InvalidInput("Say once where the files are: a URI after the name of the model, or --job JOB.")
    if version is None and job is None:
        raise InvalidInput("--version is missing: the version that these files are of the model, like 1.")
    source = uri or TrainerClient(connection.config()).get_job_output(str(job), format=model_format)
    model = ModelRegistryClient(registry, author=author).register_model(
        name, source, version=version or str(job), model_format_name=model_format, version_description=description
    )
    print_item(model, output, lambda: model.name)


def model_text(model: RegisteredModel, known: Sequence[ModelVersion]) -> str:
    """Return what people want to know of a model."""
    facts = {
        "Name": model.name,
        "State": model.state,
        "Owner": model.owner,
        "Created": _clock(model.created),
        "Versions": ", ".join(version.name for version in known) or "none",
        "About": model.description,
    }
    return _facts(facts)


def version_text(version: ModelVersion) -> str:
    """Return what people want to know of a version, and where its files are."""
    facts = {
        "Model": version.model_name,
        "Version": version.name,
        "State": version.state,
        "Author": version.author,
        "Created": _clock(version.created),
        "Metadata": metadata_text(version.custom_properties),
        "About": version.description,
    }
    return f"{_facts(facts)}\n{artifact_text(version.artifact)}"


def artifact_text(found: ModelArtifact) -> str:
    """Return where the files of a version are, and what they are."""
    kind = " ".join(filter(None, (found.model_format_name, found.model_format_version)))
    source = " ".join(filter(None, (found.model_source_kind, found.model_source_name)))
    return _facts({"Files": found.uri, "Format": kind, "Made by": source})


def _facts(facts: dict[str, str | None]) -> str:
    return "\n".join(f"{f'{title}:':<10}{fact}" for title, fact in facts.items() if fact)


def _clock(time: datetime | None) -> str | None:
    return None if time is None else clock(time)


def metadata_text(metadata: Mapping[str, object]) -> str:
    """Return metadata on one line, like `accuracy=0.97, rows=1797`."""
    return ", ".join(f"{key}={value}" for key, value in metadata.items())
