"""The SQLite files of a state directory: opened, created and checked. What is in that of the jobs: `store.py`."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path

from kubeflow.core.errors import InvalidInput, KubeflowError
from kubeflow.local.state import STATE_DIR_VARIABLE

SCHEMA_VERSION = 1
"""Raised with every change of `_SCHEMA`; a store of a higher one is left alone."""

_BUSY = 30.0  # seconds to wait for another process's transaction, each of which takes about a millisecond

_SCHEMA = """
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    directory TEXT NOT NULL UNIQUE,
    phase TEXT NOT NULL,
    wanted TEXT NOT NULL DEFAULT 'run',
    verdict TEXT,
    reason TEXT NOT NULL DEFAULT '',
    failed_step TEXT,
    created REAL NOT NULL,
    ended REAL,
    settled INTEGER NOT NULL DEFAULT 0,
    supervisor TEXT,
    submitter TEXT NOT NULL,
    labels TEXT NOT NULL,
    details TEXT NOT NULL,
    status TEXT,
    queued TEXT
);
CREATE INDEX jobs_unsettled ON jobs (settled, wanted);
CREATE TABLE nodes (
    job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    position INTEGER NOT NULL,
    stage INTEGER NOT NULL,
    name TEXT NOT NULL,
    phase TEXT NOT NULL DEFAULT 'Pending',
    exit_code INTEGER,
    pid INTEGER,
    started REAL,
    ended REAL,
    log TEXT NOT NULL,
    PRIMARY KEY (job, position)
) WITHOUT ROWID;
CREATE TABLE ranks (
    job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    rank INTEGER NOT NULL,
    node TEXT NOT NULL,
    exit_code INTEGER NOT NULL,
    ended REAL NOT NULL,
    late INTEGER NOT NULL,
    PRIMARY KEY (job, rank)
) WITHOUT ROWID;
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    time REAL NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    step TEXT
);
CREATE INDEX events_of_job ON events (job);
CREATE TABLE leases (
    kind TEXT NOT NULL,
    device TEXT NOT NULL,
    job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    node TEXT NOT NULL
);
CREATE UNIQUE INDEX a_gpu_is_given_once ON leases (device) WHERE kind = 'gpu';
CREATE INDEX leases_of_job ON leases (job);
"""


class StoreUnusable(InvalidInput):
    """The job store cannot be used. The message says why, and what to do.

    Remedy:
        Do what the message says: mostly, give the directory back its rights or space, or set `KUBEFLOW_STATE_DIR`.
    """


class Database:
    """One connection to the store of a state directory, safe to use from several threads.

    It is opened at first use, and opened anew in a fork and when the file has been replaced.

    Args:
        path: The file; made, with its directory, by the first write.
        schema: Its tables, as statements with `;` at the end of their last line.
        version: Of the schema, from 1. A file of a higher one is left alone.
        what: What the file is, for messages.
    """

    def __init__(
        self, path: Path, *, schema: str = _SCHEMA, version: int = SCHEMA_VERSION, what: str = "job store"
    ) -> None:
        self.path = path
        self._schema = schema
        self._schema_version = version
        self._what = what
        self._connection: sqlite3.Connection | None = None
        self._opened_as: tuple[int, int, int] | None = None
        self._inherited: list[sqlite3.Connection] = []
        self._lock = threading.RLock()

    @property
    def exists(self) -> bool:
        """Whether there is anything in it."""
        return self.path.exists()

    def change_token(self) -> Callable[[], bool]:
        """Return a function that says whether the store has changed since it was last asked. Costs microseconds."""
        last = self._token()

        def changed() -> bool:
            nonlocal last
            before, last = last, self._token()
            return last != before

        return changed

    def _token(self) -> tuple[int, int]:
        if not self.exists:
            return 0, 0
        with self.reading() as connection:
            (version,) = connection.execute("PRAGMA data_version").fetchone()
            return version, connection.total_changes

    @contextlib.contextmanager
    def reading(self) -> Generator[sqlite3.Connection, None, None]:
        """Give the connection for reading."""
        with self._lock, self._in_words():
            yield self._open()

    @contextlib.contextmanager
    def writing(self) -> Generator[sqlite3.Connection, None, None]:
        """Give the connection inside a transaction that holds the write lock from its start."""
        with self._lock, self._in_words():
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        with self._lock:
            if self._connection is not None and self._opened_as is not None and self._opened_as[0] == os.getpid():
                self._connection.close()
            self._connection = self._opened_as = None

    @contextlib.contextmanager
    def _in_words(self) -> Generator[None, None, None]:
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except sqlite3.OperationalError as error:
            raise KubeflowError(
                f"The {self._what} {str(self.path)!r} cannot be used now: {error}. Look at its disk (`df`), and at "
                "what else uses it (`lsof`)."
            ) from error
        except sqlite3.DatabaseError as error:
            raise StoreUnusable(
                f"The {self._what} {str(self.path)!r} is damaged: {error}. Move it away to start with an empty one, or "
                f"set {STATE_DIR_VARIABLE} to another directory."
            ) from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and self._opened_as == self._identity():
            return self._connection
        if self._connection is not None:
            if self._opened_as is not None and self._opened_as[0] != os.getpid():
                # https://www.sqlite.org/howtocorrupt.html: a connection must not be used, nor closed, in a fork.
                self._inherited.append(self._connection)
            else:
                self._connection.close()
            self._connection = None
        try:
            self._check_place()
        except OSError as error:
            raise StoreUnusable(
                f"The {self._what} is kept in {str(self.path.parent)!r}, which cannot be written to: "
                f"{error.strerror or error}. Set {STATE_DIR_VARIABLE} to a directory that can, or pass state_dir=."
            ) from error
        connection = sqlite3.connect(self.path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._opened_as = connection, self._identity()
        return connection

    def _check_place(self) -> None:
        """Make the directory, and raise what keeps the file from being written.

        The file itself is not opened here, and nowhere but by SQLite: closing it would end all locks that this process
        has on it, and another process could then take away what is still to be written to it.
        https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        place, needs = (self.path, os.R_OK | os.W_OK) if self.exists else (self.path.parent, os.W_OK | os.X_OK)
        if not os.access(place, needs):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        # In WAL mode this survives the end of any process; a power cut may cost the last transactions, not the store.
        connection.execute("PRAGMA synchronous = NORMAL")
        if self._version(connection) == 0:
            with contextlib.suppress(PermissionError):  # of a file system without permissions
                self.path.chmod(0o600)  # while it is empty: labels and errors are nobody else's business
            _enter_wal_mode(connection)
            connection.execute("BEGIN IMMEDIATE")
            if self._version(connection) == 0:
                for statement in self._schema.split(";\n"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {self._schema_version}")
            connection.execute("COMMIT")
        version = self._version(connection)
        if version > self._schema_version:
            raise StoreUnusable(
                f"The {self._what} {str(self.path)!r} was written by a newer kubeflow (schema {version}, and this one "
                f"knows {self._schema_version}): upgrade kubeflow, or set {STATE_DIR_VARIABLE} to another directory."
            )

    @staticmethod
    def _version(connection: sqlite3.Connection) -> int:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])

    def _identity(self) -> tuple[int, int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return os.getpid(), found.st_dev, found.st_ino


def _enter_wal_mode(connection: sqlite3.Connection) -> None:
    """Make readers and the writer independent of each other. Where the file system cannot, all works, but slower."""
    deadline = time.monotonic() + _BUSY
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:  # SQLite does not wait for a lock here
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
