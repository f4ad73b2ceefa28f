"""`kubeflow unpack`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from kubeflow.cli.result_output import print_data, print_name
from kubeflow.cli.shared_options import ConnectionOptions, OutputFormat, OutputOption
from kubeflow.core.errors import InvalidInput, KubeflowError

_FILES = (".yaml", ".yml", ".json")


def unpack(
    source: Annotated[
        str, typer.Argument(metavar="JOB", help="A TrainJob of the cluster; a file of YAML or JSON; or - for stdin.")
    ],
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Where the files go: new, or empty.")],
    connection: ConnectionOptions,
    output: OutputOption = OutputFormat.TABLE,
) -> None:
    """Write the code that a TrainJob carries to files, after its digest has been checked. Nothing of it is run.

    A word that ends in .yaml, .yml or .json, or has a slash, is a file; any other is the name of a TrainJob. Files are
    written below a new or empty folder only.

    $ kubeflow unpack train-3f2a code
    $ kubectl get trainjob train-3f2a -o yaml | kubeflow unpack - code
    """
    from kubeflow.packaging.bundles.inspection import unpack_object, write_files

    target = Path(folder).expanduser()
    if target.exists() and not target.is_dir():
        raise InvalidInput(f"{folder} is a file: name a new folder.")
    unpacked = unpack_object(_documents(source, connection))
    try:
        written = write_files(unpacked, target)
    except OSError as error:
        raise KubeflowError(f"{folder} cannot be written: {error}.") from error
    if output in (OutputFormat.JSON, OutputFormat.YAML):
        facts = {
            "name": unpacked.name,
            "digest": f"sha256:{unpacked.digest}",
            "launcher": unpacked.launcher,
            "requirements": unpacked.requirements,
            "index_urls": unpacked.index_urls,
            "files": [str(path) for path in written],
        }
        print_data(facts, output)
    elif output is OutputFormat.NAME:
        for path in written:
            print_name(str(path))
    else:
        print(f"{unpacked.name}: {len(written)} files in {folder}")
        print(f"digest sha256:{unpacked.digest}, checked; launcher: {' '.join(unpacked.launcher)}")
        if unpacked.requirements:
            print(f"requirements: {', '.join(unpacked.requirements)}")


def _documents(source: str, connection: ConnectionOptions) -> object:
    if source != "-" and not source.endswith(_FILES) and "/" not in source:
        return _from_cluster(source, connection)
    import yaml

    try:
        text = sys.stdin.read() if source == "-" else Path(source).expanduser().read_text("utf-8")
        return list(yaml.safe_load_all(text))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        where = "stdin" if source == "-" else source
        raise InvalidInput(f"{where} cannot be read as YAML: {error}") from error


def _from_cluster(name: str, connection: ConnectionOptions) -> object:
    from kubeflow.cluster import NotFound
    from kubeflow.trainer import JobNotFound, KubernetesBackendConfig, Unsupported
    from kubeflow.trainer.backends.kubernetes.config import cluster_of

    config = connection.config()
    if not isinstance(config, KubernetesBackendConfig):
        remedy = f" To unpack the file, write ./{name}." if Path(name).exists() else ""
        raise Unsupported(
            f"{name!r} is looked for in clusters only: jobs of this machine have their code in a folder, which "
            f"`kubeflow explain {name}` names.{remedy}"
        )
    from kubeflow_api.trainer.v1alpha1 import Client

    cluster = cluster_of(config)
    client = Client(cluster, cluster.namespace)
    try:
        return client.train_jobs.get(name).to_dict()
    except NotFound as error:
        names = [job.metadata.name or "" for job in client.train_jobs.list() if job.metadata is not None]
        raise JobNotFound(name, names, where=f"in namespace {cluster.namespace!r}") from error
