"""The names and signatures of `kubeflow.hub` in the published 0.5.0 are valid: what is new comes after what was there."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import pytest

import kubeflow.hub
from kubeflow.hub.api.model_registry_client import ModelRegistryClient
from kubeflow.hub.storage import upload_artifact
from kubeflow.hub.types.types import OCIUploadParams, S3UploadParams, StorageConfig

# Method -> what it takes by position, then what it takes by keyword.
PUBLISHED: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "__init__": (("base_url", "port"), ("author", "is_secure", "user_token", "custom_ca")),
    "register_model": (
        ("name", "uri"),
        (
            *("version", "model_format_name", "model_format_version", "author", "owner", "version_description"),
            *("metadata", "storage_config"),
        ),
    ),
    "update_model": (("model",), ()),
    "update_model_version": (("model_version",), ()),
    "update_model_artifact": (("model_artifact",), ()),
    "get_model": (("name",), ()),
    "get_model_version": (("name", "version"), ()),
    "get_model_artifact": (("name", "version"), ()),
    "list_models": ((), ()),
    "list_model_versions": (("name",), ()),
}


@pytest.mark.parametrize("method", PUBLISHED)
def test_a_method_takes_what_it_took(method: str) -> None:
    by_position, by_keyword = PUBLISHED[method]
    parameters = inspect.signature(getattr(ModelRegistryClient, method)).parameters
    names = [name for name in parameters if name != "self"]
    assert tuple(names[: len(by_position)]) == tuple(by_position)
    assert set(by_keyword) <= parameters.keys()
    required = {name for name in names if parameters[name].default is inspect.Parameter.empty}
    assert required <= {*by_position, "version"}


def test_names_and_fields_are_there() -> None:
    for name in ("ModelRegistryClient", "StorageConfig", "S3UploadParams", "OCIUploadParams", "upload_artifact"):
        assert name in kubeflow.hub.__all__
    assert [*inspect.signature(upload_artifact).parameters] == ["model_files_path", "upload_params"]
    assert [*inspect.signature(StorageConfig).parameters] == ["storage_key", "storage_path", "service_account_name"]
    assert [*inspect.signature(OCIUploadParams).parameters] == ["base_image", "oci_ref"]
    params = S3UploadParams(bucket_name="models", s3_prefix="iris")
    assert (params.multipart_threshold, params.max_pool_connections, params.region) == (1 << 20, 10, None)
