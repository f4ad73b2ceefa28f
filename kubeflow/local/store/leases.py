"""Who has which GPU and which CPUs, across all jobs of a state directory. A GPU is given to one node at a time."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kubeflow.local.job.plan import NodePlan
from kubeflow.local.store.database import Database


@dataclass(frozen=True, slots=True)
class Share:
    """What a node got: GPUs as `CUDA_VISIBLE_DEVICES` names them, and CPU numbers; `None` leaves it alone."""

    gpus: tuple[str, ...] | None = None
    cpus: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a job has to wait for GPUs."""

    reason: str


def lease(
    database: Database, job: int, nodes: Sequence[NodePlan], *, gpus: Sequence[str], cpus: Sequence[int]
) -> Mapping[str, Share] | Wait:
    """Give the nodes of a stage what they ask for, or say why the job has to wait: all of them get theirs, or none.

    Who came first gets GPUs first, so that a job that needs many is not passed by for ever. CPUs are no reason to
    wait: each node gets those that the fewest others use, so that nodes have CPUs of their own where there are enough.

    Args:
        database: The store.
        job: The job.
        nodes: The nodes of its next stage.
        gpus: The GPUs that it may get.
        cpus: The CPUs that it may get.
    """
    wanted = sum(node.gpus for node in nodes)
    with database.writing() as db:
        db.execute("DELETE FROM leases WHERE job = ?", (job,))  # those of the stage before
        taken = dict(db.execute("SELECT device, job FROM leases WHERE kind = 'gpu'").fetchall())
        free = [gpu for gpu in gpus if gpu not in taken]
        ahead = db.execute("SELECT name, queued FROM jobs WHERE queued IS NOT NULL AND id < ? ORDER BY id", (job,))
        first = next((name for name, devices in ahead if set(json.loads(devices)) & set(gpus)), None)
        if wanted and (wanted > len(free) or first is not None):
            # Only where it changes something: a write wakes the others that wait.
            db.execute("UPDATE jobs SET queued = ?1 WHERE id = ?2 AND queued IS NOT ?1", (json.dumps(list(gpus)), job))
            holders = {taken[gpu] for gpu in gpus if gpu in taken}
            marks = ",".join("?" * len(holders))
            names = [name for (name,) in db.execute(f"SELECT name FROM jobs WHERE id IN ({marks})", [*holders])]
            return Wait(_reason(wanted, len(free), len(gpus), sorted(names), first))
        db.execute("UPDATE jobs SET queued = NULL WHERE id = ? AND queued IS NOT NULL", (job,))
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
