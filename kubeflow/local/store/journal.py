"""What a supervisor writes of its job. Each method is one transaction, so that whoever looks sees true states only."""

from __future__ import annotations

import time
from collections.abc import Iterable

from kubeflow.local.job.process_identity import ProcessIdentity
from kubeflow.local.job.records import RankRecord, Verdict, Wanted
from kubeflow.local.store.database import Database
from kubeflow.local.store.store import record_event, record_ranks


class Journal:
    """The part of the store that belongs to one job.

    Args:
        database: The store.
        job: The job's number.
        supervisor: Who writes it. The end of a job that has been taken from it is not recorded.
    """

    def __init__(self, database: Database, job: int, supervisor: ProcessIdentity) -> None:
        self.database = database
        self.job = job
        self.supervisor = supervisor.to_text()

    def adopt(self) -> bool:
        """Take the job; `False` when it is not, or no more, for this process to run."""
        with self.database.writing() as db:
            changed = db.execute(
                "UPDATE jobs SET supervisor = ? "
                "WHERE id = ? AND phase = 'Created' AND settled = 0 AND (supervisor IS NULL OR supervisor = ?)",
                (self.supervisor, self.job, self.supervisor),
            )
            return changed.rowcount == 1

    def wanted(self) -> Wanted | None:
        """Return what the user wants of the job; `None` when it is not this supervisor's any more.

        A job is taken from its supervisor when another process took that for dead.
        """
        if not self.database.exists:  # deleted with the whole state directory, and not to be made anew by this
            return None
        with self.database.reading() as db:
            row = db.execute("SELECT wanted, supervisor, settled FROM jobs WHERE id = ?", (self.job,)).fetchone()
            return None if row is None or row[1] != self.supervisor or row[2] else row[0]

    def event(self, reason: str, message: str, step: str | None = None) -> None:
        """Record something that happened."""
        with self.database.writing() as db:
            record_event(db, self.job, reason, message, step)

    def waiting(self, event: str, reason: str) -> None:
        """Record that the job waits, and why; `event` is what its event is called."""
        with self.database.writing() as db:
            db.execute("UPDATE jobs SET reason = ? WHERE id = ?", (reason, self.job))
            record_event(db, self.job, event, reason)

    def admitted(self) -> None:
        """Record that the job waits no more, and what it needs is made ready."""
        with self.database.writing() as db:
            db.execute("UPDATE jobs SET reason = '' WHERE id = ?", (self.job,))

    def started(self, nodes: Iterable[tuple[str, str]]) -> None:
        """Record the nodes of a stage, each with its executor's id for it; the job is `Running` from now on."""
        with self.database.writing() as db:
            db.execute("UPDATE jobs SET phase = 'Running', reason = '' WHERE id = ?", (self.job,))
            for name, identifier in nodes:
                db.execute(
                    "UPDATE nodes SET phase = 'Running', pid = ?, started = ? WHERE job = ? AND name = ?",
                    (identifier, time.time(), self.job, name),
                )
                kind = "process" if identifier.isdigit() else "container"  # which is told by its name
                record_event(db, self.job, "Started", f"{kind} {identifier}", name)

    def exited(self, node: str, code: int, words: str, ranks: Iterable[RankRecord]) -> None:
        """Record how a node ended, by its exit code and in words, and its ranks."""
        with self.database.writing() as db:
            db.execute(
                "UPDATE nodes SET phase = ?, exit_code = ?, ended = ? WHERE job = ? AND name = ?",
                ("Failed" if code else "Succeeded", code, time.time(), self.job, node),
            )
            record_event(db, self.job, "Exited", words, node)
            record_ranks(db, self.job, ranks)

    def report(self, status: str) -> None:
        """Record what the job's processes say of their progress."""
        with self.database.writing() as db:
            db.execute("UPDATE jobs SET status = ? WHERE id = ?", (status, self.job))

    def decide(self, verdict: Verdict, ranks: Iterable[RankRecord]) -> None:
        """Record how the job ends, before what is left of it is ended."""
        with self.database.writing() as db:
            db.execute(
                "UPDATE jobs SET verdict = ?, reason = ?, failed_step = ? WHERE id = ?",
                (verdict.phase, verdict.reason, verdict.failed_step, self.job),
            )
            record_ranks(db, self.job, ranks)

    def finish(self, verdict: Verdict, ranks: Iterable[RankRecord]) -> None:
        """Record that the job has ended and none of its processes is left."""
        with self.database.writing() as db:
            db.execute(
                "UPDATE jobs SET phase = ?, verdict = ?, reason = ?, failed_step = ?, ended = ?, settled = 1, "
                "queued = NULL WHERE id = ?",
                (verdict.phase, verdict.phase, verdict.reason, verdict.failed_step, time.time(), self.job),
            )
            db.execute("DELETE FROM leases WHERE job = ?", (self.job,))
            record_event(db, self.job, verdict.phase, verdict.reason or "all nodes succeeded")
            record_ranks(db, self.job, ranks)

    def suspended(self) -> None:
        """Record that the job is suspended: none of its processes is left, and this supervisor ends."""
        with self.database.writing() as db:
            db.execute(
                "UPDATE jobs SET phase = 'Suspended', verdict = NULL, reason = '', failed_step = NULL, settled = 1, "
                "supervisor = NULL, queued = NULL WHERE id = ?",
                (self.job,),
            )
            # What this start did says nothing of the next one.
            db.execute("UPDATE nodes SET phase = 'Pending', exit_code = NULL, pid = NULL WHERE job = ?", (self.job,))
            db.execute("DELETE FROM ranks WHERE job = ?", (self.job,))
            db.execute("DELETE FROM leases WHERE job = ?", (self.job,))
            record_event(db, self.job, "Suspended", "its processes have been ended")
