"""Where the files of a model lie, and what is needed to read or to write them there."""

from __future__ import annotations

from dataclasses import dataclass, field

from kubeflow.core.display import repr_of_fields


@dataclass(slots=True)
class StorageConfig:
    """How KServe gets at the files of a model. What is None is left to its defaults.

    Attributes:
        storage_key: Key of the credentials in the Secret `storage-config` of the namespace.
        storage_path: Path of the model in that storage.
        service_account_name: Service account whose Secrets or cloud identity may read the files.
    """

    storage_key: str | None = None
    storage_path: str | None = None
    service_account_name: str | None = None

    __repr__ = repr_of_fields


@dataclass(slots=True)
class S3UploadParams:
    """Where in an S3 store files go, and how they are sent. Needs the extra `s3`.

    Attributes:
        bucket_name: The bucket; it must exist.
        s3_prefix: Key below which the files go; files there are replaced.
        endpoint_url: URL of the store; default: `AWS_ENDPOINT_URL` or `AWS_S3_ENDPOINT`, else that of AWS.
        access_key_id: With `secret_access_key`; default: what boto3 finds in environment, profile or machine.
        secret_access_key: The secret of `access_key_id`.
        region: Such as `eu-west-1`; default: what boto3 finds.
        multipart_threshold: Bytes from which a file is sent in parts.
        multipart_chunksize: Bytes of a part. S3 takes no parts below 5 MiB but the last; smaller values count as that.
        max_pool_connections: Connections at once.
    """

    bucket_name: str
    s3_prefix: str
    endpoint_url: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    region: str | None = None
    multipart_threshold: int = 1024 * 1024
    multipart_chunksize: int = 1024 * 1024
    max_pool_connections: int = 10

    __repr__ = repr_of_fields


@dataclass(slots=True)
class OCIUploadParams:
    """An image of an OCI registry. `upload_artifact` refuses it, and says how such an image is made.

    Attributes:
        base_image: Image that the files would be put on, such as `busybox`.
        oci_ref: Name of the image, such as `ghcr.io/my-org/models/fraud-detector:v1`.
    """

    base_image: str
    oci_ref: str

    __repr__ = repr_of_fields
