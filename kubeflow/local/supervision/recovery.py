"""What becomes of a job whose supervisor was killed: how it ends is told as truly as can be, and what is left ended."""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import replace

from kubeflow.core.errors import InvalidInput, KubeflowError
from kubeflow.local.executors.registry import executor
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import DEFAULT_EXECUTOR, read_plan
from kubeflow.local.job.process_identity import this_process
from kubeflow.local.job.records import JobRecord, RankRecord, Verdict
from kubeflow.local.logs.lines import last_lines
from kubeflow.local.store.database import StoreUnusable
from kubeflow.local.store.last_words import read_last_words
from kubeflow.local.store.retention import remove_directory
from kubeflow.local.store.store import Store
from kubeflow.local.supervision.unseen_end import unseen_end

logger = logging.getLogger(__name__)

_GRACE = 1.0  # seconds between TERM and KILL for what a dead supervisor left; somebody waits for an answer meanwhile
# Seconds without a sign of life after which a supervisor counts as dead that this process cannot see. It gives one
# every ten seconds; that of another machine comes by way of a network.
_SILENCE = 120.0
_SILENCE_BESIDE = 45.0


def supervised(record: JobRecord) -> bool:
    """True when a process takes care of the job: its supervisor, or the process that is about to start one."""
    keeper = record.supervisor or record.submitter
    if keeper.local:
        return keeper.alive()
    # Of another machine or container that has the same home directory.
    return _silence(Places(record.directory)) < (_SILENCE_BESIDE if keeper.beside else _SILENCE)


def _silence(places: Places) -> float:
    """Return the seconds since a job's supervisor, or who is about to start it, gave a sign of life."""
    for sign in (places.supervisor_log, places.directory):
        with contextlib.suppress(OSError):
            return time.time() - sign.stat().st_mtime
    return math.inf


def recover(store: Store, record: JobRecord) -> None:
    """Do for a job whose supervisor is gone what that would have done; nothing for any other job.

    Any number of processes may do this for the same job at the same time.

    Args:
        store: The store.
        record: The job as it was read from there.
    """
    if not _needs_help(record):
        return
    while (current := store.get(record.id)) is not None and _needs_help(current):
        if not current.settled:
            given_up = current.finished
            try:
                given_up = given_up or _give_up(store, current)
            except KubeflowError:  # it cannot be written, so no supervisor can have taken the job either
                _end_nodes(record)
                raise
            if not given_up:
                continue  # its supervisor has begun after all, or another process was quicker: look again
            _end_nodes(record)
        if current.wanted == "delete":
            remove_directory(current.directory)
            store.forget(current.id)
        elif not current.settled:
            store.settle(current.id)
        return


def recovered(store: Store, record: JobRecord) -> JobRecord | None:
    """Recover a job if it needs that, and return it as it is then, `None` when it is gone.

    Where the store cannot be written, as on a full disk, the job is shown as it would have been recorded.
    """
    try:
        recover(store, record)
    except StoreUnusable:
        raise
    except KubeflowError as error:
        logger.warning("the end of job %s cannot be recorded: %s", record.name, error)
        if record.finished:
            return record
        end, _ = _end(record)
        return replace(record, phase=end.phase, verdict=end.phase, reason=end.reason, failed_step=end.failed_step)
    return store.get(record.id)


def recover_all(store: Store) -> None:
    """Recover every job of `store` that needs it."""
    for record in store.unsettled():
        recover(store, record)


def _end_nodes(record: JobRecord) -> None:
    """End whatever a supervisor that is gone has left running, and remove what that kept elsewhere."""
    try:
        name = read_plan(record.directory).executor
    except InvalidInput:  # killed before it was written, or the directory is gone
        name = DEFAULT_EXECUTOR
    left = executor(name)
    left.end(record.mark, _GRACE)
    left.clean(record.mark)


def _needs_help(record: JobRecord) -> bool:
    if record.settled:
        return record.wanted == "delete"
    return not supervised(record)


def _give_up(store: Store, record: JobRecord) -> bool:
    end, ranks = _end(record)
    return store.give_up(record, end, ranks)


def _end(record: JobRecord) -> tuple[Verdict, Sequence[RankRecord]]:
    """Return how the job of a supervisor that is gone ended, as truly as can be told, and how its ranks did."""
    if record.verdict is not None:  # it was ending its processes
        return Verdict(record.verdict, record.reason, record.failed_step), ()
    if words := read_last_words(Places(record.directory).last_words):
        return words, ()
    if all(node.phase == "Succeeded" for node in record.nodes):
        return Verdict("Complete"), ()
    end = unseen_end(record)
    return end.verdict or Verdict("Failed", _cause(record)), end.ranks


def _cause(record: JobRecord) -> str:
    if record.supervisor is None:
        return f"the process that submitted it ({record.submitter.pid}) ended before it could start"
    here = this_process()
    if record.supervisor.host == here.host and record.supervisor.boot != here.boot:
        return "the machine (or its container) was started anew meanwhile"
    said = last_lines(Places(record.directory).supervisor_log, 1)
    return f"its supervisor (process {record.supervisor.pid}) was killed{': ' + said[0] if said else ''}"
