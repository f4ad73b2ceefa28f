"""Recovery of a job whose supervisor was killed: its end is recorded, and its remaining processes are ended."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kubeflow.core.errors import InvalidInput, KubeflowError
from kubeflow.local.executors.registry import executor
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import DEFAULT_EXECUTOR, read_plan
from kubeflow.local.job.process_identity import this_process
from kubeflow.local.job.records import STOPPED, JobRecord, RankRecord, Verdict
from kubeflow.local.logs.lines import last_lines
from kubeflow.local.store.database import StoreUnusable
from kubeflow.local.store.job_directories import remove_directory
from kubeflow.local.store.last_words import read_last_words
from kubeflow.local.store.store import Store
from kubeflow.local.supervision.silence import is_silent
from kubeflow.local.supervision.unseen_end import unseen_end

logger = logging.getLogger(__name__)

_GRACE = 1.0  # seconds between TERM and KILL for processes of a dead supervisor; a caller waits meanwhile


def supervised(record: JobRecord) -> bool:
    """True when the job's supervisor lives, or the process that is about to start the supervisor."""
    keeper = record.supervisor or record.submitter
    if keeper.local:
        return keeper.alive()
    # A process of another machine or container with the same home directory.
    return not is_silent(keeper, Places(record.directory))


def recover(store: Store, record: JobRecord) -> None:
    """End a job as its dead supervisor would have: record its end, end its nodes, delete it if its user asked for that.

    Nothing is done for a job whose supervisor lives. Any number of processes may recover the same job at the same time.

    Args:
        store: The store.
        record: The job as it was read from the store.
    """
    if not _needs_help(record):
        return
    while (current := store.get(record.id)) is not None and _needs_help(current):
        if not current.settled:
            given_up = current.finished
            try:
                given_up = given_up or _give_up(store, current)
            except (
                KubeflowError
            ):  # the store cannot be written, so that no new supervisor can have taken the job either
                _end_nodes(record)
                raise
            if not given_up:
                continue  # the supervisor has started after all, or another process was quicker: read the job again
            _end_nodes(record)
        if current.wanted == "delete":
            forget_nodes(current.directory)
            remove_directory(current.directory)
            store.forget(current.id)
        elif not current.settled:
            store.settle(current.id)
        return


def recovered(store: Store, record: JobRecord) -> JobRecord | None:
    """Recover a job if its supervisor is gone, and return its record after that; `None` when the job is deleted.

    Where the store cannot be written, as on a full disk, the record is returned as it would have been written.
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
    """Recover every job of `store` whose supervisor is gone."""
    for record in store.unsettled():
        recover(store, record)


def forget_nodes(directory: Path) -> None:
    """Remove what the executor of a job has kept of its nodes, before the job's directory goes."""
    try:
        executor(read_plan(directory).executor).forget(str(directory))
    except KubeflowError as error:  # the plan was never written, or nobody answers: the job goes all the same
        logger.info("what is kept of the nodes of %s may be left: %s", directory, error)


def _end_nodes(record: JobRecord) -> None:
    """End the nodes that are left of a job, and remove what its executor keeps outside of the job's directory."""
    try:
        name = read_plan(record.directory).executor
    except InvalidInput:  # the submitter was killed before it had written the plan, or the directory is gone
        name = DEFAULT_EXECUTOR
    runs_nodes = executor(name)
    runs_nodes.end(record.mark, _GRACE)
    runs_nodes.clean(record.mark)


def _needs_help(record: JobRecord) -> bool:
    if record.settled:
        return record.wanted == "delete"
    return not supervised(record)


def _give_up(store: Store, record: JobRecord) -> bool:
    end, ranks = _end(record)
    return store.give_up(record, end, ranks)


def _end(record: JobRecord) -> tuple[Verdict, Sequence[RankRecord]]:
    """Return the verdict on a job whose supervisor is gone, and how its ranks ended; see `unseen_end`."""
    if record.verdict is not None:  # the supervisor had decided, and was ending the nodes
        return Verdict(record.verdict, record.reason, record.failed_step), ()
    if words := read_last_words(Places(record.directory).last_words):
        return words, ()
    if all(node.phase == "Succeeded" for node in record.nodes):
        return Verdict("Complete"), ()
    end = unseen_end(record)
    if record.wanted == "stop":
        return end.verdict or STOPPED, end.ranks
    return end.verdict or Verdict("Failed", _cause(record)), end.ranks


def _cause(record: JobRecord) -> str:
    if record.supervisor is None:
        return f"the process that submitted it ({record.submitter.pid}) ended before it could start"
    here = this_process()
    if record.supervisor.host == here.host and record.supervisor.boot != here.boot:
        return "the machine (or its container) was started anew meanwhile"
    log_lines = last_lines(Places(record.directory).supervisor_log, 1)
    return f"its supervisor (process {record.supervisor.pid}) was killed{': ' + log_lines[0] if log_lines else ''}"
