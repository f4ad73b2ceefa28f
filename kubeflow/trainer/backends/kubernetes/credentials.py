"""Credentials of a job: they live in Secrets, and the TrainJob, which many may read, only names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kubeflow.core.errors import InvalidInput
from kubeflow.trainer.constants import constants
from kubeflow.trainer.jobspec import JobSpec
from kubeflow.trainer.types.initializers import (
    DataCacheInitializer,
    DatasetInitializer,
    HuggingFaceDatasetInitializer,
    HuggingFaceModelInitializer,
    ModelInitializer,
)

if TYPE_CHECKING:
    from kubeflow_api.trainer import v1alpha1

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

    def manifest(self, owner: v1alpha1.TrainJob) -> dict[str, object]:
        """Return the Secret as it is sent, in the namespace of `owner` and deleted with it.

        Args:
            owner: The TrainJob as the server stored it, with its uid.

        Raises:
            InvalidInput: When `owner` has no uid: without one the Secret would outlive the job.
        """
        metadata = owner.metadata
        if metadata is None or metadata.uid is None or metadata.name is None:
            raise InvalidInput(f"Secret {self.name!r} needs the TrainJob as the server stored it, which has a uid.")
        reference = {
            "apiVersion": constants.API_VERSION,
            "kind": constants.TRAINJOB_KIND,
            "name": metadata.name,
            "uid": metadata.uid,
        }
        place = {"namespace": metadata.namespace} if metadata.namespace is not None else {}
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": self.name, **place, "ownerReferences": [reference]},
            "type": "Opaque",
            "stringData": dict(self.data),
        }


def secrets(spec: JobSpec) -> list[JobSecret]:
    """Return the Secrets to create beside the TrainJob of `spec`: one for each initializer with inline credentials.

    Pods wait for a Secret that does not exist yet, so they can be made after the TrainJob, which then owns them.
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
