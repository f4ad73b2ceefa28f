"""The registry behind a REST API, v1 or v1alpha3: one adapter over the generated operations of both."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, TypeAlias, TypeVar, cast

from kubeflow_api.registry import v1, v1alpha3

from kubeflow.cluster.cluster import Cluster
from kubeflow.cluster.errors import (
    AlreadyExists,
    ApiError,
    ClusterError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Unauthorized,
)
from kubeflow.core.artifact import MetadataValue
from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import json
from kubeflow.core.transport import Request
from kubeflow.hub.errors import (
    ModelConflict,
    ModelNotFound,
    RegistryDenied,
    RegistryRefused,
    RegistryUnavailable,
    RegistryVersionMismatch,
)
from kubeflow.hub.filters.filter_syntax import Filter
from kubeflow.hub.stores.wire_metadata import Kept, metadata_of, wire_of
from kubeflow.hub.types.entities import (
    ModelArtifact,
    ModelVersion,
    Order,
    RegisteredModel,
    RegistryEntity,
)

ApiVersion: TypeAlias = Literal["v1", "v1alpha3"]
_Api: TypeAlias = v1.Operations | v1alpha3.Operations
_WireModel: TypeAlias = v1.RegisteredModel | v1alpha3.RegisteredModel
_WireVersion: TypeAlias = v1.ModelVersion | v1alpha3.ModelVersion
_WireArtifact: TypeAlias = v1.ModelArtifact | v1alpha3.ModelArtifact
_E = TypeVar("_E", bound=RegistryEntity)
_T = TypeVar("_T")

_VERSIONS: tuple[ApiVersion, ...] = ("v1", "v1alpha3")
_APIS: Mapping[ApiVersion, type[v1.Operations] | type[v1alpha3.Operations]] = {
    "v1": v1.Operations,
    "v1alpha3": v1alpha3.Operations,
}
# Pattern of integers in REST v1: nine digits.
_LARGEST: Mapping[ApiVersion, int] = {"v1": 999_999_999, "v1alpha3": 2**63 - 1}
_PAGE = "100"
_ARTIFACT_FIELDS = {
    "uri": "uri",
    "model_format_name": "modelFormatName",
    "model_format_version": "modelFormatVersion",
    "storage_key": "storageKey",
    "storage_path": "storagePath",
    "service_account_name": "serviceAccountName",
    "model_source_kind": "modelSourceKind",
    "model_source_class": "modelSourceClass",
    "model_source_group": "modelSourceGroup",
    "model_source_id": "modelSourceId",
    "model_source_name": "modelSourceName",
}


class RestRegistry:
    """A `Registry` on a server.

    Which version of the API it serves is found out by the first call, with one request, or two.

    Args:
        cluster: The transport to the server.
        api_version: The version that it must serve; None for either.
    """

    def __init__(self, cluster: Cluster, api_version: ApiVersion | None = None) -> None:
        if api_version is not None and api_version not in _APIS:
            raise InvalidInput(f"api_version={api_version!r} is none of {', '.join(_APIS)}")
        self._cluster = cluster
        self._wanted: ApiVersion | None = api_version
        self._served: tuple[ApiVersion, _Api] | None = None
        self._lock = threading.Lock()

    @property
    def where(self) -> str:
        """Which registry it is, in words."""
        served = f" (REST {self._served[0]})" if self._served else ""
        return f"the model registry at {self._cluster.server}{served}"

    @property
    def largest_integer(self) -> int:
        """The largest integer that metadata can hold."""
        return _LARGEST[self._api()[0]]

    def transaction(self) -> AbstractContextManager[None]:
        """Give a context that does nothing: the API has no transactions."""
        return nullcontext()

    def stored_uri(self, uri: str) -> str:
        """Return the URI as it is.

        Raises:
            InvalidInput: It is a path of this machine, which nobody could read who gets it from a server.
        """
        if "://" not in uri:
            raise InvalidInput(
                f"uri={uri!r} is a path of this machine, and {self.where} only keeps where files are: upload them with "
                "upload_artifact(path, upload_params=...) and give the URI that it returns, or use "
                "ModelRegistryClient('local')."
            )
        return uri

    # -- models -------------------------------------------------------------------------------------------------

    def find_model(self, name: str) -> RegisteredModel | None:
        """Return the model `name`; None when there is none."""
        with self._asking("find a model"):
            wire = _unless_missing(lambda: self._api()[1].find_registered_model(name=name))
            return None if wire is None else _model(wire)

    def create_model(self, model: RegisteredModel) -> RegisteredModel:
        """Store a new model and return it as stored."""
        with self._asking(f"create the model {model.name!r}"):
            body = {**_shared(model), "name": model.name, "owner": model.owner}
            return _model(self._api()[1].create_registered_model(_given(body)))

    def update_model(self, model: RegisteredModel) -> RegisteredModel:
        """Store all but the name of a model, by its id, and return it as stored."""
        with self._asking(f"update the model {model.name!r}"):
            body = {**_shared(model), "owner": model.owner}
            return _model(self._api()[1].update_registered_model(_id(model), _given(body)))

    def models(self, query: Filter | None, order: Order, *, descending: bool) -> Iterator[RegisteredModel]:
        """Yield the models that match."""
        with self._asking("list models"):
            for each in self._api()[1].get_registered_models(
                filter_query=query.text if query else None,
                page_size=_PAGE,
                order_by=order,
                sort_order=_way(descending=descending),
            ):
                yield _model(each)

    # -- versions -----------------------------------------------------------------------------------------------

    def find_version(self, model: RegisteredModel, name: str) -> ModelVersion | None:
        """Return the version `name` of a model; None when there is none."""
        with self._asking("find a version"):
            parent = _id(model)
            wire = _unless_missing(lambda: self._api()[1].find_model_version(name=name, parent_resource_id=parent))
            return None if wire is None else _version(wire, model.name)

    def create_version(self, model: RegisteredModel, version: ModelVersion) -> ModelVersion:
        """Store a new version of a model and return it as stored."""
        with self._asking(f"create version {version.name!r} of model {model.name!r}"):
            body = {**_shared(version), "name": version.name, "author": version.author, "registeredModelId": _id(model)}
            return _version(self._api()[1].create_registered_model_version(_id(model), _given(body)), model.name)

    def update_version(self, version: ModelVersion) -> ModelVersion:
        """Store all but the name of a version, by its id, and return it as stored."""
        with self._asking(f"update version {version.name!r}"):
            body = {**_shared(version), "author": version.author}
            return _version(self._api()[1].update_model_version(_id(version), _given(body)), version.model_name)

    def versions(
        self, model: RegisteredModel | None, query: Filter | None, order: Order, *, descending: bool
    ) -> Iterator[ModelVersion]:
        """Yield the versions of a model, or of all models, that match."""
        with self._asking("list versions"):
            api = self._api()[1]
            text, way = query.text if query else None, _way(descending=descending)
            found: Iterator[_WireVersion]
            if model is None:
                found = api.get_model_versions(filter_query=text, page_size=_PAGE, order_by=order, sort_order=way)
            else:
                found = api.get_registered_model_versions(
                    _id(model), filter_query=text, page_size=_PAGE, order_by=order, sort_order=way
                )
            names = {} if model is None else {model.id: model.name}
            for each in found:
                key = each.registered_model_id
                if key not in names:
                    names[key] = str(api.get_registered_model(str(key)).name)
                yield _version(each, names[key])

    # -- artifacts ----------------------------------------------------------------------------------------------

    def artifacts(self, version: ModelVersion) -> Iterator[ModelArtifact]:
        """Yield the model artifacts of a version, newest first."""
        with self._asking(f"list artifacts of version {version.name!r}"):
            for each in self._api()[1].get_model_version_artifacts(
                _id(version), artifact_type="model-artifact", page_size=_PAGE, order_by="CREATE_TIME", sort_order="DESC"
            ):
                if isinstance(each, _WireArtifact):
                    yield _artifact(each)

    def create_artifact(self, version: ModelVersion, artifact: ModelArtifact) -> ModelArtifact:
        """Store a new artifact of a version and return it as stored."""
        with self._asking(f"create the artifact of version {version.name!r}"):
            body = {**_artifact_body(artifact), "name": artifact.name}
            return _artifact(
                cast(_WireArtifact, self._api()[1].upsert_model_version_artifact(_id(version), _given(body)))
            )

    def update_artifact(self, artifact: ModelArtifact) -> ModelArtifact:
        """Store all but the name of an artifact, by its id, and return it as stored."""
        with self._asking(f"update the artifact {artifact.name!r}"):
            return _artifact(self._api()[1].update_model_artifact(_id(artifact), _given(_artifact_body(artifact))))

    # -- the server ---------------------------------------------------------------------------------------------

    def _api(self) -> tuple[ApiVersion, _Api]:
        """Return the API that the server serves.

        Raises:
            RegistryVersionMismatch: It serves neither, or not the one that was asked for.
        """
        with self._lock:
            if self._served is None:
                with self._asking("reach the registry"):
                    version = self._found_version()
                self._served = version, _APIS[version](self._cluster)
            return self._served

    def _found_version(self) -> ApiVersion:
        wanted: tuple[ApiVersion, ...] = _VERSIONS if self._wanted is None else (self._wanted,)
        if served := next(filter(self._serves, wanted), None):
            return served
        rest: list[ApiVersion] = [version for version in _VERSIONS if version not in wanted]
        if other := next(filter(self._serves, rest), None):
            raise RegistryVersionMismatch(
                f"{self._cluster.server} serves REST {other}, and api_version={self._wanted!r} was asked for: leave "
                "api_version= out, or give the URL of another registry."
            )
        raise RegistryVersionMismatch(
            f"{self._cluster.server} is no model registry that this client can talk to: it has neither "
            f"{' nor '.join(api.BASE for api in _APIS.values())}. Check base_url=; a path before /api is part of it."
        )

    def _serves(self, version: ApiVersion) -> bool:
        request = Request("GET", f"{_APIS[version].BASE}/registered_models", query={"pageSize": "1"})
        try:
            answer = self._cluster.send(request)
        except NotFound:
            return False
        return isinstance(answer.get("items"), list)

    @contextlib.contextmanager
    def _asking(self, what: str) -> Generator[None, None, None]:
        """Turn errors of the transport into those of registries."""
        try:
            yield
        except NotFound as error:
            if not _is_registrys(error):
                version = self._served[0] if self._served else ""
                raise RegistryVersionMismatch(
                    f"Cannot {what}: {self._cluster.server} does not serve REST {version} any more. Make a new "
                    "ModelRegistryClient, which finds out what it serves now."
                ) from error
            raise ModelNotFound(f"Cannot {what}: {_words(error)}. Read it from the registry again.") from error
        except (Unauthorized, Forbidden) as error:
            raise RegistryDenied(
                f"Cannot {what}: {self._cluster.server} answers {error.code}, {_words(error)}. Give user_token= of "
                "somebody who may."
            ) from error
        except (AlreadyExists, Conflict) as error:
            raise ModelConflict(f"Cannot {what}: {_words(error)}. The name is taken.") from error
        except Invalid as error:
            raise RegistryRefused(
                f"Cannot {what}: {self._cluster.server} does not accept it: {_words(error)}. Correct the query or the "
                "value that it names."
            ) from error
        except ClusterError as error:
            told = str(error)
            if isinstance(error, ApiError) and error.code >= 400:
                told = f"it answers {error.code}, {_words(error)}"
            raise RegistryUnavailable(
                f"Cannot {what}: {self._cluster.server} is not available: {told.rstrip('.')}. Check base_url=, and "
                "call again: what was stored already is found."
            ) from error


# -- from the wire, and to it ----------------------------------------------------------------------------------------


def _model(wire: _WireModel) -> RegisteredModel:
    model = RegisteredModel(name=wire.name, owner=wire.owner, state=wire.state or "LIVE")
    return _filled(model, wire)


def _version(wire: _WireVersion, model_name: str) -> ModelVersion:
    version = ModelVersion(
        name=wire.name,
        model_name=model_name,
        registered_model_id=wire.registered_model_id,
        author=wire.author,
        state=wire.state or "LIVE",
    )
    return _filled(version, wire)


def _artifact(wire: _WireArtifact) -> ModelArtifact:
    artifact = ModelArtifact(name=wire.name or "", state=wire.state or "UNKNOWN")
    for field in _ARTIFACT_FIELDS:
        setattr(artifact, field, getattr(wire, field))
    artifact.uri = wire.uri or ""
    return _filled(artifact, wire)


def _filled(entity: _E, wire: _WireModel | _WireVersion | _WireArtifact) -> _E:
    entity.id = wire.id
    entity.description = wire.description
    entity.external_id = wire.external_id
    entity.create_time_since_epoch = wire.create_time_since_epoch
    entity.last_update_time_since_epoch = wire.last_update_time_since_epoch
    properties = cast("Mapping[str, object]", wire.to_dict().get("customProperties") or {})
    entity.custom_properties, kept = metadata_of(properties)
    vars(entity)[_KEPT] = kept
    return entity


_KEPT = "_kept"  # of an entity: metadata of types that no user can set, which an update sends back as it came


def _shared(entity: RegisteredModel | ModelVersion | ModelArtifact) -> dict[str, object]:
    kept = cast(Kept, vars(entity).get(_KEPT, {}))
    metadata: Mapping[str, MetadataValue] = entity.custom_properties
    return {
        "description": entity.description,
        "externalId": entity.external_id,
        "state": entity.state,
        "customProperties": {**kept, **wire_of(metadata)},
    }


def _artifact_body(artifact: ModelArtifact) -> dict[str, object]:
    fields = {wire: getattr(artifact, field) for field, wire in _ARTIFACT_FIELDS.items()}
    return {**_shared(artifact), **fields, "artifactType": "model-artifact"}


def _unless_missing(read: Callable[[], _T]) -> _T | None:
    """Return what is read; None when the registry says that there is no such thing."""
    try:
        return read()
    except NotFound as error:
        if _is_registrys(error):
            return None
        raise


def _way(*, descending: bool) -> Literal["ASC", "DESC"]:
    return "DESC" if descending else "ASC"


def _given(body: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in body.items() if value is not None}


def _id(entity: RegistryEntity) -> str:
    if entity.id is None:
        raise ModelNotFound(f"{entity.name!r} has no id of a registry: read it with get_model first.")
    return entity.id


def _error(error: ApiError) -> Mapping[str, object]:
    try:
        found = json.loads(error.server_message)
    except ValueError:
        return {}
    return cast("Mapping[str, object]", found) if isinstance(found, dict) else {}


def _is_registrys(error: ApiError) -> bool:
    """True when the answer is an `Error` of a registry, and not that of a server without this path."""
    return "message" in _error(error)


def _words(error: ApiError) -> str:
    return str(_error(error).get("message") or error.server_message or "no reason given").strip().rstrip(".")
