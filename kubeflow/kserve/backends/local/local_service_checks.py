"""What is checked of a service before it starts here, and the revision that is made of it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from kubeflow.core.errors import InvalidInput
from kubeflow.kserve.backends.local.pickle_trust import check_trusted
from kubeflow.kserve.backends.local.server_liveness import liveness_period
from kubeflow.kserve.backends.local.service_files import LocalRevision
from kubeflow.kserve.errors import ModelRejected
from kubeflow.kserve.server.model_files import SERVED_HERE, ModelFile, find_model_file
from kubeflow.kserve.server.model_loading import check_format_packages, check_server_packages
from kubeflow.kserve.service_spec import ServiceSpec
from kubeflow.kserve.types.served_models import ServedModel
from kubeflow.local.environments.cache import locate, needed
from kubeflow.local.environments.sources import settled
from kubeflow.local.job.places import environments
from kubeflow.local.job.plan import EnvironmentPlan
from kubeflow.packaging.requirements.index_urls import variables
from kubeflow.trainer.errors import Unsupported

# Scheme of a URI -> the module that fetches it, and the extra that brings it.
_FETCHED: Mapping[str, tuple[str, str]] = {"hf": ("huggingface_hub", "huggingface"), "s3": ("boto3", "s3")}


def check_spec(spec: ServiceSpec) -> None:
    """Refuse what only a cluster can do.

    Raises:
        Unsupported: With what to leave out.
    """
    asked = {
        "runtime=": spec.runtime, "image=": spec.image, "options.DeploymentMode": spec.deployment_mode,
        "options.StorageCredentials": spec.service_account or spec.storage_key,
    }  # fmt: skip
    wrong = [name for name, value in asked.items() if value is not None]
    if wrong:
        raise Unsupported(
            f"{' and '.join(wrong)} {'is' if len(wrong) == 1 else 'are'} for a cluster: a service of this machine runs "
            "in the interpreter that makes it. Leave it out, or make the service for a cluster with dry_run=True."
        )


def cluster_notes(spec: ServiceSpec) -> list[str]:
    """Return, in words, what of a service has no effect here."""
    notes: list[str] = []
    only = [*spec.cluster_options, *(edit.description for edit in spec.edits)]
    if only:
        notes.append(f"{', '.join(dict.fromkeys(only))} only a cluster can realise; they have no effect here")
    return notes + replica_notes(spec.min_replicas, spec.max_replicas)


def replica_notes(least: int | None, most: int | None) -> list[str]:
    """Return, in words, what is different here of the replicas that were asked for."""
    notes: list[str] = []
    if least is not None and least > 1:
        notes.append(f"min_replicas={least}: one process serves here")
    if least == 0:
        notes.append("min_replicas=0: here a service runs until stop_service()")
    if most is not None and most > 1:
        notes.append(f"max_replicas={most}: one process serves here")
    return notes


def check_env(env: Mapping[str, str]) -> None:
    """Refuse variables that the keeper of a service could not read.

    Args:
        env: Variables of its server.

    Raises:
        InvalidInput: One holds something else than it may.
    """
    liveness_period({**os.environ, **env})


def revision_of(
    model: ServedModel, number: int, env: Mapping[str, str], state: Path, *, made_here: Path | None = None
) -> LocalRevision:
    """Return the revision for a model, once it is known that it can be served here.

    Args:
        model: What is to be served.
        number: Of the revision.
        env: Variables of its server.
        state: The state directory.
        made_here: A folder that is the output of a job of this machine.

    Raises:
        InvalidInput: A package is missing, or there is no such model (`ModelRejected`).
    """
    check_server_packages()
    check_env(env)
    if model.bundle is not None:
        environment, python = _environment(model, env, state)
        return LocalRevision(
            number,
            str(model),
            argv=tuple(model.bundle.command(python=python, install=False)),
            environment=None if environment is None else asdict(environment),
            env=dict(env),
            made=time.time(),
        )
    uri = model.uri or ""
    place, trusted = model.path, model.trusted
    if place is not None:
        file = _found(place, model, uri)
        check_format_packages(file.format)
        if not trusted:
            check_trusted(file, state, said=uri, made_here=made_here)
            trusted = True  # as seen now; the keeper does not know whose output a folder is
    else:
        _check_remote(model, uri)
    return LocalRevision(number, uri, uri, model.format, trusted, env=dict(env), made=time.time())


def _found(place: Path, model: ServedModel, uri: str) -> ModelFile:
    return find_model_file(place, model.format, said=uri)


def _check_remote(model: ServedModel, uri: str) -> None:
    scheme = uri.partition("://")[0]
    if scheme not in _FETCHED:
        raise InvalidInput(
            f"{uri} cannot be fetched here: services of this machine take paths, file://, s3:// and hf://. Fetch it "
            "yourself and give the path, or serve it on a cluster."
        )
    module, extra = _FETCHED[scheme]
    if find_spec(module) is None:
        raise InvalidInput(
            f"Fetching {uri} needs {module!r}, which is not installed for {sys.executable}. Run "
            f"`pip install 'kubeflow[{extra}]'` there."
        )
    if model.format is None:
        return
    if model.format not in SERVED_HERE:
        raise ModelRejected(
            uri,
            f"no server of this machine loads format {model.format!r}",
            f"Here there are: {', '.join(SERVED_HERE)}; anything else can be served as a function that loads it.",
        )
    check_format_packages(model.format)
    if model.format == "sklearn" and not model.trusted:
        raise ModelRejected(
            uri,
            "models of format 'sklearn' are pickles, and loading one from elsewhere executes code that is in it",
            "If you know who made it, serve it with trust_pickle=True. Else ask for a format that holds no code, such "
            "as ONNX.",
        )


def _environment(model: ServedModel, env: Mapping[str, str], state: Path) -> tuple[EnvironmentPlan | None, str]:
    """Return the Python that is built for a function, `None` when this one has all that it asks for; and its path."""
    assert model.bundle is not None
    lines, urls = model.bundle.requirements, model.bundle.index_urls
    named: Sequence[str] = variables([*lines, *urls])
    told = {name: text for name, text in env.items() if name.startswith(("PIP_", "UV_")) or name in named}
    plan = EnvironmentPlan(lines, urls, variables=told)
    if not needed(plan):
        return None, sys.executable
    environ = {**os.environ, **told}
    if unset := [name for name in named if name not in environ]:
        raise InvalidInput(
            f"packages_to_install or pip_index_urls name the environment variable {unset[0]}, which is not set: set it "
            "in the environment of this process, or give the service env={...} with it."
        )
    plan = settled(plan, environ)
    return plan, str(locate(plan, environments(state)))
