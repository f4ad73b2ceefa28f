"""How many jobs of a state directory run at once: those that find no slot wait, in the order of their submission.

A job that runs has a row in the table of leases: of kind `slot`, or of kind `lent` where it runs on the slot of the job
that submitted it. A job that waits has the claim it waits with in the column `queued`.
"""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import json
from kubeflow.local.job.plan import JobPlan

MAX_JOBS_VARIABLE = "KUBEFLOW_MAX_JOBS"
_LEAST = 4  # jobs at once, however few CPUs there are: most of a small job is waiting
_SLOT = "slot"
_LENT = "lent"


@dataclass(frozen=True, slots=True)
class Capacity:
    """What there is for all jobs together.

    Attributes:
        jobs: Jobs that run at once; 0 is no limit, neither of jobs nor of what they ask for.
        cpus: CPUs of this machine.
        memory: Bytes of memory of this machine.
    """

    jobs: int
    cpus: int
    memory: int


@dataclass(frozen=True, slots=True)
class Claim:
    """What one job asks for, all nodes of its largest stage together; 0 where it asks for nothing.

    Attributes:
        cpus: CPUs.
        memory: Bytes.
    """

    cpus: int = 0
    memory: int = 0

    def to_text(self) -> str:
        """Return it as an entry of the column `queued`, which no GPU is called like."""
        return f"{_SLOT} {self.cpus} {self.memory}"

    @classmethod
    def from_text(cls, text: str) -> Claim:
        """Read what `to_text` wrote."""
        _, cpus, memory = text.split()
        return cls(int(cpus), int(memory))


@dataclass(frozen=True, slots=True)
class SlotRequest:
    """A job that wants to run.

    Attributes:
        claim: What it asks for.
        capacity: What there is.
        parent: The directory of the job that submitted it, `None` where that was no job.
    """

    claim: Claim
    capacity: Capacity
    parent: str | None = None


def job_limit(given: int | None = None) -> int:
    """Return how many jobs run at once on this machine; 0 is no limit.

    The first of: what is given, the environment variable `KUBEFLOW_MAX_JOBS`, the number of CPUs, which is at least 4.

    Raises:
        InvalidInput: When one of them is no whole number, or below 0.
    """
    chosen: object = given
    if given is None:
        chosen = os.environ.get(MAX_JOBS_VARIABLE, "").strip() or max(_LEAST, os.cpu_count() or 1)
    try:
        limit = int(chosen) if isinstance(chosen, str) else chosen
    except ValueError:
        limit = None
    if type(limit) is not int or limit < 0:
        raise InvalidInput(
            f"max_jobs={chosen!r} says how many local jobs run at once: a whole number, also in {MAX_JOBS_VARIABLE}; 0 "
            "is no limit."
        )
    return limit


def claim(plan: JobPlan) -> Claim:
    """Return what a job asks for."""
    return Claim(
        cpus=max((sum(node.cpus or 0 for node in stage) for stage in plan.stages), default=0),
        memory=max((sum(node.memory or 0 for node in stage) for stage in plan.stages), default=0),
    )


def first_claim(plan: JobPlan) -> str | None:
    """Return what the column `queued` says of a job that has just been submitted, so that the younger ones see it."""
    return json.dumps([claim(plan).to_text()]) if plan.max_jobs and not plan.suspend else None


def queued_claims(queued: str) -> list[Claim]:
    """Return the claims in a value of the column `queued`: one, or none for a job that waits for GPUs alone."""
    return [Claim.from_text(entry) for entry in json.loads(queued) if entry.startswith(f"{_SLOT} ")]


def has_slot(db: sqlite3.Connection, job: int) -> bool:
    """True when a job has a place among those that run."""
    rows = db.execute(f"SELECT 1 FROM leases WHERE job = ? AND kind IN ('{_SLOT}', '{_LENT}')", (job,))
    return rows.fetchone() is not None


def standing(db: sqlite3.Connection, job: int) -> tuple[list[Claim], list[Claim]]:
    """Return the claims of the other jobs that run, and of those that wait and were submitted before `job`."""
    rows = db.execute(
        "SELECT leases.kind, leases.device, leases.node, jobs.directory FROM leases JOIN jobs ON jobs.id = leases.job "
        f"WHERE leases.kind IN ('{_SLOT}', '{_LENT}') AND leases.job != ?",
        (job,),
    ).fetchall()
    holders = {directory for _, _, _, directory in rows}
    # Who runs on the slot of another counts once that one has ended.
    running = [Claim.from_text(text) for kind, text, parent, _ in rows if kind == _SLOT or parent not in holders]
    queued = db.execute("SELECT queued FROM jobs WHERE queued IS NOT NULL AND id < ?", (job,)).fetchall()
    return running, [found for (text,) in queued for found in queued_claims(text)]


def shortage(db: sqlite3.Connection, job: int, request: SlotRequest) -> tuple[str, int] | None:
    """Return why a job has to wait, and how many wait before it; `None` when it may run."""
    capacity = request.capacity
    if not capacity.jobs or _lender(db, request.parent):
        return None
    running, ahead = standing(db, job)
    others = [*running, *ahead]
    why: list[str] = []
    if len(others) >= capacity.jobs:
        why.append(f"at most {capacity.jobs} run at once")
    if _exceeds(request.claim.cpus, [other.cpus for other in others], capacity.cpus):
        why.append(f"it asks for {request.claim.cpus} CPU(s), and they have asked for those of this machine before")
    if _exceeds(request.claim.memory, [other.memory for other in others], capacity.memory):
        size = f"{math.ceil(request.claim.memory / (1 << 20)):,} MiB"
        why.append(f"it asks for {size} of memory, and they have asked for that of this machine before")
    if not why:
        return None
    count = f"{len(others)} other job{'' if len(others) == 1 else 's'}"
    return f"waiting for {count} of this machine: {'; '.join(why)}", len(ahead)


def take_slot(db: sqlite3.Connection, job: int, request: SlotRequest) -> None:
    """Record that a job runs from now on, in the transaction in which `shortage` has said nothing."""
    parent = _lender(db, request.parent)
    db.execute(
        "INSERT INTO leases (kind, device, job, node) VALUES (?, ?, ?, ?)",
        (_LENT if parent else _SLOT, request.claim.to_text(), job, parent or ""),
    )


def _lender(db: sqlite3.Connection, parent: str | None) -> str | None:
    """Return the parent if it runs and has not lent its slot yet.

    A job that submits others and waits for them would wait for ever where no slot is left. So one of them runs on its
    slot, whatever is free and whoever waits.
    """
    if parent is None:
        return None
    runs = db.execute(
        "SELECT 1 FROM leases JOIN jobs ON jobs.id = leases.job "
        f"WHERE jobs.directory = ? AND leases.kind IN ('{_SLOT}', '{_LENT}')",
        (parent,),
    ).fetchone()
    lent = db.execute("SELECT 1 FROM leases WHERE kind = ? AND node = ?", (_LENT, parent)).fetchone()
    return parent if runs and not lent else None


def _exceeds(asked: int, others: Sequence[int], there: int) -> bool:
    """True when the sum is more than there is. Who asks for more than there is asks for all of it."""
    return bool(asked) and min(asked, there) + sum(min(other, there) for other in others) > there
