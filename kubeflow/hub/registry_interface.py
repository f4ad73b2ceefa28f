"""`Registry`: what the client needs of a registry. One on this machine has it, and a server of either REST version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from kubeflow.hub.filters.filter_syntax import Filter
from kubeflow.hub.types.entities import ModelArtifact, ModelVersion, Order, RegisteredModel


class Registry(Protocol):
    """Models, versions and artifacts. Names are unique, and nothing is ever deleted.

    All methods raise `RegistryUnavailable` when the registry cannot be asked, and `RegistryDenied` when it does not
    let us; those that create, `ModelConflict` for a name that is taken.
    """

    @property
    def where(self) -> str:
        """Which registry it is, in words, such as `the model registry at http://localhost:8080`."""
        ...

    @property
    def largest_integer(self) -> int:
        """The largest integer that metadata can hold; the smallest is its negative."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Give a context in which either all is stored or nothing, where the registry can do that."""
        ...

    def stored_uri(self, uri: str) -> str:
        """Return the URI to store for files at `uri`, after having kept them where the registry keeps files.

        Raises:
            InvalidInput: It is a path of this machine, and there is nothing, or the registry is elsewhere.
        """
        ...

    def find_model(self, name: str) -> RegisteredModel | None:
        """Return the model `name`; None when there is none."""
        ...

    def create_model(self, model: RegisteredModel) -> RegisteredModel:
        """Store a new model and return it as stored."""
        ...

    def update_model(self, model: RegisteredModel) -> RegisteredModel:
        """Store all but the name of a model, by its id, and return it as stored."""
        ...

    def models(self, query: Filter | None, order: Order, *, descending: bool) -> Iterator[RegisteredModel]:
        """Yield the models that match."""
        ...

    def find_version(self, model: RegisteredModel, name: str) -> ModelVersion | None:
        """Return the version `name` of a model; None when there is none."""
        ...

    def create_version(self, model: RegisteredModel, version: ModelVersion) -> ModelVersion:
        """Store a new version of a model and return it as stored."""
        ...

    def update_version(self, version: ModelVersion) -> ModelVersion:
        """Store all but the name of a version, by its id, and return it as stored."""
        ...

    def versions(
        self, model: RegisteredModel | None, query: Filter | None, order: Order, *, descending: bool
    ) -> Iterator[ModelVersion]:
        """Yield the versions of a model, or of all models, that match."""
        ...

    def artifacts(self, version: ModelVersion) -> Iterator[ModelArtifact]:
        """Yield the model artifacts of a version, newest first."""
        ...

    def create_artifact(self, version: ModelVersion, artifact: ModelArtifact) -> ModelArtifact:
        """Store a new artifact of a version and return it as stored."""
        ...

    def update_artifact(self, artifact: ModelArtifact) -> ModelArtifact:
        """Store all but the name of an artifact, by its id, and return it as stored."""
        ...
