"""The jobs of one state directory, for those who look at them and ask for things. Supervisors write `journal.py`."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import json
from kubeflow.local.job.plan import JobPlan
from kubeflow.local.job.process_identity import ProcessIdentity
from kubeflow.local.job.records import (
    FINAL,
    STOPPED,
    JobEvent,
    JobPhase,
    JobRecord,
    NodeRecord,
    RankRecord,
    Verdict,
    Wanted,
)
from kubeflow.local.store.database import Database
from kubeflow.local.store.slots import first_claim, has_slot, queued_claims, standing

STORE_FILE = "jobs.db"

_COLUMNS = (
    "id, name, directory, phase, wanted, verdict, reason, failed_step, created, settled, supervisor, submitter, "
    "labels, details, status"
)
FINAL_SQL = "('" + "', '".join(FINAL) + "')"
"""The phases that a job ends in, as SQL has a list."""


class NameTaken(InvalidInput):
    """Another job has the name.

    Remedy:
        Choose another name, or delete the job that has it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"A local job {name!r} exists already: choose another name, or delete the other first.")


class Store:
    """The job store of a state directory. Safe for many processes and threads; every change is one transaction.

    Args:
        state: The state directory; it is made by the first job.
    """

    def __init__(self, state: Path) -> None:
        self.database = Database(state / STORE_FILE)

    def add(self, plan: JobPlan, directory: Path, submitter: ProcessIdentity) -> int:
        """Record a job that is about to start, and return its number.

        Raises:
            NameTaken: When there is a job of this name.
        """
        now = time.time()
        phase: JobPhase = "Suspended" if plan.suspend else "Created"
        row = (plan.name, str(directory), phase, now, plan.suspend, submitter.to_text(), first_claim(plan))
        try:
            with self.database.writing() as db:
                (job,) = db.execute(
                    "INSERT INTO jobs (name, directory, phase, created, settled, submitter, queued, labels, details) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                    (*row, json.dumps(dict(plan.labels)), json.dumps(dict(plan.details))),
                ).fetchone()
                nodes = [(stage, node) for stage, nodes in enumerate(plan.stages) for node in nodes]
                db.executemany(
                    "INSERT INTO nodes (job, position, stage, name, log) VALUES (?, ?, ?, ?, ?)",
                    [(job, i, stage, node.name, str(directory / node.name)) for i, (stage, node) in enumerate(nodes)],
                )
                made = f"{len(plan.stages[-1])} node(s), logs in {directory}"
                events = [("Created", made), *plan.notes, *([("Suspended", "made without starting")] * plan.suspend)]
                for reason, message in events:
                    record_event(db, job, reason, message)
        except sqlite3.IntegrityError as error:
            raise NameTaken(plan.name) from error
        return int(job)

    def find(self, name: str) -> JobRecord | None:
        """Return a job by name, those that are being deleted included."""
        found = self._select("WHERE name = ?", name)
        return found[0] if found else None

    def get(self, job: int) -> JobRecord | None:
        """Return a job by number."""
        found = self._select("WHERE id = ?", job)
        return found[0] if found else None

    def at(self, directory: Path) -> JobRecord | None:
        """Return the job whose directory this is."""
        found = self._select("WHERE directory = ?", str(directory))
        return found[0] if found else None

    def all(self) -> list[JobRecord]:
        """Return all jobs, oldest first."""
        return self._select("ORDER BY id")

    def unsettled(self) -> list[JobRecord]:
        """Return the jobs that may have processes, or are being deleted."""
        return self._select("WHERE settled = 0 OR wanted = 'delete' ORDER BY id")

    def events(self, job: int) -> list[JobEvent]:
        """Return what happened to a job, oldest first."""
        with self.database.reading() as db:
            rows = db.execute("SELECT time, reason, message, step FROM events WHERE job = ? ORDER BY id", (job,))
            return [JobEvent(_moment(at), reason, message, step) for at, reason, message, step in rows]

    def ranks(self, job: int) -> list[RankRecord]:
        """Return how the ranks of a job ended, those that have."""
        with self.database.reading() as db:
            rows = db.execute(
                "SELECT rank, node, exit_code, ended, late FROM ranks WHERE job = ? ORDER BY rank", (job,)
            )
            return [RankRecord(rank, node, code, ended, bool(late)) for rank, node, code, ended, late in rows]

    def standing(self, job: int) -> tuple[int, int] | None:
        """Return how many other jobs run, and how many wait before a job; `None` when it does not wait for them."""
        with self.database.reading() as db:
            row = db.execute("SELECT queued FROM jobs WHERE id = ?", (job,)).fetchone()
            if row is None or row[0] is None or not queued_claims(row[0]) or has_slot(db, job):
                return None
            running, ahead = standing(db, job)
            return len(running), len(ahead)

    def want(self, job: int, wanted: Wanted) -> bool:
        """Record what the user wants of a job that has not ended, or its deletion; whether there was such a job."""
        with self.database.writing() as db:
            changed = db.execute(
                "UPDATE jobs SET wanted = ? "
                f"WHERE id = ? AND wanted != 'delete' AND (? = 'delete' OR phase NOT IN {FINAL_SQL})",
                (wanted, job, wanted),
            )
            return changed.rowcount == 1

    def stop(self, job: int) -> None:
        """Record that a job shall be stopped that has not ended. One without processes, a suspended one, is at once."""
        with self.database.writing() as db:
            db.execute(
                f"UPDATE jobs SET wanted = 'stop' WHERE id = ? AND wanted != 'delete' AND phase NOT IN {FINAL_SQL}",
                (job,),
            )
            ended = db.execute(
                "UPDATE jobs SET phase = ?, verdict = ?, reason = ?, ended = ? "
                "WHERE id = ? AND wanted = 'stop' AND phase = 'Suspended'",
                (STOPPED.phase, STOPPED.phase, STOPPED.reason, time.time(), job),
            )
            if ended.rowcount == 1:
                record_event(db, job, STOPPED.phase, STOPPED.reason)

    def restart(self, job: int, submitter: ProcessIdentity) -> bool:
        """Make a suspended job ready to start anew; whether it was suspended until now."""
        with self.database.writing() as db:
            changed = db.execute(
                "UPDATE jobs SET phase = 'Created', wanted = 'run', settled = 0, supervisor = NULL, submitter = ?, "
                "verdict = NULL, reason = '', failed_step = NULL, status = NULL "
                "WHERE id = ? AND phase = 'Suspended' AND wanted != 'delete'",
                (submitter.to_text(), job),
            )
            if changed.rowcount == 1:
                record_event(db, job, "Resumed", "starts anew")
            return changed.rowcount == 1

    def revive(self, seen: JobRecord, submitter: ProcessIdentity, reason: str) -> bool:
        """Make a job that has ended by itself ready to start anew; `False` when it is not as it was `seen` any more.

        What it is, its logs and its events stay. For jobs that are to run for ever: a training job is never revived.

        Args:
            seen: The job, as it was read.
            submitter: The process that is about to start it.
            reason: Why, in words, for its events.
        """
        with self.database.writing() as db:
            changed = db.execute(
                "UPDATE jobs SET phase = 'Created', wanted = 'run', settled = 0, supervisor = NULL, submitter = ?, "
                "verdict = NULL, reason = '', failed_step = NULL, status = NULL, ended = NULL "
                "WHERE id = ? AND phase IN ('Failed', 'Complete') AND settled = 1 AND wanted != 'delete'",
                (submitter.to_text(), seen.id),
            )
            if changed.rowcount == 1:
                db.execute("UPDATE nodes SET phase = 'Pending', exit_code = NULL, pid = NULL WHERE job = ?", (seen.id,))
                db.execute("DELETE FROM ranks WHERE job = ?", (seen.id,))
                record_event(db, seen.id, "Revived", reason)
            return changed.rowcount == 1

    def set_supervisor(self, job: int, supervisor: ProcessIdentity, submitter: ProcessIdentity) -> None:
        """Record which process runs a job, unless it has said so itself, or another process has started the job anew.

        Args:
            job: The job.
            supervisor: The process that runs it.
            submitter: The process that has started the supervisor.
        """
        with self.database.writing() as db:
            db.execute(
                "UPDATE jobs SET supervisor = ? WHERE id = ? AND supervisor IS NULL AND settled = 0 AND submitter = ?",
                (supervisor.to_text(), job, submitter.to_text()),
            )

    def give_up(self, seen: JobRecord, verdict: Verdict, ranks: Iterable[RankRecord] = ()) -> bool:
        """End a job whose supervisor is gone; `False` when it has ended, or has a supervisor, since it was `seen`."""
        supervisor = None if seen.supervisor is None else seen.supervisor.to_text()
        with self.database.writing() as db:
            changed = db.execute(
                "UPDATE jobs SET phase = ?, verdict = ?, reason = ?, failed_step = ?, ended = ?, queued = NULL "
                "WHERE id = ? AND supervisor IS ? AND phase IN ('Created', 'Running')",
                (verdict.phase, verdict.phase, verdict.reason, verdict.failed_step, time.time(), seen.id, supervisor),
            )
            if changed.rowcount == 1:
                if verdict.phase == "Complete":
                    db.execute("UPDATE nodes SET phase = 'Succeeded' WHERE job = ?", (seen.id,))
                else:
                    db.execute("UPDATE nodes SET phase = 'Failed' WHERE job = ? AND phase = 'Running'", (seen.id,))
                record_ranks(db, seen.id, ranks)
                if seen.supervisor is not None:
                    record_event(db, seen.id, "SupervisorKilled", f"process {seen.supervisor.pid} is gone")
                record_event(db, seen.id, verdict.phase, verdict.reason or "all nodes succeeded")
            return changed.rowcount == 1

    def settle(self, job: int) -> None:
        """Record that none of a job's processes is left, so that others can have its GPUs."""
        with self.database.writing() as db:
            db.execute("UPDATE jobs SET settled = 1 WHERE id = ?", (job,))
            db.execute("DELETE FROM leases WHERE job = ?", (job,))

    def forget(self, job: int) -> None:
        """Remove a job."""
        with self.database.writing() as db:
            db.execute("DELETE FROM jobs WHERE id = ?", (job,))

    def change_token(self) -> Callable[[], bool]:
        """Return a function that says whether the store has changed since it was last asked."""
        return self.database.change_token()

    def _select(self, where: str, *values: object) -> list[JobRecord]:
        if not self.database.exists:
            return []
        with self.database.reading() as db:
            db.execute("BEGIN")  # jobs and nodes of one moment
            try:
                jobs = db.execute(f"SELECT {_COLUMNS} FROM jobs {where}", values).fetchall()
                nodes: dict[int, list[NodeRecord]] = {job[0]: [] for job in jobs}
                one = "WHERE job = ? " if len(jobs) == 1 else ""
                rows = db.execute(
                    "SELECT job, name, stage, phase, exit_code, CAST(pid AS TEXT) FROM nodes "
                    f"{one}ORDER BY job, position",
                    [jobs[0][0]] if one else [],
                )
                for job, *node in rows if jobs else ():
                    if job in nodes:
                        nodes[job].append(NodeRecord(*node))
            finally:
                db.execute("COMMIT")
        return [_record(job, tuple(nodes[job[0]])) for job in jobs]


