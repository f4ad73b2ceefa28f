"""What a job on this machine fetches before it trains: checked before anything starts, planned as its first stage."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from kubeflow.core.errors import InvalidInput
from kubeflow.local import fetch
from kubeflow.local.job.plan import NodePlan
from kubeflow.trainer.constants import constants
from kubeflow.trainer.errors import Unsupported
from kubeflow.trainer.types.initializers import (
    BaseInitializer,
    DataCacheInitializer,
    HuggingFaceDatasetInitializer,
    HuggingFaceModelInitializer,
    Initializer,
    S3DatasetInitializer,
    S3ModelInitializer,
)

_HUB = (HuggingFaceDatasetInitializer, HuggingFaceModelInitializer)
_S3 = (S3DatasetInitializer, S3ModelInitializer)
# Scheme of a URI -> the module that fetches it, and the extra that brings it.
_EXTRAS = {"hf": ("huggingface_hub", "huggingface"), "s3": ("boto3", "s3")}
# What this process is signed in with must not mix with the keys that a job is given.
_AWS_IDENTITY = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
)


def check(initializer: Initializer | None) -> None:
    """Refuse what cannot be fetched on this machine.

    Raises:
        InvalidInput: When a package is missing, or a `file://` URI names nothing.
        Unsupported: For what only a cluster has.
    """
    for _, source in _sources(initializer):
        if isinstance(source, DataCacheInitializer):
            raise Unsupported(
                "A data cache is made of pods that serve the nodes of a cluster, and there is none here: give the data "
                "itself, with HuggingFaceDatasetInitializer or S3DatasetInitializer."
            )
        if isinstance(source, _HUB + _S3) and source.secret is not None:
            raise Unsupported(
                f"secret={source.secret!r} names a Secret of a cluster, and this job runs on this machine: give the "
                "credentials themselves, or sign in here and leave it out."
            )
        scheme, _, rest = source.storage_uri.partition("://")
        module, extra = _EXTRAS.get(scheme, ("", ""))
        if module and importlib.util.find_spec(module) is None:
            raise InvalidInput(
                f"Fetching {source.storage_uri} needs {module!r}, which is not installed for {sys.executable}. "
                f"Run `pip install 'kubeflow[{extra}]'` there."
            )
        if scheme == "file" and not Path(unquote(rest)).exists():
            raise InvalidInput(f"There is no {unquote(rest)}, which storage_uri={source.storage_uri!r} names.")


def plan(initializer: Initializer | None, workspace: Path, environ: Mapping[str, str]) -> tuple[NodePlan, ...]:
    """Return the steps that fetch, which can run side by side; none when there is nothing to fetch.

    Args:
        initializer: What to fetch.
        workspace: The directory that gets `dataset` and `model`.
        environ: The environment of the steps; credentials are added.
    """
    return tuple(
        NodePlan(
            name={"dataset": constants.DATASET_INITIALIZER, "model": constants.MODEL_INITIALIZER}[kind],
            argv=(
                sys.executable,
                # By its path: this package need not be where the interpreter of the steps finds it.
                *("-P", str(fetch.__file__), kind, source.storage_uri, "--into", str(workspace / kind)),
                *(f"--ignore={pattern}" for pattern in _patterns(source)),
            ),
            env=_environment(source, environ),
        )
        for kind, source in _sources(initializer)
    )


def _sources(initializer: Initializer | None) -> list[tuple[str, BaseInitializer]]:
    if initializer is None:
        return []
    found = (("dataset", initializer.dataset), ("model", initializer.model))
    return [(kind, source) for kind, source in found if source is not None]


def _patterns(source: BaseInitializer) -> tuple[str, ...]:
    return tuple(source.ignore_patterns or ()) if isinstance(source, _HUB + _S3) else ()


def _environment(source: BaseInitializer, environ: Mapping[str, str]) -> dict[str, str]:
    """Credentials and their like go by the variables that the libraries read themselves."""
    env = {
        **environ,
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",  # they are drawn for terminals
        "HF_HUB_DISABLE_TELEMETRY": "1",
        **(source.env or {}),
    }
    given: dict[str, str | None] = {}
    if isinstance(source, _HUB):
        given = {"HF_TOKEN": source.access_token}
    elif isinstance(source, _S3):
        if source.access_key_id is not None:
            env = {name: value for name, value in env.items() if name not in _AWS_IDENTITY}
        given = {
            "AWS_ACCESS_KEY_ID": source.access_key_id,
            "AWS_SECRET_ACCESS_KEY": source.secret_access_key,
            "AWS_ENDPOINT_URL": source.endpoint,
            "AWS_REGION": source.region,
            "AWS_DEFAULT_REGION": source.region,
            fetch.ROLE: source.role_arn,
        }
    return {**env, **{name: value for name, value in given.items() if value is not None}}
