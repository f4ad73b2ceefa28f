"""What a registry holds: models, their versions, and the artifacts of versions. The same types for every registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, runtime_checkable

from kubeflow.core.artifact import Artifact, MetadataValue
from kubeflow.core.display import repr_of_fields, shown_values
from kubeflow.core.errors import InvalidInput
from kubeflow.core.plain import dict_of_fields
from kubeflow.hub.errors import IncompleteVersion

if TYPE_CHECKING:
    from kubeflow.core.html import Cell

ModelState: TypeAlias = Literal["LIVE", "ARCHIVED"]
ArtifactState: TypeAlias = Literal[
    "UNKNOWN", "PENDING", "LIVE", "MARKED_FOR_DELETION", "DELETED", "ABANDONED", "REFERENCE"
]
Order: TypeAlias = Literal["CREATE_TIME", "LAST_UPDATE_TIME", "ID"]


@runtime_checkable
class HasUri(Protocol):
    """Anything that says where its files are, such as the output of a job or a version of a model."""

    @property
    def uri(self) -> str:
        """Such as `s3://models/iris/1`."""
        ...


@dataclass(kw_only=True)
class RegistryEntity:
    """What every entity of a registry has.

    Attributes:
        name: Unique among its kind; of a version, within its model. It never changes.
        id: Given by the registry; None for what is not stored.
        description: Free text.
        external_id: What it is called elsewhere, such as the uid of the job that made it.
        custom_properties: Metadata by name.
        create_time_since_epoch: Milliseconds since 1970, as text; `created` is the same as a time.
        last_update_time_since_epoch: Milliseconds since 1970, as text; `updated` is the same as a time.
    """

    name: str
    id: str | None = None
    description: str | None = None
    external_id: str | None = None
    custom_properties: dict[str, MetadataValue] = field(default_factory=dict[str, MetadataValue])
    create_time_since_epoch: str | None = None
    last_update_time_since_epoch: str | None = None

    __repr__ = repr_of_fields
    to_dict = dict_of_fields

    @property
    def created(self) -> datetime | None:
        """When it was stored first, in UTC."""
        return _time(self.create_time_since_epoch)

    @property
    def updated(self) -> datetime | None:
        """When it was stored last, in UTC."""
        return _time(self.last_update_time_since_epoch)


@dataclass(kw_only=True)
class ModelArtifact(RegistryEntity):
    """The files of a version.

    Attributes:
        uri: Where they are, such as `s3://models/iris/1`.
        model_format_name: Such as `sklearn`, `onnx`, `pytorch`; KServe chooses a runtime by it.
        model_format_version: Of the format.
        storage_key: See `StorageConfig`.
        storage_path: See `StorageConfig`.
        service_account_name: See `StorageConfig`.
        model_source_kind: Kind of what made the model, such as `TrainJob`.
        model_source_class: Class of it.
        model_source_group: Its group, such as a namespace.
        model_source_id: Its id.
        model_source_name: Its name.
        state: `LIVE` for an artifact that can be used.
    """

    uri: str = ""
    model_format_name: str | None = None
    model_format_version: str | None = None
    storage_key: str | None = None
    storage_path: str | None = None
    service_account_name: str | None = None
    model_source_kind: str | None = None
    model_source_class: str | None = None
    model_source_group: str | None = None
    model_source_id: str | None = None
    model_source_name: str | None = None
    state: ArtifactState = "LIVE"

    __repr__ = repr_of_fields

    def _repr_html_(self) -> str:
        """Return the artifact as notebooks show it: where its files are, their format, what made them."""
        kind = " ".join(filter(None, (self.model_format_name, self.model_format_version)))
        made_by = " ".join(filter(None, (self.model_source_kind, self.model_source_name)))
        return _entity_html("Artifact", self, self.state, {"Files": self.uri, "Format": kind, "Made by": made_by})

    @property
    def format(self) -> str | None:
        """`model_format_name`, by the name that other artifacts of a chain have for it."""
        return self.model_format_name


@dataclass(kw_only=True)
class ModelVersion(RegistryEntity):
    """One version of a model. `uri` and `format` are those of its artifact, which is read when it is asked for.

    Attributes:
        model_name: Name of the model.
        registered_model_id: Id of the model.
        author: Who made it.
        state: `ARCHIVED` for one that is not to be used any more.
        artifact_source: Its newest model artifact, or what reads it.
    """

    model_name: str = ""
    registered_model_id: str | None = None
    author: str | None = None
    state: ModelState = "LIVE"
    artifact_source: InitVar[ModelArtifact | Callable[[], ModelArtifact | None] | None] = None

    __repr__ = repr_of_fields

    def _repr_html_(self) -> str:
        """Return the version as notebooks show it. An artifact that was not read yet is not read for it."""
        read = None if callable(self._artifact) else self._artifact
        entries: dict[str, Cell] = {"Model": self.model_name, "Author": self.author}
        if read is not None:
            entries |= {"Files": read.uri, "Format": read.model_format_name}
        return _entity_html("Version", self, self.state, entries)

    def __post_init__(self, artifact_source: ModelArtifact | Callable[[], ModelArtifact | None] | None) -> None:
        self._artifact = artifact_source

    @property
    def artifact(self) -> ModelArtifact:
        """The newest model artifact of the version.

        Raises:
            IncompleteVersion: There is none: a registration was interrupted.
        """
        if callable(self._artifact):
            self._artifact = self._artifact()
        if self._artifact is None:
            raise IncompleteVersion(
                f"Version {self.name!r} of model {self.model_name!r} has no artifact: its registration was "
                f"interrupted. Call register_model({self.model_name!r}, uri, version={self.name!r}) again, which "
                "completes it."
            )
        return self._artifact

    @property
    def uri(self) -> str:
        """Where the files are, such as `s3://models/iris/1`; raises as `artifact` does."""
        return self.artifact.uri

    @property
    def model_format_name(self) -> str | None:
        """Such as `sklearn`; raises as `artifact` does."""
        return self.artifact.model_format_name

    @property
    def model_format_version(self) -> str | None:
        """Of the format; raises as `artifact` does."""
        return self.artifact.model_format_version

    @property
    def format(self) -> str | None:
        """`model_format_name`, by the name that other artifacts of a chain have for it."""
        return self.artifact.model_format_name

    @property
    def metadata(self) -> dict[str, MetadataValue]:
        """`custom_properties`, by the name that `register_model` has for it."""
        return self.custom_properties

    def to_artifact(self) -> Artifact:
        """Return the version as the value that jobs and initializers take; raises as `artifact` does."""
        return Artifact(self.uri, "model", self.format, self.custom_properties)

    def __getstate__(self) -> dict[str, object]:
        """Return the fields to pickle, the artifact among them: what reads it does not travel."""
        if callable(self._artifact):
            self._artifact = self._artifact()
        return dict(vars(self))


@dataclass(kw_only=True)
class RegisteredModel(RegistryEntity):
    """A model of which there are versions.

    Attributes:
        owner: Whose it is.
        state: `ARCHIVED` for one that is not to be used any more.
        version: The version that `register_model` registered; None for a model from elsewhere.
    """

    owner: str | None = None
    state: ModelState = "LIVE"
    version: ModelVersion | None = field(default=None, compare=False)

    __repr__ = repr_of_fields

    def _repr_html_(self) -> str:
        """Return the model as notebooks show it, with the version that was registered."""
        version = None if self.version is None else self.version.name
        return _entity_html("Model", self, self.state, {"Owner": self.owner, "Version": version})

    @property
    def uri(self) -> str:
        """Where the files of the version are that `register_model` registered.

        Raises:
            InvalidInput: The model is from elsewhere, and has any number of versions.
        """
        return self._registered.uri

    @property
    def model_format_name(self) -> str | None:
        """Format of the version that `register_model` registered; raises as `uri` does."""
        return self._registered.model_format_name

    @property
    def format(self) -> str | None:
        """`model_format_name`, by the name that other artifacts of a chain have for it."""
        return self._registered.model_format_name

    @property
    def metadata(self) -> dict[str, MetadataValue]:
        """Metadata of the version that `register_model` registered; raises as `uri` does."""
        return self._registered.custom_properties

    def to_artifact(self) -> Artifact:
        """Return the version that `register_model` registered as an artifact; raises as `uri` does."""
        return self._registered.to_artifact()

    @property
    def _registered(self) -> ModelVersion:
        if self.version is None:
            raise InvalidInput(
                f"Model {self.name!r} has any number of versions: take one of them, like "
                f"get_model_version({self.name!r}, 'latest')."
            )
        return self.version


def _entity_html(kind: str, entity: RegistryEntity, state: str, entries: Mapping[str, Cell]) -> str:
    from kubeflow.core import html

    metadata = html.facts(shown_values(entity.custom_properties)) if entity.custom_properties else None
    return html.view(
        html.heading(f"{kind} {entity.name}", state),
        html.tag("p", entity.description) if entity.description else None,
        html.facts({**entries, "Made": entity.created, "Changed": entity.updated, "Id": entity.id}),
        html.section("Metadata", metadata),
    )


def _time(milliseconds: str | None) -> datetime | None:
    if milliseconds is None or not milliseconds.isdigit():
        return None
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
