"""`ModelRegistryClient`: models, their versions, and where the files of each are."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal, cast

from kubeflow.core.artifact import Artifact, MetadataValue
from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.tracebacks import thin_all
from kubeflow.hub import addresses
from kubeflow.hub.entity_checks import (
    ANY_INTEGER,
    LATEST,
    check_entity,
    check_name,
    check_new_version,
    check_text,
    checked_metadata,
)
from kubeflow.hub.errors import ModelNotFound
from kubeflow.hub.filters.filter_syntax import parse_filter
from kubeflow.hub.registration import Registration, register
from kubeflow.hub.types.entities import HasUri, ModelArtifact, ModelVersion, Order, RegisteredModel
from kubeflow.hub.types.types import StorageConfig

if TYPE_CHECKING:
    from kubeflow.hub.registry_interface import Registry

_log = logging.getLogger(__name__)
_ORDERS: tuple[Order, ...] = ("CREATE_TIME", "LAST_UPDATE_TIME", "ID")


class ModelRegistryClient:
    """A model registry: a server, or the one of this machine.

    Without `base_url`, it is the registry that the environment variable `KUBEFLOW_MODEL_REGISTRY` names (a URL, or
    `local`), else the Service of the cluster that this process runs in, else that of this machine, which needs no
    server. `repr(client)` says which; `client.registry` as well.

    Nothing is asked before the first call. A server's REST API is v1 or v1alpha3; the first call finds out which.

    Args:
        base_url: Such as `https://registry.example.com`; `"local"` for the registry of this machine. Without a scheme
            it is https.
        port: Default: that of the URL, else 8080 for http and 443 for https.
        author: Author and owner of what is registered without one.
        is_secure: Whether to use TLS where the URL has no scheme; default: True.
        user_token: Bearer token. Default: the environment variable `KUBEFLOW_MODEL_REGISTRY_TOKEN` where
            `KUBEFLOW_MODEL_REGISTRY` names the server, else none: https needs no token.
        custom_ca: Path of a PEM file with the authorities to trust, or its content. Default: those of the system.
        state_dir: Where the registry of this machine is kept; default: where local jobs are.
        api_version: Of a server that must speak just this version; default: either.

    Raises:
        InvalidInput: The arguments cannot be, or contradict each other.
    """

    def __init__(
        self,
        base_url: str | None = None,
        port: int | None = None,
        *,
        author: str | None = None,
        is_secure: bool | None = None,
        user_token: str | None = None,
        custom_ca: str | None = None,
        state_dir: str | os.PathLike[str] | None = None,
        api_version: Literal["v1", "v1alpha3"] | None = None,
    ) -> None:
        check_text(author, "author")
        address = addresses.LOCAL_ADDRESS if base_url is None and state_dir is not None else None
        address = address or addresses.address_of(base_url, port, is_secure)
        self._author = author
        self._registry = _registry(address, user_token, custom_ca, state_dir, api_version)
        _log.info("models are in %s (%s)", self._registry.where, address.reason)

    @property
    def registry(self) -> str:
        """Which registry this is, such as `the local model registry in '/home/ada/.local/state/kubeflow/registry'`."""
        return self._registry.where

    def __repr__(self) -> str:
        return f"<ModelRegistryClient of {self._registry.where}>"

    # -- registration -------------------------------------------------------------------------------------------

    def register_model(
        self,
        name: str,
        uri: str | Artifact | HasUri,
        *,
        version: str,
        model_format_name: str | None = None,
        model_format_version: str | None = None,
        author: str | None = None,
        owner: str | None = None,
        version_description: str | None = None,
        metadata: Mapping[str, MetadataValue] | None = None,
        storage_config: StorageConfig | None = None,
        external_id: str | None = None,
    ) -> RegisteredModel:
        """Register a version of a model, and return the model with it.

        The same call again returns the same version: what an interrupted call left out is completed. What is not given
        agrees with whatever is there; metadata that is there besides stays.

        A server stores `uri` as it is. The registry of this machine copies files of this machine (a path, or
        `file://`): the version keeps its content whatever becomes of them.

        Args:
            name: Of the model; it is made with its first version.
            uri: Where the files are, such as `s3://models/iris/1`; or an `Artifact`, such as the output of a job, whose
                format and metadata are taken too, and the uid of its job as `external_id`.
            version: Of the model, such as `"1"`; any text but `latest`.
            model_format_name: Such as `sklearn`, `onnx`, `pytorch`; KServe chooses a runtime by it.
            model_format_version: Of the format.
            author: Of the version; default: that of the client.
            owner: Of the model, when it is new; default: the author of the client.
            version_description: Free text.
            metadata: Of the version: bool, int, float or str by name.
            storage_config: What KServe needs to get at the files.
            external_id: What the version is called elsewhere, such as the uid of the job that trained it.

        Returns:
            The model. `.version` is the version; `.uri` and `.model_format_name` are those of the version.

        Raises:
            InvalidInput: An argument cannot be; nothing is sent or stored.
            ModelConflict: The version is there with other content, or archived; nothing is changed.
            RegistryError: The registry fails; call again, and it goes on from there.
        """
        check_name(name, "name")
        check_new_version(version)
        fields = {
            "model_format_name": model_format_name,
            "model_format_version": model_format_version,
            "author": author,
            "owner": owner,
            "version_description": version_description,
            "external_id": external_id,
        }
        for argument, value in fields.items():
            check_text(value, argument)
        if storage_config is not None and not isinstance(cast(object, storage_config), StorageConfig):
            raise InvalidInput(f"storage_config takes a StorageConfig, not {type(storage_config).__name__}")
        place, found_format, found_metadata = _described(uri, model_format_name)
        values = checked_metadata({**found_metadata, **checked_metadata(metadata, ANY_INTEGER)}, ANY_INTEGER)
        job = found_metadata.get("job_uid")
        wanted = Registration(
            name=name,
            version=version,
            uri=self._registry.stored_uri(place),
            model_format_name=found_format,
            model_format_version=model_format_version,
            author=author,
            owner=owner,
            default_author=self._author,
            description=version_description,
            external_id=external_id or (str(job) if job else None),
            metadata=checked_metadata(values, self._registry.largest_integer),
            storage=storage_config or StorageConfig(),
            source={
                key: str(found_metadata[name_there])
                for key, name_there in (("id", "job_uid"), ("name", "job"))
                if name_there in found_metadata
            },
        )
        return register(self._registry, wanted)

    # -- reading ------------------------------------------------------------------------------------------------

    def get_model(self, name: str) -> RegisteredModel:
        """Return the model `name`.

        Raises:
            ModelNotFound: There is none; the message says which names are near.
        """
        check_name(name, "name")
        model = self._registry.find_model(name)
        if model is None:
            names = [each.name for each, _ in zip(self.list_models(), range(1000), strict=False)]
            there = (
                f" There are: {', '.join(names[:10])}{', ...' if len(names) > 10 else ''}."
                if names
                else " It is empty."
            )
            raise ModelNotFound(
                f"There is no model {name!r} in {self.registry}.{did_you_mean(name, names)}{there} "
                "register_model(...) makes one."
            )
        return model

    def get_model_version(self, name: str, version: str) -> ModelVersion:
        """Return a version of a model; `.uri` and `.model_format_name` say what to serve.

        Args:
            name: Of the model.
            version: Of the version; `"latest"` for the newest that is not archived.

        Raises:
            ModelNotFound: There is no such model or version.
        """
        check_name(version, "version")
        model = self.get_model(name)
        if version == LATEST:
            newest = self._registry.versions(model, None, "CREATE_TIME", descending=True)
            found = next((each for each in newest if each.state == "LIVE"), None)
            if found is None:
                raise ModelNotFound(
                    f"Model {name!r} has no version that is not archived. register_model(...) makes one."
                )
        else:
            found = self._registry.find_version(model, version)
        if found is None:
            names = [each.name for each in self._registry.versions(model, None, "CREATE_TIME", descending=True)]
            there = f" There are: {', '.join(names[:10])}." if names else " It has none."
            raise ModelNotFound(f"Model {name!r} has no version {version!r}.{did_you_mean(version, names)}{there}")
        return self._with_artifact(found, model.name)

    def get_model_artifact(self, name: str, version: str) -> ModelArtifact:
        """Return the artifact of a version: its URI, format and storage.

        Raises:
            ModelNotFound: There is no such model or version.
            IncompleteVersion: The version has no artifact, because its registration was interrupted.
        """
        return self.get_model_version(name, version).artifact

    def list_models(
        self, query: str | None = None, *, order_by: Order = "CREATE_TIME", descending: bool = False
    ) -> Iterator[RegisteredModel]:
        """Iterate over the models, archived ones included, page by page.

        Args:
            query: Only those that match, such as `state = "LIVE" AND name LIKE "iris%"`; see docs/registry.md. Metadata
                of `register_model` belongs to versions: see `list_model_versions`.
            order_by: `"CREATE_TIME"`, `"LAST_UPDATE_TIME"` or `"ID"`.
            descending: Newest first.

        Raises:
            InvalidInput: The query cannot be read.
        """
        parsed = None if query is None else parse_filter(query)
        return self._registry.models(parsed, _order(order_by), descending=descending)

    def list_model_versions(
        self,
        name: str | None = None,
        *,
        query: str | None = None,
        order_by: Order = "CREATE_TIME",
        descending: bool = False,
    ) -> Iterator[ModelVersion]:
        """Iterate over the versions of a model, or of all models, archived ones included, page by page.

        Args:
            name: Of the model; default: all models.
            query: Only those that match, such as `accuracy > 0.9 AND state = "LIVE"`; see docs/registry.md.
            order_by: `"CREATE_TIME"`, `"LAST_UPDATE_TIME"` or `"ID"`.
            descending: Newest first.

        Raises:
            ModelNotFound: There is no such model.
            InvalidInput: The query cannot be read.
        """
        parsed = None if query is None else parse_filter(query)
        model = None if name is None else self.get_model(name)
        found = self._registry.versions(model, parsed, _order(order_by), descending=descending)
        names = {} if model is None else {model.id: model.name}
        return (self._with_artifact(each, names.get(each.registered_model_id)) for each in found)

    # -- changes ------------------------------------------------------------------------------------------------

    def update_model(self, model: RegisteredModel) -> RegisteredModel:
        """Store what was changed in a model that was read, and return it as stored.

        Its name cannot change. A field that is None stays as it is: an empty text empties it.

        Raises:
            TypeError: It is no model.
            InvalidInput: It was never stored, or has what a registry does not keep.
            ModelNotFound: There is no model with its id and name.
        """
        _expect(RegisteredModel, model)
        check_entity(model, ANY_INTEGER)  # before anything is sent
        check_entity(model, self._registry.largest_integer)
        return self._registry.update_model(model)

    def update_model_version(self, model_version: ModelVersion) -> ModelVersion:
        """Store what was changed in a version that was read, and return it as stored. Raises as `update_model`."""
        _expect(ModelVersion, model_version)
        check_entity(model_version, ANY_INTEGER)  # before anything is sent
        check_entity(model_version, self._registry.largest_integer)
        return self._with_artifact(self._registry.update_version(model_version), model_version.model_name)

    def update_model_artifact(self, model_artifact: ModelArtifact) -> ModelArtifact:
        """Store what was changed in an artifact that was read, and return it as stored. Raises as `update_model`."""
        _expect(ModelArtifact, model_artifact)
        check_entity(model_artifact, ANY_INTEGER)  # before anything is sent
        check_entity(model_artifact, self._registry.largest_integer)
        return self._registry.update_artifact(model_artifact)

    def archive_model(self, name: str, *, version: str | None = None) -> None:
        """Mark a model, or one version of it, as not to be used any more. A registry deletes nothing.

        Args:
            name: Of the model.
            version: Only this version of it.

        Raises:
            ModelNotFound: There is no such model or version.
        """
        self._mark(name, version, "ARCHIVED")

    def restore_model(self, name: str, *, version: str | None = None) -> None:
        """Take back `archive_model`; arguments and errors are the same."""
        self._mark(name, version, "LIVE")

    def _mark(self, name: str, version: str | None, state: Literal["LIVE", "ARCHIVED"]) -> None:
        if version is None:
            model = self.get_model(name)
            if model.state != state:
                model.state = state
                self._registry.update_model(model)
            return
        found = self.get_model_version(name, version)
        if found.state != state:
            found.state = state
            self._registry.update_version(found)

    def _with_artifact(self, version: ModelVersion, model_name: str | None) -> ModelVersion:
        version.model_name = model_name or version.model_name
        version.__post_init__(lambda: next(self._registry.artifacts(version), None))
        return version


def _registry(
    address: addresses.Address,
    user_token: str | None,
    custom_ca: str | None,
    state_dir: str | os.PathLike[str] | None,
    api_version: Literal["v1", "v1alpha3"] | None,
) -> Registry:
    if address.url is None:
        of_servers = {"user_token": user_token, "custom_ca": custom_ca, "api_version": api_version}
        if given := [name for name, value in of_servers.items() if value is not None]:
            raise InvalidInput(
                f"{given[0]}= belongs to a server, and this is the registry of this machine ({address.reason}): give "
                "base_url= too"
            )
        from kubeflow.hub.stores.local_registry import LocalRegistry

        return LocalRegistry(state_dir)
    if state_dir is not None:
        raise InvalidInput(f"state_dir= belongs to the registry of this machine, and this is {address.url}")
    from kubeflow.hub.stores.rest_registry import RestRegistry
    from kubeflow.hub.stores.server_access import transport

    return RestRegistry(transport(address, user_token, custom_ca), api_version)


def _described(
    uri: str | Artifact | HasUri, given_format: str | None
) -> tuple[str, str | None, Mapping[str, MetadataValue]]:
    """Return URI, format and metadata of what was given as `uri`."""
    if isinstance(uri, str):
        if not uri.strip() or uri != uri.strip():
            raise InvalidInput(f"uri={uri!r} is no URI: write it like 's3://models/iris/1', or a path of this machine")
        return uri, given_format, {}
    if isinstance(uri, Artifact):
        artifact = uri.of_kind("model", "uri").with_format(given_format, "model_format_name")
        return artifact.uri, artifact.format, artifact.metadata
    if isinstance(cast(object, uri), os.PathLike):
        return os.fspath(cast("os.PathLike[str]", uri)), given_format, {}
    place = getattr(uri, "uri", None)
    if not isinstance(place, str):
        raise InvalidInput(f"uri takes a URI, a path or an Artifact, not {type(uri).__name__}")
    found = getattr(uri, "format", None)
    return place, given_format or (found if isinstance(found, str) else None), {}


def _order(order_by: Order) -> Order:
    if order_by not in _ORDERS:
        raise InvalidInput(
            f"order_by={order_by!r} is none of {', '.join(_ORDERS)}.{did_you_mean(str(order_by), _ORDERS)}"
        )
    return order_by


def _expect(kind: type[object], given: object) -> None:
    if not isinstance(given, kind):
        raise TypeError(f"expected a {kind.__name__}, not {type(given).__name__}")


thin_all(globals())
