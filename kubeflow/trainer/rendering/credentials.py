"""Credentials of a job: they live in Secrets, and the TrainJob, which many may read, only names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kubeflow.trainer.constants import constants
from kubeflow.trainer.jobs.jobspec import JobSpec
from kubeflow.trainer.types.initializers import (
    DataCacheInitializer,
    DatasetInitializer,
    HuggingFaceDatasetInitializer,
    HuggingFaceModelInitializer,
    ModelInitializer,
)

_STEPS = (constants.DATASET_INITIALIZER, constants.MODEL_INITIALIZER)


@dataclass(frozen=True, slots=True)
class JobSecret:
    """A Secret that a job needs and brings along.

    Attributes:
        name: Its name, which the TrainJob refers to.
        data: Value by key; the keys are the environment variables of an initializer (Trainer 2.0 to 2.3). Not shown.
    """

    name: str
    data: Mapping[str, str] = field(repr=False)


def secrets(spec: JobSpec) -> list[JobSecret]:
    """Return the Secrets to create beside the TrainJob of `spec`: one for each initializer with inline credentials.

    `submit` makes them before the TrainJob, which owns them once it exists.
    """
    found = [(step, _inline(source)) for step in _STEPS if (source := _source(spec, step)) is not None]
    return [JobSecret(_name(spec, step), data) for step, data in found if data]


def secret_of(spec: JobSpec, step: str) -> str | None:
    """Return the Secret with the credentials of the initializer of `step`: the user's own, or one of `secrets`."""
    source = _source(spec, step)
    if source is None or isinstance(source, DataCacheInitializer):
        return None
    return source.secret or (_name(spec, step) if _inline(source) else None)


def _source(spec: JobSpec, step: str) -> DatasetInitializer | ModelInitializer | None:
    if spec.initializer is None:
        return None
    return spec.initializer.dataset if step == constants.DATASET_INITIALIZER else spec.initializer.model


def _name(spec: JobSpec, step: str) -> str:
    return f"{spec.name}-{step}"


def _inline(source: DatasetInitializer | ModelInitializer) -> dict[str, str]:
    if isinstance(source, DataCacheInitializer):
        return {}
    if isinstance(source, HuggingFaceDatasetInitializer | HuggingFaceModelInitializer):
        given = {"ACCESS_TOKEN": source.access_token}
    else:
        given = {"ACCESS_KEY_ID": source.access_key_id, "SECRET_ACCESS_KEY": source.secret_access_key}
    return {key: value for key, value in given.items() if value}
