"""`register`: model, version and artifact, whatever of them there is already.

A registry has no one request for all three. A call that was interrupted is completed by the next one like it; one that
says something else under the same version is refused before anything is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from kubeflow.core.artifact import MetadataValue
from kubeflow.core.display import repr_of_fields
from kubeflow.hub.errors import ModelConflict
from kubeflow.hub.registry_interface import Registry
from kubeflow.hub.types.entities import ModelArtifact, ModelVersion, RegisteredModel
from kubeflow.hub.types.types import StorageConfig

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Registration:
    """What is to be registered, checked. What is None was not given, and agrees with whatever there is."""

    name: str
    version: str
    uri: str
    model_format_name: str | None = None
    model_format_version: str | None = None
    author: str | None = None
    owner: str | None = None
    default_author: str | None = None
    description: str | None = None
    external_id: str | None = None
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict[str, MetadataValue])
    storage: StorageConfig = field(default_factory=StorageConfig)
    source: Mapping[str, str] = field(default_factory=dict[str, str])

    __repr__ = repr_of_fields

    def artifact(self) -> ModelArtifact:
        """Return the artifact to store. It has the name of the model, by which the published client looks for it."""
        return ModelArtifact(
            name=self.name,
            uri=self.uri,
            model_format_name=self.model_format_name,
            model_format_version=self.model_format_version,
            storage_key=self.storage.storage_key,
            storage_path=self.storage.storage_path,
            service_account_name=self.storage.service_account_name,
            model_source_kind=self.source.get("kind"),
            model_source_id=self.source.get("id"),
            model_source_name=self.source.get("name"),
        )


def register(registry: Registry, wanted: Registration) -> RegisteredModel:
    """Store what there is not yet of a registration, and return the model with its `version`.

    Raises:
        ModelConflict: The version has other content, or it or the model is archived.
        RegistryError: As the registry says; the same call can be repeated, and goes on where this one ended.
    """
    with registry.transaction():
        model = registry.find_model(wanted.name)
        version = registry.find_version(model, wanted.version) if model else None
        artifact = next(registry.artifacts(version), None) if version else None
        _check(wanted, model, version, artifact)
        if model is None:
            new = RegisteredModel(name=wanted.name, owner=wanted.owner or wanted.default_author)
            model = _unless_there(lambda: registry.create_model(new), lambda: registry.find_model(wanted.name))
        there = model
        if version is None:
            version = _unless_there(
                lambda: registry.create_version(there, _version(wanted)),
                lambda: registry.find_version(there, wanted.version),
            )
        of = version
        if artifact is None:
            artifact = _unless_there(
                lambda: registry.create_artifact(of, wanted.artifact()), lambda: next(registry.artifacts(of), None)
            )
        _check(wanted, model, version, artifact)  # somebody else may have been here at the same moment
    version.__post_init__(artifact)
    version.model_name = model.name
    model.version = version
    return model


def _version(wanted: Registration) -> ModelVersion:
    return ModelVersion(
        name=wanted.version,
        author=wanted.author or wanted.default_author,
        description=wanted.description,
        external_id=wanted.external_id,
        custom_properties=dict(wanted.metadata),
    )


def _unless_there(create: Callable[[], _T], find: Callable[[], _T | None]) -> _T:
    """Create something, or return what another client has created in the meantime."""
    try:
        return create()
    except ModelConflict:
        found = find()
        if found is None:
            raise
        return found


def _check(
    wanted: Registration,
    model: RegisteredModel | None,
    version: ModelVersion | None,
    artifact: ModelArtifact | None,
) -> None:
    if model is not None and model.state == "ARCHIVED":
        raise ModelConflict(
            f"Model {wanted.name!r} is archived: restore_model({wanted.name!r}) first, or choose another name."
        )
    if version is not None and version.state == "ARCHIVED":
        raise ModelConflict(
            f"Version {wanted.version!r} of model {wanted.name!r} is archived: "
            f"restore_model({wanted.name!r}, version={wanted.version!r}) first, or choose another version."
        )
    pairs: list[tuple[str, object, object]] = []
    if model is not None:
        pairs.append(("owner", wanted.owner, model.owner))
    if version is not None:
        pairs += [
            ("author", wanted.author, version.author),
            ("version_description", wanted.description, version.description),
            ("the job's uid", wanted.external_id, version.external_id),
        ]
        has = version.custom_properties
        pairs += [(f"metadata[{name!r}]", value, has.get(name)) for name, value in wanted.metadata.items()]
    if artifact is not None:
        given = wanted.artifact()
        fields = ("uri", "model_format_name", "model_format_version", "storage_key", "storage_path")
        pairs += [(name, getattr(given, name), getattr(artifact, name)) for name in (*fields, "service_account_name")]
    differing = [(name, new, old) for name, new, old in pairs if new is not None and not _same(new, old)]
    if differing:
        told = "; ".join(f"{name} is {old!r} there, and {new!r} here" for name, new, old in differing)
        if all(name == "owner" for name, _, _ in differing):
            remedy = f"change it with update_model(get_model({wanted.name!r})), or leave owner= out."
        else:
            remedy = (
                "register it as another version, or change that one with update_model_version or update_model_artifact."
            )
        subject = f"Model {wanted.name!r}" if version is None else f"Version {wanted.version!r} of {wanted.name!r}"
        raise ModelConflict(f"{subject} has other content: {told}. Nothing was changed; {remedy}")


def _same(new: object, old: object) -> bool:
    return new == old and isinstance(new, bool) == isinstance(old, bool)
