"""Who runs, with which GPUs and CPUs, across all jobs of a state directory. A GPU is given to one node at a time."""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kubeflow.core.stdlib import json
from kubeflow.local.job.plan import NodePlan
from kubeflow.local.store.database import Database
from kubeflow.local.store.slots import SlotRequest, has_slot, shortage, take_slot


@dataclass(frozen=True, slots=True)
class Share:
    """What a node got: GPUs as `CUDA_VISIBLE_DEVICES` names them, and CPU numbers; `None` leaves it alone."""

    gpus: tuple[str, ...] | None = None
    cpus: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a job has to wait.

    Attributes:
        reason: In words.
        event: What its event is called.
        queue: What its row says meanwhile: the GPUs that it may get, and its claim of a slot.
        ahead: Jobs that wait before it.
    """

    reason: str
    event: str = "WaitingForGPUs"
    queue: tuple[str, ...] = ()
    ahead: int = 0


def lease(
    database: Database,
    job: int,
    nodes: Sequence[NodePlan],
    *,
    gpus: Sequence[str],
    cpus: Sequence[int],
    request: SlotRequest | None = None,
) -> Mapping[str, Share] | Wait:
    """Give the nodes of a stage what they ask for, or say why the job has to wait: all of them get theirs, or none.

    Who came first gets GPUs first, so that a job that needs many is not passed by for ever, and so it is with slots. A
    job that waits for GPUs takes no slot. CPUs of their own are given where there are enough: each node gets those that
    the fewest others use.

    Args:
        database: The store.
        job: The job.
        nodes: The nodes of its next stage; none only asks for the slot.
        gpus: The GPUs that it may get.
        cpus: The CPUs that it may get.
        request: The slot that the job wants, which it keeps until it ends; `None` asks for none.
    """
    with database.reading() as db:  # many may wait: most of the time nothing changes, and nothing is locked
        wait = _wait(db, job, nodes, gpus, request)
        if wait is not None and _is_queued(db, job, wait):
            return wait
    with database.writing() as db:
        wait = _wait(db, job, nodes, gpus, request)
        if wait is not None:
            # Only where it changes something: a write wakes the others that wait.
            if not _is_queued(db, job, wait):
                db.execute("DELETE FROM leases WHERE job = ?", (job,))
                db.execute("UPDATE jobs SET queued = ? WHERE id = ?", (json.dumps(wait.queue), job))
            return wait
        db.execute("UPDATE jobs SET queued = NULL WHERE id = ? AND queued IS NOT NULL", (job,))
        if request is not None and not has_slot(db, job):
            take_slot(db, job, request)
        db.execute("DELETE FROM leases WHERE job = ? AND kind IN ('gpu', 'cpu')", (job,))  # those of the stage before
        taken = {device for (device,) in db.execute("SELECT device FROM leases WHERE kind = 'gpu'")}
        free = [gpu for gpu in gpus if gpu not in taken]
        used = Counter(int(cpu) for (cpu,) in db.execute("SELECT device FROM leases WHERE kind = 'cpu'"))
        shares: dict[str, Share] = {}
        for node in nodes:
            mine = tuple(free.pop(0) for _ in range(node.gpus))
            chosen = None
            if node.cpus is not None and node.cpus < len(cpus):
                chosen = frozenset(sorted(cpus, key=lambda cpu: (used[cpu], cpu))[: node.cpus])
                used.update(chosen)
            shares[node.name] = Share(mine or None, chosen)
            rows = [*(("gpu", gpu) for gpu in mine), *(("cpu", str(cpu)) for cpu in sorted(chosen or ()))]
            db.executemany(
                "INSERT INTO leases (kind, device, job, node) VALUES (?, ?, ?, ?)",
                [(kind, device, job, node.name) for kind, device in rows],
            )
        return shares


def _wait(
    db: sqlite3.Connection, job: int, nodes: Sequence[NodePlan], gpus: Sequence[str], request: SlotRequest | None
) -> Wait | None:
    """Return why the job has to wait, `None` when it need not."""
    wanted = sum(node.gpus for node in nodes)
    if wanted:
        taken = dict(db.execute("SELECT device, job FROM leases WHERE kind = 'gpu' AND job != ?", (job,)).fetchall())
        free = [gpu for gpu in gpus if gpu not in taken]
        ahead = db.execute("SELECT name, queued FROM jobs WHERE queued IS NOT NULL AND id < ? ORDER BY id", (job,))
        first = next((name for name, devices in ahead if set(json.loads(devices)) & set(gpus)), None)
        if wanted > len(free) or first is not None:
            holders = {taken[gpu] for gpu in gpus if gpu in taken}
            marks = ",".join("?" * len(holders))
            names = [name for (name,) in db.execute(f"SELECT name FROM jobs WHERE id IN ({marks})", [*holders])]
            return Wait(_reason(wanted, len(free), len(gpus), sorted(names), first), queue=tuple(gpus))
    if request is None or has_slot(db, job) or (short := shortage(db, job, request)) is None:
        return None
    reason, count = short
    # It keeps its place in the queue for GPUs, too.
    queue = (*(gpus if wanted else ()), request.claim.to_text())
    return Wait(reason, "WaitingForJobs", queue, count)


def _is_queued(db: sqlite3.Connection, job: int, wait: Wait) -> bool:
    """True when the store says already that the job waits for this, and holds nothing."""
    row = db.execute("SELECT queued FROM jobs WHERE id = ?", (job,)).fetchone()
    holds = db.execute("SELECT 1 FROM leases WHERE job = ?", (job,)).fetchone()
    return row is None or (row[0] == json.dumps(wait.queue) and holds is None)


def whole_cpus(amount: float) -> int:
    """Return how many CPUs stand for `amount`; a process is bound to whole ones."""
    return max(1, math.ceil(amount))


def _reason(wanted: int, free: int, there: int, holders: Sequence[str], first: str | None) -> str:
    why = f"{free} of {there} free"
    if holders:
        why += f", the others are used by {', '.join(holders)}"
    if first is not None and wanted <= free:
        why += f"; job {first} waits since before"
    return f"waiting for {wanted} GPU(s): {why}"
