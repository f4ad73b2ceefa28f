"""What is fetched once before training: a dataset and a model, from the Hugging Face Hub, S3 or a data cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kubeflow.core.artifact import Artifact, SupportsArtifact, uri_of
from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.tracebacks import thin_all
from kubeflow.trainer.constants import constants
from kubeflow.trainer.types.checks import check_count, check_env, check_instance, check_strings, check_text
from kubeflow.trainer.types.storage_uris import Source, problem

# Variable of an initializer's container -> the field that sets it. https://github.com/kubeflow/trainer,
# pkg/initializers/types of 2.0 to 2.3; what those images read from the libraries' own variables besides.
_FIELD_OF_VARIABLE = {
    "STORAGE_URI": "storage_uri",
    "IGNORE_PATTERNS": "ignore_patterns",
    "ACCESS_TOKEN": "access_token",
    "HF_TOKEN": "access_token",
    "HUGGING_FACE_HUB_TOKEN": "access_token",
    "ENDPOINT": "endpoint",
    "ACCESS_KEY_ID": "access_key_id",
    "SECRET_ACCESS_KEY": "secret_access_key",
    "AWS_ACCESS_KEY_ID": "access_key_id",
    "AWS_SECRET_ACCESS_KEY": "secret_access_key",
    "REGION": "region",
    "ROLE_ARN": "role_arn",
    "METADATA_LOC": "metadata_loc",
    "CLUSTER_SIZE": "num_data_nodes",
    "HEAD_CPU": "head_cpu",
    "HEAD_MEM": "head_mem",
    "WORKER_CPU": "worker_cpu",
    "WORKER_MEM": "worker_mem",
    "IAM_ROLE": "iam_role",
}


@dataclass(frozen=True)
class BaseInitializer:
    """A source of data.

    Attributes:
        storage_uri: Where the data is, like `"hf://tatsu-lab/alpaca"`.
        env: Environment variables of what fetches, such as `{"HF_ENDPOINT": "https://hub.example.com"}` for a mirror.
            Credentials are not among them: they have fields of their own.
    """

    storage_uri: str
    env: Mapping[str, str] | None = field(default=None, kw_only=True)

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_text("storage_uri", self.storage_uri)
        _check_env(self)


def _check_env(source: BaseInitializer) -> None:
    if source.env is None:
        return
    check_env("env", source.env)
    for name in source.env:
        own = _FIELD_OF_VARIABLE.get(name)
        if own is not None:
            kind = type(source).__name__
            remedy = f"write {own}=" if hasattr(source, own) else f"leave it out: a {kind} does not read it"
            raise InvalidInput(f"env[{name!r}] is set by {kind} itself: {remedy}.")


def _check_uri(uri: object, source: Source, scheme: str) -> None:
    check_text("storage_uri", uri)
    text = str(uri)
    if scheme != "cache" and text.startswith("file:"):  # jobs on this machine fetch from it, too
        if not text.startswith("file:///") or text == "file:///":
            raise InvalidInput(f"storage_uri must be 'file:///' and an absolute path, not {text!r}.")
        return
    if reason := problem(text, source, (scheme,)):
        raise InvalidInput(f"storage_uri={text!r} cannot be fetched: {reason}{'' if reason.endswith('?') else '.'}")


def _check_secret(secret: str | None, **inline: str | None) -> None:
    if secret is None:
        return
    check_text("secret", secret)
    if given := [name for name, value in inline.items() if value is not None]:
        raise InvalidInput(f"secret={secret!r} and {', '.join(given)} both give credentials: leave one of them out.")


@dataclass(frozen=True)
class HuggingFaceDatasetInitializer(BaseInitializer):
    """A dataset from the Hugging Face Hub.

    Attributes:
        storage_uri: `"hf://<organisation>/<dataset>[/<path>]"`.
        ignore_patterns: Files to leave out, as globs.
        access_token: Token for a private dataset.
        secret: A Secret of the job's namespace with the token under the key `ACCESS_TOKEN`, instead of `access_token`.
            It suits jobs kept as YAML: `train` makes a Secret of an inline token, `kubectl apply` does not.
    """

    ignore_patterns: Sequence[str] | None = None
    access_token: str | None = field(default=None, repr=False)
    secret: str | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        _check_uri(self.storage_uri, "dataset", "hf")
        _check_env(self)
        _check_patterns(self.ignore_patterns)
        _check_secret(self.secret, access_token=self.access_token)


@dataclass(frozen=True)
class S3DatasetInitializer(BaseInitializer):
    """A dataset from S3 or a store that speaks its protocol.

    Attributes:
        storage_uri: `"s3://<bucket>/<path>"`.
        ignore_patterns: Files to leave out, as globs.
        endpoint: URL of the store, when it is not AWS.
        access_key_id: Access key.
        secret_access_key: Its secret.
        region: Region of the bucket.
        role_arn: Role to assume.
        secret: A Secret of the job's namespace with the keys `ACCESS_KEY_ID` and `SECRET_ACCESS_KEY`, instead of
            `access_key_id` and `secret_access_key`. It suits jobs kept as YAML: `train` makes a Secret of inline
            keys, `kubectl apply` does not.
    """

    ignore_patterns: Sequence[str] | None = None
    endpoint: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    region: str | None = None
    role_arn: str | None = None
    secret: str | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        _check_uri(self.storage_uri, "dataset", "s3")
        _check_env(self)
        _check_patterns(self.ignore_patterns)
        _check_secret(self.secret, access_key_id=self.access_key_id, secret_access_key=self.secret_access_key)


@dataclass(frozen=True)
class DataCacheInitializer(BaseInitializer):
    """A table that a distributed cache serves to the nodes while they train.

    The runtime `torch-distributed-with-cache` that Trainer 2.3.0 ships refuses it: its `dataset-initializer` mounts no
    volume `initializer`, which that Trainer asks for. An administrator adds one to the job of that name, such as
    `volumes: [{name: initializer, emptyDir: {}}]` with a mount at `/workspace`.

    Attributes:
        storage_uri: `"cache://<schema>/<table>"`.
        metadata_loc: Location of the Iceberg table's metadata file.
        num_data_nodes: Nodes of the cache, at least 2.
        head_cpu: CPU of its head node, as a quantity.
        head_mem: Memory of its head node, as a quantity.
        worker_cpu: CPU of each of its workers, as a quantity.
        worker_mem: Memory of each of its workers, as a quantity.
        iam_role: Role that may read `metadata_loc`.
    """

    metadata_loc: str
    num_data_nodes: int
    head_cpu: str | None = None
    head_mem: str | None = None
    worker_cpu: str | None = None
    worker_mem: str | None = None
    iam_role: str | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        _check_uri(self.storage_uri, "dataset", "cache")
        _check_env(self)
        check_text("metadata_loc", self.metadata_loc)
        check_count("num_data_nodes", self.num_data_nodes, least=2)


@dataclass(frozen=True)
class HuggingFaceModelInitializer(BaseInitializer):
    """A model from the Hugging Face Hub.

    Attributes:
        storage_uri: `"hf://<organisation>/<model>"`.
        ignore_patterns: Files to leave out, as globs. Default: weights in formats other than safetensors.
        access_token: Token for a private or gated model.
        secret: A Secret of the job's namespace with the token under the key `ACCESS_TOKEN`, instead of `access_token`.
            It suits jobs kept as YAML: `train` makes a Secret of an inline token, `kubectl apply` does not.
    """

    ignore_patterns: Sequence[str] | None = constants.INITIALIZER_DEFAULT_IGNORE_PATTERNS
    access_token: str | None = field(default=None, repr=False)
    secret: str | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        _check_uri(self.storage_uri, "model", "hf")
        _check_env(self)
        _check_patterns(self.ignore_patterns)
        _check_secret(self.secret, access_token=self.access_token)


@dataclass(frozen=True)
class S3ModelInitializer(BaseInitializer):
    """A model from S3 or a store that speaks its protocol.

    Attributes:
        storage_uri: `"s3://<bucket>/<path>"`.
        ignore_patterns: Files to leave out, as globs. Default: weights in formats other than safetensors.
        endpoint: URL of the store, when it is not AWS.
        access_key_id: Access key.
        secret_access_key: Its secret.
        region: Region of the bucket.
        role_arn: Role to assume.
        secret: A Secret of the job's namespace with the keys `ACCESS_KEY_ID` and `SECRET_ACCESS_KEY`, instead of
            `access_key_id` and `secret_access_key`. It suits jobs kept as YAML: `train` makes a Secret of inline
            keys, `kubectl apply` does not.
    """

    ignore_patterns: Sequence[str] | None = constants.INITIALIZER_DEFAULT_IGNORE_PATTERNS
    endpoint: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    region: str | None = None
    role_arn: str | None = None
    secret: str | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        _check_uri(self.storage_uri, "model", "s3")
        _check_env(self)
        _check_patterns(self.ignore_patterns)
        _check_secret(self.secret, access_key_id=self.access_key_id, secret_access_key=self.secret_access_key)


DatasetInitializer = HuggingFaceDatasetInitializer | S3DatasetInitializer | DataCacheInitializer
ModelInitializer = HuggingFaceModelInitializer | S3ModelInitializer


@dataclass(frozen=True, init=False)
class Initializer:
    """What is fetched before training.

    An `Artifact`, a version of a registered model, or the text of a URI, stands for the initializer that fetches its
    scheme: `hf://` from the Hugging Face Hub, `s3://` from S3, `file://` from this machine, for jobs that run here. All
    files of it are fetched from S3 and this machine. Credentials, and files to leave out, need the initializer itself.

    Attributes:
        dataset: Lands in `/workspace/dataset` on every node.
        model: Lands in `/workspace/model` on every node.

    Raises:
        InvalidInput: For an artifact of another kind, or a URI that no initializer fetches.
    """

    dataset: DatasetInitializer | None = None
    model: ModelInitializer | None = None

    __repr__ = repr_of_fields

    def __init__(
        self,
        dataset: DatasetInitializer | Artifact | SupportsArtifact | str | None = None,
        model: ModelInitializer | Artifact | SupportsArtifact | str | None = None,
    ) -> None:
        if isinstance(dataset, Artifact | SupportsArtifact | str):
            dataset = _dataset(uri_of(dataset, "dataset", "dataset"))
        if isinstance(model, Artifact | SupportsArtifact | str):
            model = _model(uri_of(model, "model", "model"))
        if dataset is not None:
            check_instance(
                "dataset",
                dataset,
                (HuggingFaceDatasetInitializer, S3DatasetInitializer, DataCacheInitializer),
            )
        if model is not None:
            check_instance("model", model, (HuggingFaceModelInitializer, S3ModelInitializer))
        object.__setattr__(self, "dataset", dataset)
        object.__setattr__(self, "model", model)


def initializer_of(given: Initializer | Artifact | SupportsArtifact) -> Initializer:
    """Return what `initializer=` was given: an artifact, or what stands for one, is fetched as what it is.

    Raises:
        InvalidInput: It is none of these, or no initializer fetches its URI.
    """
    if isinstance(given, SupportsArtifact):
        given = given.to_artifact()
    check_instance("initializer", given, (Initializer, Artifact))
    if isinstance(given, Initializer):
        return given
    return Initializer(dataset=given) if given.kind == "dataset" else Initializer(model=given)


def _dataset(uri: str) -> DatasetInitializer:
    match _scheme(uri, "dataset"):
        case "s3":
            return S3DatasetInitializer(uri)
        case _:
            return HuggingFaceDatasetInitializer(uri)


def _model(uri: str) -> ModelInitializer:
    # The default patterns leave out formats beside safetensors, of which repositories of the Hub have several. What a
    # job made is fetched whole.
    match _scheme(uri, "model"):
        case "s3":
            return S3ModelInitializer(uri, ignore_patterns=None)
        case "file":
            return HuggingFaceModelInitializer(uri, ignore_patterns=None)
        case _:
            return HuggingFaceModelInitializer(uri)


def _scheme(uri: str, source: Source) -> str:
    scheme = uri.partition("://")[0].lower()
    if "://" in uri and scheme not in ("hf", "s3", "file"):
        remedy = {
            "pvc": "mount the claim with options.VolumeClaim",
            "cache": "a data cache takes DataCacheInitializer, which says more than the URI",
        }.get(scheme, "copy it to a bucket of S3, or read it in the train function")
        raise InvalidInput(
            f"{source}={uri!r} cannot be fetched: initializers fetch hf://, s3:// and file://; {remedy}."
        )
    return scheme


def _check_patterns(patterns: Sequence[str] | None) -> None:
    if patterns is not None:
        check_strings("ignore_patterns", patterns)


thin_all(globals())