def record_event(db: sqlite3.Connection, job: int, reason: str, message: str, step: str | None = None) -> None:
    """Add an event within a transaction."""
    db.execute(
        "INSERT INTO events (job, time, reason, message, step) VALUES (?, ?, ?, ?, ?)",
        (job, time.time(), reason, message, step),
    )


def record_ranks(db: sqlite3.Connection, job: int, ranks: Iterable[RankRecord]) -> None:
    """Add how ranks ended within a transaction, unless that is known."""
    db.executemany(
        "INSERT OR IGNORE INTO ranks (job, rank, node, exit_code, ended, late) VALUES (?, ?, ?, ?, ?, ?)",
        [(job, rank.rank, rank.node, rank.exit_code, rank.ended, rank.late) for rank in ranks],
    )


def _record(row: tuple[Any, ...], nodes: tuple[NodeRecord, ...]) -> JobRecord:
    job, name, directory, phase, wanted, verdict, reason, failed, created, settled, supervisor, submitter, *rest = row
    labels, details, status = rest
    return JobRecord(
        id=job,
        name=name,
        mark=directory,
        phase=phase,
        wanted=wanted,
        verdict=verdict,
        reason=reason,
        failed_step=failed,
        created=_moment(created),
        settled=bool(settled),
        supervisor=None if supervisor is None else ProcessIdentity.from_text(supervisor),
        submitter=ProcessIdentity.from_text(submitter),
        nodes=nodes,
        labels=json.loads(labels),
        details=details,
        status=status,
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
