"""The model registry: models, their versions, and where the files of each are; on this machine, or on a server.

Names are loaded when they are first used, so that importing this package costs next to nothing.
"""

import typing as _typing

if _typing.TYPE_CHECKING:
    from kubeflow.hub.api.model_registry_client import ModelRegistryClient
    from kubeflow.hub.errors import (
        IncompleteVersion,
        ModelConflict,
        ModelNotFound,
        RegistryDenied,
        RegistryError,
        RegistryRefused,
        RegistryUnavailable,
        RegistryVersionMismatch,
    )
    from kubeflow.hub.storage import upload_artifact
    from kubeflow.hub.types.entities import ModelArtifact, ModelVersion, RegisteredModel
    from kubeflow.hub.types.types import OCIUploadParams, S3UploadParams, StorageConfig
else:
    from kubeflow.core.lazy import exporter as _exporter

    __getattr__, __dir__ = _exporter(
        __name__,
        {
            "api.model_registry_client": ("ModelRegistryClient",),
            "errors": (
                "IncompleteVersion",
                "ModelConflict",
                "ModelNotFound",
                "RegistryDenied",
                "RegistryError",
                "RegistryRefused",
                "RegistryUnavailable",
                "RegistryVersionMismatch",
            ),
            "storage": ("upload_artifact",),
            "types.entities": ("ModelArtifact", "ModelVersion", "RegisteredModel"),
            "types.types": ("OCIUploadParams", "S3UploadParams", "StorageConfig"),
        },
    )

__all__ = [
    "IncompleteVersion",
    "ModelArtifact",
    "ModelConflict",
    "ModelNotFound",
    "ModelRegistryClient",
    "ModelVersion",
    "OCIUploadParams",
    "RegisteredModel",
    "RegistryDenied",
    "RegistryError",
    "RegistryRefused",
    "RegistryUnavailable",
    "RegistryVersionMismatch",
    "S3UploadParams",
    "StorageConfig",
    "upload_artifact",
]
