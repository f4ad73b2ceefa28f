"""The searches that this machine drives, and their trials: rows of one SQLite file in the state directory.

A trial's row is committed with its parameters before its job is submitted, and the job's name follows from the search
and the number. So whatever is killed, a row without a job is submitted again, and a job that exists is found.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from kubeflow.core.display import repr_of_fields
from kubeflow.core.stdlib import json
from kubeflow.local.store.database import Database
from kubeflow.optimizer.algorithms.history import SKIPPED
from kubeflow.optimizer.errors import OptimizationExists
from kubeflow.optimizer.types.optimization_types import ENDED, OptimizationStatus
from kubeflow.optimizer.types.trials import Metric, TrialStatus

STORE_FILE = "optimizations.db"
SCHEMA_VERSION = 1
"""Raised with every change of `_SCHEMA`; a store of a higher one is left alone."""

RESTARTED = "Restarted"
"""Event of a search that goes on after it had ended."""

StudyWish = Literal["run", "suspend", "stop", "delete"]
"""What its user wants of a search: the process that drives it follows."""

_SCHEMA = """
CREATE TABLE studies (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    backend TEXT NOT NULL,
    phase TEXT NOT NULL,
    wanted TEXT NOT NULL DEFAULT 'run',
    reason TEXT NOT NULL DEFAULT '',
    num_trials INTEGER NOT NULL,
    created REAL NOT NULL,
    active REAL NOT NULL DEFAULT 0,
    ended REAL,
    document BLOB NOT NULL,
    spaces BLOB NOT NULL
);
CREATE TABLE trials (
    study INTEGER NOT NULL REFERENCES studies ON DELETE CASCADE,
    number INTEGER NOT NULL,
    phase TEXT NOT NULL,
    parameters TEXT NOT NULL,
    notes TEXT NOT NULL,
    parent INTEGER,
    reason TEXT NOT NULL DEFAULT '',
    metrics TEXT NOT NULL DEFAULT '[]',
    reported TEXT NOT NULL DEFAULT '[]',
    objectives TEXT,
    asked REAL NOT NULL,
    ended REAL,
    PRIMARY KEY (study, number)
) WITHOUT ROWID;
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    study INTEGER NOT NULL REFERENCES studies ON DELETE CASCADE,
    number INTEGER,
    time REAL NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL
);
CREATE INDEX events_of_study ON events (study);
"""
_STUDY = "id, name, backend, phase, wanted, reason, num_trials, created, active, ended"
_TRIAL = "number, phase, parameters, notes, parent, reason, metrics, reported, objectives, asked, ended"


@dataclass(frozen=True, slots=True)
class StudyRow:
    """A search at one moment.

    Attributes:
        id: Its number in the store; larger is younger.
        name: Its name.
        backend: Where its trials run, as a text that tells one place from another.
        phase: Where it is.
        wanted: What its user wants of it.
        reason: Why it is in this phase, in words; mostly empty.
        num_trials: Trials in all, as `extend` may have changed them.
        created: When it was made, in seconds since the epoch.
        active: Seconds that it ran before it was last suspended.
        ended: When it ended.
    """

    id: int
    name: str
    backend: str
    phase: OptimizationStatus
    wanted: StudyWish
    reason: str
    num_trials: int
    created: float
    active: float
    ended: float | None

    __repr__ = repr_of_fields

    @property
    def finished(self) -> bool:
        """True when it has ended."""
        return self.phase in ENDED


@dataclass(frozen=True, slots=True)
class TrialRow:
    """A trial at one moment.

    Attributes:
        number: Its number in the search, from 0.
        phase: `Created` until its job is there, then `Running` until it ends.
        parameters: The text of each parameter, as its space encodes it.
        notes: What the algorithm needs again.
        parent: The trial whose checkpoints it goes on from.
        reason: Why it is in this phase, in words; mostly empty.
        metrics: What is known of its metrics at its end.
        reported: Steps and values of the first objective.
        objectives: The value of each objective; `None` when it has none.
        asked: When its parameters were drawn, in seconds since the epoch.
        ended: When it ended.
    """

    number: int
    phase: TrialStatus
    parameters: Mapping[str, str]
    notes: Mapping[str, object] = field(default_factory=dict[str, object])
    parent: int | None = None
    reason: str = ""
    metrics: Sequence[Metric] = ()
    reported: Sequence[tuple[int, float]] = ()
    objectives: Sequence[float] | None = None
    asked: float = 0.0
    ended: float | None = None

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class StudyEvent:
    """Something that happened to a search, or to the trial `number` of it."""

    time: datetime
    reason: str
    message: str
    number: int | None = None

    __repr__ = repr_of_fields


class StudyStore:
    """The searches of a state directory. Safe for many processes; every change is one transaction.

    Args:
        state: The state directory; it is made by the first search.
    """

    def __init__(self, state: Path) -> None:
        self.state = state
        self.database = Database(state / STORE_FILE, schema=_SCHEMA, version=SCHEMA_VERSION, what="store of searches")

    def add(self, name: str, backend: str, num_trials: int, document: bytes, spaces: bytes) -> int:
        """Record a search that is about to start, and return its number.

        Raises:
            OptimizationExists: When there is a search of this name.
        """
        try:
            with self.database.writing() as db:
                (study,) = db.execute(
                    "INSERT INTO studies (name, backend, phase, num_trials, created, document, spaces) "
                    "VALUES (?, ?, 'Created', ?, ?, ?, ?) RETURNING id",
                    (name, backend, num_trials, time.time(), document, spaces),
                ).fetchone()
                _event(db, study, None, "Created", f"{num_trials} trial(s)")
        except sqlite3.IntegrityError as error:
            raise OptimizationExists(name) from error
        return int(study)

    def find(self, name: str) -> StudyRow | None:
        """Return a search by name, those that are being deleted included."""
        found = self._select("WHERE name = ?", name)
        return found[0] if found else None

    def all(self) -> list[StudyRow]:
        """Return all searches, oldest first."""
        return self._select("ORDER BY id")

    def blobs(self, study: int) -> tuple[bytes, bytes] | None:
        """Return what the driving process reads of a search, and its search spaces as its user sees them.

        `None`: it was deleted.
        """
        with self.database.reading() as db:
            found: tuple[bytes, bytes] | None = db.execute(
                "SELECT document, spaces FROM studies WHERE id = ?", (study,)
            ).fetchone()
            return found

    def trials(self, study: int) -> list[TrialRow]:
        """Return the trials of a search, by number."""
        with self.database.reading() as db:
            rows = db.execute(f"SELECT {_TRIAL} FROM trials WHERE study = ? ORDER BY number", (study,)).fetchall()
        return [_trial(*row) for row in rows]

    def events(self, study: int) -> list[StudyEvent]:
        """Return what happened to a search, oldest first."""
        with self.database.reading() as db:
            rows = db.execute("SELECT time, reason, message, number FROM events WHERE study = ? ORDER BY id", (study,))
            return [StudyEvent(datetime.fromtimestamp(at, UTC), *rest) for at, *rest in rows]

    def want(self, study: int, wanted: StudyWish) -> bool:
        """Record what its user wants of a search that has not ended, or its deletion; whether there was such a one.

        Who wants it to rest does not take back that another wants its end.
        """
        with self.database.writing() as db:
            changed = db.execute(
                "UPDATE studies SET wanted = ? WHERE id = ? AND wanted != 'delete' "
                "AND (? = 'delete' OR phase NOT IN ('Complete', 'Failed', 'Stopped')) "
                "AND NOT (? = 'suspend' AND wanted = 'stop')",
                (wanted, study, wanted, wanted),
            )
            return changed.rowcount == 1

    def restart(
        self, study: int, num_trials: int | None = None, wanted: StudyWish = "run", document: bytes | None = None
    ) -> bool:
        """Let a suspended search go on, or one that has ended; whether it rested.

        Time and failures of one that had ended count anew.

        Args:
            study: The search.
            num_trials: Trials in all. Default: as many as before.
            wanted: What is wanted of it.
            document: What the driving process reads from now on. Default: the same.
        """
        with self.database.writing() as db:
            row = db.execute("SELECT phase FROM studies WHERE id = ? AND wanted != 'delete'", (study,)).fetchone()
            if row is None or row[0] not in (*ENDED, "Suspended"):
                return False
            db.execute(
                "UPDATE studies SET wanted = ?, phase = 'Created', reason = '', ended = NULL, "
                "active = CASE phase WHEN 'Suspended' THEN active ELSE 0 END, "
                "num_trials = COALESCE(?, num_trials), document = COALESCE(?, document) WHERE id = ?",
                (wanted, num_trials, document, study),
            )
            if row[0] == "Suspended":
                _event(db, study, None, "Resumed", "it goes on")
            else:
                _event(db, study, None, RESTARTED, f"it goes on; it was {row[0]}")
            return True

    def restarted(self, study: int) -> float:
        """Return when a search went on after it had ended, in seconds since the epoch; 0 when it never did."""
        with self.database.reading() as db:
            (time,) = db.execute(
                "SELECT MAX(time) FROM events WHERE study = ? AND reason = ?", (study, RESTARTED)
            ).fetchone()
        return float(time or 0)

    def driven(self, study: int) -> float:
        """Return the seconds from when a search was last taken up until the last sign of life of what drove it."""
        with self.database.reading() as db:
            begun, last = db.execute(
                "SELECT MAX(CASE WHEN number IS NULL AND reason = 'Running' THEN time END), MAX(time) "
                "FROM events WHERE study = ?",
                (study,),
            ).fetchone()
            (asked,) = db.execute("SELECT MAX(asked) FROM trials WHERE study = ?", (study,)).fetchone()
        return max(0.0, max(last, asked or 0) - begun) if begun else 0.0

    def resize(self, study: int, num_trials: int) -> None:
        """Record another number of trials of a search that has not ended."""
        with self.database.writing() as db:
            db.execute("UPDATE studies SET num_trials = ? WHERE id = ?", (num_trials, study))
            _event(db, study, None, "Extended", f"{num_trials} trial(s) in all")

    def move(self, study: int, phase: OptimizationStatus, reason: str = "", *, active: float | None = None) -> None:
        """Record in which phase a search is now.

        Args:
            study: The search.
            phase: The phase.
            reason: Why, in words.
            active: Seconds that it has run, when it stops running.
        """
        with self.database.writing() as db:
            db.execute(
                "UPDATE studies SET phase = ?, reason = ?, active = COALESCE(?, active), ended = ? WHERE id = ?",
                (phase, reason, active, time.time() if phase in ENDED else None, study),
            )
            _event(db, study, None, phase, reason)

    def ask(
        self, study: int, number: int, parameters: Mapping[str, str], notes: Mapping[str, object], parent: int | None
    ) -> TrialRow:
        """Record a trial with its parameters, before its job is made; in an event what was skipped before them."""
        asked = time.time()
        with self.database.writing() as db:
            db.execute(
                "INSERT INTO trials (study, number, phase, parameters, notes, parent, asked) "
                "VALUES (?, ?, 'Created', ?, ?, ?, ?)",
                (study, number, json.dumps(dict(parameters)), json.dumps(dict(notes)), parent, asked),
            )
            if skipped := notes.get(SKIPPED):
                words = f"{skipped} proposal(s) were skipped: a trial has these parameters, and unique=True"
                _event(db, study, number, "ProposalsSkipped", words)
        return TrialRow(number, "Created", parameters, notes, parent, asked=asked)

    def submitted(self, study: int, number: int) -> None:
        """Record that the job of a trial is there."""
        with self.database.writing() as db:
            db.execute(
                "UPDATE trials SET phase = 'Running' WHERE study = ? AND number = ? AND phase = 'Created'",
                (study, number),
            )

    def settle(self, study: int, trial: TrialRow) -> None:
        """Record how a trial ended."""
        metrics = [[each.name, each.min, each.max, each.latest] for each in trial.metrics]
        values = None if trial.objectives is None else json.dumps(list(trial.objectives))
        with self.database.writing() as db:
            db.execute(
                "UPDATE trials SET phase = ?, reason = ?, metrics = ?, reported = ?, objectives = ?, ended = ? "
                "WHERE study = ? AND number = ?",
                (
                    *(trial.phase, trial.reason, json.dumps(metrics), json.dumps(list(trial.reported)), values),
                    *(trial.ended, study, trial.number),
                ),
            )
            _event(db, study, trial.number, f"Trial{trial.phase}", trial.reason)

    def forget(self, study: int) -> None:
        """Remove a search with its trials."""
        with self.database.writing() as db:
            db.execute("DELETE FROM studies WHERE id = ?", (study,))

    def change_token(self) -> Callable[[], bool]:
        """Return a function that says whether the store has changed since it was last asked."""
        return self.database.change_token()

    def _select(self, where: str, *values: object) -> list[StudyRow]:
        if not self.database.exists:
            return []
        with self.database.reading() as db:
            return [StudyRow(*row) for row in db.execute(f"SELECT {_STUDY} FROM studies {where}", values)]


def _event(db: sqlite3.Connection, study: int, number: int | None, reason: str, message: str) -> None:
    db.execute(
        "INSERT INTO events (study, number, time, reason, message) VALUES (?, ?, ?, ?, ?)",
        (study, number, time.time(), reason, message),
    )


def _trial(
    number: int,
    phase: TrialStatus,
    parameters: str,
    notes: str,
    parent: int | None,
    reason: str,
    metrics: str,
    reported: str,
    objectives: str | None,
    asked: float,
    ended: float | None,
) -> TrialRow:
    return TrialRow(
        number,
        phase,
        json.loads(parameters),
        json.loads(notes),
        parent,
        reason,
        tuple(Metric(*each) for each in json.loads(metrics)),
        tuple((step, value) for step, value in json.loads(reported)),
        None if objectives is None else tuple(json.loads(objectives)),
        asked,
        ended,
    )
