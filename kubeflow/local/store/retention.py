"""Cleaning up: finished jobs go when they are old or too many. Jobs that run or are suspended stay."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from kubeflow.core.errors import InvalidInput
from kubeflow.local.store.job_directories import remove_directory, sweep
from kubeflow.local.store.store import FINAL_SQL, Store

KEEP_DAYS_VARIABLE = "KUBEFLOW_KEEP_DAYS"
KEEP_JOBS_VARIABLE = "KUBEFLOW_KEEP_JOBS"
_KEEP_DAYS = 30.0
_KEEP_JOBS = 1000


def keeping(days: float | None = None, jobs: int | None = None) -> tuple[float, int]:
    """Return for how many days, and how many, finished jobs are kept.

    The first of: what is given, the environment variables `KUBEFLOW_KEEP_DAYS` and `KUBEFLOW_KEEP_JOBS`, 30 days and
    1,000 jobs.

    Raises:
        InvalidInput: When one of them is no number, or below 0.
    """
    given_days = os.environ.get(KEEP_DAYS_VARIABLE) if days is None else days
    given_jobs = os.environ.get(KEEP_JOBS_VARIABLE) if jobs is None else jobs
    try:
        keep_days = float(given_days or _KEEP_DAYS) if given_days != 0 else 0.0
        keep_jobs = int(given_jobs or _KEEP_JOBS) if given_jobs != 0 else 0
    except (TypeError, ValueError):
        keep_days, keep_jobs = -1.0, -1
    if not (keep_days >= 0 and keep_jobs >= 0):
        raise InvalidInput(
            f"keep_days={given_days!r} and keep_jobs={given_jobs!r} say for how many days, and how many, finished jobs "
            f"are kept: numbers that are not negative, also in {KEEP_DAYS_VARIABLE} and {KEEP_JOBS_VARIABLE}."
        )
    return keep_days, keep_jobs


def prune(store: Store, *, keep_days: float, keep_jobs: int, forget: Callable[[Path], None] | None = None) -> list[str]:
    """Remove finished jobs with their directories, and return their names.

    Args:
        store: The jobs.
        keep_days: Those that ended earlier than this many days ago go.
        keep_jobs: The oldest beyond this many go.
        forget: Called with the directory of each, before it is removed.
    """
    with store.database.writing() as db:
        gone = db.execute(
            "DELETE FROM jobs WHERE id IN ("
            f"  SELECT id FROM jobs WHERE settled = 1 AND wanted != 'delete' AND phase IN {FINAL_SQL} AND ("
            "    ended < ? OR id NOT IN ("
            f"      SELECT id FROM jobs WHERE phase IN {FINAL_SQL} ORDER BY ended DESC, id DESC LIMIT ?)"
            "  )) RETURNING name, directory",
            (time.time() - keep_days * 86400, keep_jobs),
        ).fetchall()
    for _, directory in gone:
        if forget is not None:
            forget(Path(directory))
        remove_directory(Path(directory))
    sweep(store)
    return [name for name, _ in gone]
