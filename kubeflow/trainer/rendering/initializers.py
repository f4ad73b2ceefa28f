"""Initializers as a TrainJob has them: where the data is, and options of the download as environment variables.

What the variables are called is a fact of the initializer images of Trainer 2.0 to 2.3. Credentials are not among them:
they go into Secrets, see `credentials`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kubeflow.core.errors import InvalidInput
from kubeflow.trainer.constants import constants
from kubeflow.trainer.jobs.jobspec import JobSpec
from kubeflow.trainer.rendering.credentials import secret_of
from kubeflow.trainer.rendering.literals import literal
from kubeflow.trainer.types.initializers import (
    DataCacheInitializer,
    DatasetInitializer,
    HuggingFaceDatasetInitializer,
    HuggingFaceModelInitializer,
    ModelInitializer,
)

if TYPE_CHECKING:
    from kubeflow_api.k8s.core.v1 import EnvVar, LocalObjectReference
    from kubeflow_api.trainer import v1alpha1


def initializer(spec: JobSpec) -> v1alpha1.Initializer | None:
    """Return what the TrainJob of `spec` fetches first; `None` leaves it to the runtime.

    Raises:
        InvalidInput: When no cluster can fetch it.
    """
    from kubeflow_api.trainer import v1alpha1

    if spec.initializer is None or (spec.initializer.dataset is None and spec.initializer.model is None):
        return None
    result = v1alpha1.Initializer()
    if (dataset := spec.initializer.dataset) is not None:
        result.dataset = v1alpha1.DatasetInitializer(
            storage_uri=_uri(dataset),
            env=_env(dataset),
            secret_ref=_reference(secret_of(spec, constants.DATASET_INITIALIZER)),
        )
    if (model := spec.initializer.model) is not None:
        result.model = v1alpha1.ModelInitializer(
            storage_uri=_uri(model),
            env=_env(model),
            secret_ref=_reference(secret_of(spec, constants.MODEL_INITIALIZER)),
        )
    return result


def _uri(source: DatasetInitializer | ModelInitializer) -> str:
    if source.storage_uri.startswith("file:"):
        raise InvalidInput(
            f"storage_uri={source.storage_uri!r} is a path of this machine, which no cluster can read: upload it to an "
            "S3 bucket or the Hugging Face Hub, or mount it with the option VolumeClaim."
        )
    return literal(source.storage_uri)  # a variable of the initializer


def _reference(secret: str | None) -> LocalObjectReference | None:
    from kubeflow_api.k8s.core.v1 import LocalObjectReference

    return LocalObjectReference(name=secret) if secret is not None else None


def _env(source: DatasetInitializer | ModelInitializer) -> list[EnvVar] | None:
    from kubeflow_api.k8s.core.v1 import EnvVar

    variables: dict[str, str | None] = {**(source.env or {})}
    if isinstance(source, DataCacheInitializer):
        variables |= {
            "METADATA_LOC": source.metadata_loc,
            "CLUSTER_SIZE": str(source.num_data_nodes + 1),  # the head node is one of the cluster
            "HEAD_CPU": source.head_cpu,
            "HEAD_MEM": source.head_mem,
            "WORKER_CPU": source.worker_cpu,
            "WORKER_MEM": source.worker_mem,
            "IAM_ROLE": source.iam_role,
        }
    elif isinstance(source, HuggingFaceDatasetInitializer | HuggingFaceModelInitializer):
        variables |= {"IGNORE_PATTERNS": _patterns(source.ignore_patterns)}
    else:
        variables |= {
            "IGNORE_PATTERNS": _patterns(source.ignore_patterns),
            "ENDPOINT": source.endpoint,
            "REGION": source.region,
            "ROLE_ARN": source.role_arn,
        }
    return [EnvVar(name=name, value=literal(value)) for name, value in variables.items() if value is not None] or None


def _patterns(patterns: Sequence[str] | None) -> str | None:
    if not patterns:
        return None
    if bad := [pattern for pattern in patterns if "," in pattern]:
        raise InvalidInput(
            f"ignore_patterns reaches a cluster as one list with commas, so a pattern cannot have one: {bad[0]!r}. "
            "Write it as several patterns."
        )
    return ",".join(patterns)
