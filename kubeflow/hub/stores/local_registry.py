"""The registry of this machine: SQLite in the state directory, and the files of models beside it.

Several processes may use it at once. A registration is one transaction: a process that is killed leaves all or nothing.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar, cast

from kubeflow.core.artifact import MetadataValue
from kubeflow.core.errors import KubeflowError
from kubeflow.hub.errors import ModelConflict, ModelNotFound, RegistryUnavailable
from kubeflow.hub.filters.filter_sql import filter_sql, type_of
from kubeflow.hub.filters.filter_syntax import Filter
from kubeflow.hub.stores import artifact_files
from kubeflow.hub.types.entities import (
    ArtifactState,
    ModelArtifact,
    ModelState,
    ModelVersion,
    Order,
    RegisteredModel,
    RegistryEntity,
)
from kubeflow.local.state import state_dir
from kubeflow.local.store.database import Database, StoreUnusable

_E = TypeVar("_E", RegisteredModel, ModelVersion, ModelArtifact)

_VERSION = 1
"""Raised with every change of `_SCHEMA`; a registry of a higher one is left alone."""
_PAGE = 200  # rows that are read at a time: a writer never waits for a reader of a long listing
_ENTITY = """
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    description TEXT,
    external_id TEXT,
    state TEXT NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,"""
_SCHEMA = f"""
CREATE TABLE models ({_ENTITY}
    owner TEXT,
    UNIQUE (name)
);
CREATE TABLE versions ({_ENTITY}
    model INTEGER NOT NULL REFERENCES models,
    author TEXT,
    UNIQUE (model, name)
);
CREATE TABLE artifacts ({_ENTITY}
    version INTEGER NOT NULL REFERENCES versions,
    uri TEXT NOT NULL,
    model_format_name TEXT,
    model_format_version TEXT,
    storage_key TEXT,
    storage_path TEXT,
    service_account_name TEXT,
    model_source_kind TEXT,
    model_source_class TEXT,
    model_source_group TEXT,
    model_source_id TEXT,
    model_source_name TEXT,
    UNIQUE (version, name)
);
CREATE TABLE properties (
    kind TEXT NOT NULL,
    entity INTEGER NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    value NOT NULL,
    PRIMARY KEY (kind, entity, name)
) WITHOUT ROWID;
CREATE INDEX properties_by_value ON properties (kind, name, type, value);
"""
_ARTIFACT_FIELDS = (
    *("uri", "model_format_name", "model_format_version", "storage_key", "storage_path", "service_account_name"),
    *("model_source_kind", "model_source_class", "model_source_group", "model_source_id", "model_source_name"),
)
_ORDERS: Mapping[Order, str] = {"CREATE_TIME": "created", "LAST_UPDATE_TIME": "updated", "ID": "id"}
_TABLES = {"model": "models", "version": "versions", "artifact": "artifacts"}


class LocalRegistry:
    """A `Registry` in the state directory.

    Args:
        directory: The state directory; default: that of local jobs.
    """

    largest_integer = 2**63 - 1

    def __init__(self, directory: str | os.PathLike[str] | None = None) -> None:
        self.folder: Path = state_dir(directory) / "registry"
        self._database = Database(
            self.folder / "registry.sqlite3", schema=_SCHEMA, version=_VERSION, what="model registry"
        )
        self._open: sqlite3.Connection | None = None

    @property
    def where(self) -> str:
        """Which registry it is, in words."""
        return f"the local model registry in {str(self.folder)!r}"

    @contextlib.contextmanager
    def transaction(self) -> Generator[None, None, None]:
        """Give a context in which all is stored or nothing."""
        with self._connection(writing=True):
            yield

    def stored_uri(self, uri: str) -> str:
        """Copy files of this machine into the registry; any other URI is stored as it is."""
        path = artifact_files.local_path(uri)
        return uri if path is None else artifact_files.keep(path, self.folder / "artifacts", uri)

    # -- models -------------------------------------------------------------------------------------------------

    def find_model(self, name: str) -> RegisteredModel | None:
        """Return the model `name`; None when there is none."""
        return next(iter(self._models("name = ?", (name,))), None)

    def create_model(self, model: RegisteredModel) -> RegisteredModel:
        """Store a new model and return it as stored."""
        return self._created("model", model, {"owner": model.owner}, f"There is a model {model.name!r} already.")

    def update_model(self, model: RegisteredModel) -> RegisteredModel:
        """Store all but the name of a model, by its id, and return it as stored."""
        return self._updated("model", model, {"owner": model.owner})

    def models(self, query: Filter | None, order: Order, *, descending: bool) -> Iterator[RegisteredModel]:
        """Yield the models that match."""
        for rows in self._pages("model", [], query, order, descending=descending):
            yield from self._models(f"id IN ({', '.join('?' * len(rows))})", rows, rows)

    def _models(self, condition: str, values: tuple[object, ...], ids: Iterable[int] = ()) -> Iterator[RegisteredModel]:
        rows = self._rows(f"SELECT * FROM models WHERE {condition}", values, ids)
        metadata = self._metadata("model", rows)
        for row in rows:
            model = RegisteredModel(
                name=str(row["name"]), owner=_text(row["owner"]), state=cast(ModelState, row["state"])
            )
            yield _filled(model, row, metadata)

    # -- versions -----------------------------------------------------------------------------------------------

    def find_version(self, model: RegisteredModel, name: str) -> ModelVersion | None:
        """Return the version `name` of a model; None when there is none."""
        return next(iter(self._versions("versions.model = ? AND versions.name = ?", (_id(model), name))), None)

    def create_version(self, model: RegisteredModel, version: ModelVersion) -> ModelVersion:
        """Store a new version of a model and return it as stored."""
        taken = f"Model {model.name!r} has a version {version.name!r} already."
        return self._created("version", version, {"author": version.author, "model": _id(model)}, taken)

    def update_version(self, version: ModelVersion) -> ModelVersion:
        """Store all but the name of a version, by its id, and return it as stored."""
        return self._updated("version", version, {"author": version.author})

    def versions(
        self, model: RegisteredModel | None, query: Filter | None, order: Order, *, descending: bool
    ) -> Iterator[ModelVersion]:
        """Yield the versions of a model, or of all models, that match."""
        of_model = [] if model is None else [("versions.model = ?", _id(model))]
        for rows in self._pages("version", of_model, query, order, descending=descending):
            yield from self._versions(f"versions.id IN ({', '.join('?' * len(rows))})", rows, rows)

    def _versions(self, condition: str, values: tuple[object, ...], ids: Iterable[int] = ()) -> Iterator[ModelVersion]:
        statement = (
            "SELECT versions.*, models.name AS model_name FROM versions JOIN models ON models.id = versions.model"
        )
        rows = self._rows(f"{statement} WHERE {condition}", values, ids)
        metadata = self._metadata("version", rows)
        for row in rows:
            version = ModelVersion(
                name=str(row["name"]),
                model_name=str(row["model_name"]),
                registered_model_id=str(row["model"]),
                author=_text(row["author"]),
                state=cast(ModelState, row["state"]),
            )
            yield _filled(version, row, metadata)

    # -- artifacts ----------------------------------------------------------------------------------------------

    def artifacts(self, version: ModelVersion) -> Iterator[ModelArtifact]:
        """Yield the artifacts of a version, newest first."""
        yield from self._artifacts("version = ? ORDER BY created DESC, id DESC", (_id(version),))

    def create_artifact(self, version: ModelVersion, artifact: ModelArtifact) -> ModelArtifact:
        """Store a new artifact of a version and return it as stored."""
        values = {name: getattr(artifact, name) for name in _ARTIFACT_FIELDS} | {"version": _id(version)}
        return self._created("artifact", artifact, values, f"Version {version.name!r} has an artifact already.")

    def update_artifact(self, artifact: ModelArtifact) -> ModelArtifact:
        """Store all but the name of an artifact, by its id, and return it as stored."""
        return self._updated("artifact", artifact, {name: getattr(artifact, name) for name in _ARTIFACT_FIELDS})

    def _artifacts(self, condition: str, values: tuple[object, ...]) -> Iterator[ModelArtifact]:
        rows = self._rows(f"SELECT * FROM artifacts WHERE {condition}", values)
        metadata = self._metadata("artifact", rows)
        for row in rows:
            artifact = ModelArtifact(name=str(row["name"]), state=cast(ArtifactState, row["state"]))
            for name in _ARTIFACT_FIELDS:
                setattr(artifact, name, _text(row[name]))
            yield _filled(artifact, row, metadata)

    # -- rows ---------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _connection(self, *, writing: bool) -> Generator[sqlite3.Connection, None, None]:
        """Give the connection of the transaction around, else one for reading or a transaction of its own."""
        if self._open is not None and self._opened_by == (os.getpid(), _thread()):
            yield self._open
            return
        if not writing and not self._database.exists:
            writing = True  # the first use makes the file, whatever it is
        try:
            with self._database.writing() if writing else self._database.reading() as connection:
                if not writing:
                    yield connection
                    return
                self._open, self._opened_by = connection, (os.getpid(), _thread())
                try:
                    yield connection
                finally:
                    self._open = None
        except StoreUnusable as error:
            raise RegistryUnavailable(str(error)) from error
        except KubeflowError as error:
            if isinstance(error.__cause__, sqlite3.Error):
                raise RegistryUnavailable(str(error)) from error
            raise

    _opened_by: tuple[int, int] = (0, 0)

    def _rows(self, statement: str, values: Iterable[object], order: Iterable[int] = ()) -> list[Mapping[str, object]]:
        with self._connection(writing=False) as connection:
            cursor = connection.execute(statement, tuple(cast("Iterable[str]", values)))
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor]
        if by_place := {number: place for place, number in enumerate(order)}:
            rows.sort(key=lambda row: by_place[cast(int, row["id"])])
        return cast("list[Mapping[str, object]]", rows)

    def _pages(
        self, kind: str, conditions: list[tuple[str, int]], query: Filter | None, order: Order, *, descending: bool
    ) -> Iterator[tuple[int, ...]]:
        """Yield the ids of what matches, a page at a time; what is stored in the meantime comes once or not at all."""
        table, column = _TABLES[kind], _ORDERS[order]
        texts, values = [text for text, _ in conditions], cast("list[object]", [value for _, value in conditions])
        if query is not None:
            condition = filter_sql(query, kind, table)
            texts.append(condition.text)
            values += condition.values
        way, sign = ("DESC", "<") if descending else ("ASC", ">")
        last: tuple[object, object] | None = None
        while True:
            after = [] if last is None else [f"({table}.{column}, {table}.id) {sign} (?, ?)"]
            where = " AND ".join([*texts, *after]) or "1"
            rows = self._rows(
                f"SELECT id, {column} AS place FROM {table} WHERE {where} "
                f"ORDER BY {column} {way}, id {way} LIMIT {_PAGE}",
                [*values, *(last or ())],
            )
            if rows:
                yield tuple(cast(int, row["id"]) for row in rows)
                last = rows[-1]["place"], rows[-1]["id"]
            if len(rows) < _PAGE:
                return

    def _metadata(self, kind: str, rows: list[Mapping[str, object]]) -> Mapping[object, dict[str, MetadataValue]]:
        ids = [row["id"] for row in rows]
        found: dict[object, dict[str, MetadataValue]] = {}
        marks = ", ".join("?" * len(ids))
        statement = f"SELECT entity AS id, name, type, value FROM properties WHERE kind = ? AND entity IN ({marks})"
        for row in self._rows(f"{statement} ORDER BY name", [kind, *ids]) if ids else ():
            value = cast(MetadataValue, row["value"])
            value = bool(value) if row["type"] == "bool" else float(value) if row["type"] == "double" else value
            found.setdefault(row["id"], {})[str(row["name"])] = value
        return found

    def _created(self, kind: str, entity: _E, values: Mapping[str, object], taken: str) -> _E:
        now = _now()
        row: dict[str, object] = {**_shared(entity), **values, "name": entity.name, "created": now, "updated": now}
        with self._connection(writing=True) as connection:
            try:
                cursor = connection.execute(
                    f"INSERT INTO {_TABLES[kind]} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
                    tuple(cast("Iterable[str]", row.values())),
                )
            except sqlite3.IntegrityError as error:
                raise ModelConflict(taken) from error
            number = cast(int, cursor.lastrowid)
            _write_metadata(connection, kind, number, entity.custom_properties)
            return self._stored(kind, entity, number)

    def _updated(self, kind: str, entity: _E, values: Mapping[str, object]) -> _E:
        # As on a server: what is None stays as it is.
        given: dict[str, object] = {**_shared(entity), **values, "updated": _now()}
        row: dict[str, object] = {name: value for name, value in given.items() if value is not None}
        number = _id(entity)
        with self._connection(writing=True) as connection:
            cursor = connection.execute(
                f"UPDATE {_TABLES[kind]} SET {', '.join(f'{name} = ?' for name in row)} WHERE id = ? AND name = ?",
                (*cast("Iterable[str]", row.values()), number, entity.name),
            )
            if cursor.rowcount != 1:
                raise ModelNotFound(f"{self.where} has no {kind} {entity.name!r} with id {number}: names never change.")
            connection.execute("DELETE FROM properties WHERE kind = ? AND entity = ?", (kind, number))
            _write_metadata(connection, kind, number, entity.custom_properties)
            return self._stored(kind, entity, number)

    def _stored(self, kind: str, entity: _E, number: int) -> _E:
        condition, values = f"{_TABLES[kind]}.id = ?", (number,)
        readers: Mapping[str, Callable[[str, tuple[object, ...]], Iterator[RegistryEntity]]] = {
            "model": self._models,
            "version": self._versions,
            "artifact": self._artifacts,
        }
        return cast(_E, next(readers[kind](condition, values)))


def _write_metadata(
    connection: sqlite3.Connection, kind: str, number: int, metadata: Mapping[str, MetadataValue]
) -> None:
    connection.executemany(
        "INSERT INTO properties (kind, entity, name, type, value) VALUES (?, ?, ?, ?, ?)",
        [(kind, number, name, type_of(value), value) for name, value in metadata.items()],
    )


def _shared(entity: RegisteredModel | ModelVersion | ModelArtifact) -> dict[str, object]:
    return {"description": entity.description, "external_id": entity.external_id, "state": entity.state}


def _filled(entity: _E, row: Mapping[str, object], metadata: Mapping[object, dict[str, MetadataValue]]) -> _E:
    entity.id = str(row["id"])
    entity.description = _text(row["description"])
    entity.external_id = _text(row["external_id"])
    entity.custom_properties = metadata.get(row["id"], {})
    entity.create_time_since_epoch = str(row["created"])
    entity.last_update_time_since_epoch = str(row["updated"])
    return entity


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _id(entity: RegistryEntity) -> int:
    if entity.id is None or not entity.id.isdigit():
        raise ModelNotFound(
            f"{entity.name!r} has no id of a registry: read it with get_model or get_model_version first."
        )
    return int(entity.id)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _thread() -> int:
    import threading

    return threading.get_ident()
