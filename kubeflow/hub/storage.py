"""`upload_artifact`: the files of a model to where servers can read them."""

from __future__ import annotations

import os
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, cast

from kubeflow.core.errors import InvalidInput
from kubeflow.core.tracebacks import thin_all
from kubeflow.hub.errors import RegistryDenied, RegistryUnavailable
from kubeflow.hub.stores.artifact_files import files_of
from kubeflow.hub.types.types import OCIUploadParams, S3UploadParams
from kubeflow.local import fetch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    class _S3(Protocol):
        def upload_file(self, Filename: str, Bucket: str, Key: str, *, Config: object) -> None: ...  # noqa: N803

        def close(self) -> None: ...


_SMALLEST_PART = 5 << 20  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
_DENIED = ("401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken")


def upload_artifact(
    model_files_path: str | os.PathLike[str], *, upload_params: S3UploadParams | OCIUploadParams
) -> str:
    """Upload a file, or a folder with all below it, and return its URI for `register_model`. Registers nothing.

    Args:
        model_files_path: Of this machine, or `hf://org/name[@revision]` for a model of the Hugging Face Hub, which is
            fetched into its cache first. A file keeps its name; of a folder, what is in it goes below the prefix.
        upload_params: Where to.

    Returns:
        Such as `s3://models/iris/1`. A file has its own name at the end.

    Raises:
        InvalidInput: There is no such file or folder; or it is to go to an OCI registry, which needs a tool for images.
        RegistryDenied: The store does not allow it.
        RegistryUnavailable: The store cannot be reached, or refuses; the upload can be repeated.
        ImportError: boto3 or huggingface_hub is not installed: `pip install 'kubeflow[hub]'`.
    """
    if isinstance(upload_params, OCIUploadParams):
        raise InvalidInput(
            f"upload_artifact makes no images: build one with the files below /models, like `FROM "
            f"{upload_params.base_image}` and `COPY --chmod=0644 model /models/`, push it with `docker push "
            f"{upload_params.oci_ref}`, and register uri='oci://{upload_params.oci_ref}'. Or give S3UploadParams."
        )
    if not isinstance(cast(object, upload_params), S3UploadParams):
        raise TypeError(f"upload_params takes S3UploadParams, not {type(upload_params).__name__}")
    if str(model_files_path).startswith("hf://"):
        with tempfile.TemporaryDirectory(prefix="kubeflow-") as folder:
            _fetch(str(model_files_path), Path(folder))
            return _uploaded(Path(folder), upload_params)
    return _uploaded(Path(model_files_path).expanduser(), upload_params)


def _fetch(uri: str, folder: Path) -> None:
    """Put links to the files of a model of the Hugging Face Hub into a folder."""
    if find_spec("huggingface_hub") is None:
        raise ImportError("hf:// needs huggingface_hub, which is not installed: pip install 'kubeflow[hub]'")
    try:
        fetch.fetch(uri, folder, [], "model", fetch.REMEDIES["upload"])
    except (fetch.FetchFailed, OSError) as error:
        raise RegistryUnavailable(f"{uri} cannot be fetched: {error}") from error


def _uploaded(source: Path, upload_params: S3UploadParams) -> str:
    if not source.exists():
        raise InvalidInput(f"there is no {str(source.absolute())!r} to upload")
    names = files_of(source)
    if not names:
        raise InvalidInput(f"the folder {str(source)!r} has no files to upload")
    prefix = upload_params.s3_prefix.strip("/")
    if not upload_params.bucket_name or not prefix:
        raise InvalidInput("S3UploadParams needs bucket_name and s3_prefix: where the files go")
    if (upload_params.access_key_id is None) != (upload_params.secret_access_key is None):
        raise InvalidInput("access_key_id and secret_access_key belong together: give both, or neither")
    keys = {name: f"{prefix}/{name or source.name}" for name in names}
    _upload(source, keys, upload_params)
    return f"s3://{upload_params.bucket_name}/{keys.get('', prefix)}"


def _upload(source: Path, keys: Mapping[str, str], params: S3UploadParams) -> None:
    try:
        boto3 = import_module("boto3")
    except ImportError as error:
        raise ImportError("uploads to S3 need boto3, which is not installed: pip install 'kubeflow[hub]'") from error
    failures, transfers = import_module("botocore.exceptions"), import_module("boto3.exceptions")
    endpoint = params.endpoint_url or os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_S3_ENDPOINT")
    try:
        store = cast(
            "_S3",
            boto3.session.Session().client(
                "s3",
                endpoint_url=endpoint or None,
                aws_access_key_id=params.access_key_id,
                aws_secret_access_key=params.secret_access_key,
                region_name=params.region,
                config=import_module("botocore.config").Config(max_pool_connections=params.max_pool_connections),
            ),
        )
        transfer = import_module("boto3.s3.transfer").TransferConfig(
            multipart_threshold=max(params.multipart_threshold, _SMALLEST_PART),
            multipart_chunksize=max(params.multipart_chunksize, _SMALLEST_PART),
        )
        try:
            for name, key in keys.items():
                store.upload_file(str(source / name if name else source), params.bucket_name, key, Config=transfer)
        finally:
            store.close()
    except (failures.ClientError, failures.BotoCoreError, transfers.Boto3Error) as error:
        text = f"s3://{params.bucket_name}/{params.s3_prefix} cannot be written: {error}. "
        if any(f"({code})" in str(error) for code in _DENIED) or isinstance(error, failures.NoCredentialsError):
            raise RegistryDenied(f"{text}Give access_key_id= and secret_access_key= that may.") from error
        raise RegistryUnavailable(
            f"{text}Look at bucket_name= and endpoint_url=, and call again: files that are there are replaced."
        ) from error
    except ValueError as error:  # boto3's word for a malformed endpoint
        raise InvalidInput(f"endpoint_url={endpoint!r}: {error}") from error


thin_all(globals())
