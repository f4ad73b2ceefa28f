"""Directories of jobs: made by who submits a job, removed with it, and swept where their submitter was killed."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import shutil
import tempfile
import time
from pathlib import Path

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import re
from kubeflow.local.job.places import Places
from kubeflow.local.job.process_identity import ProcessIdentity, identify
from kubeflow.local.state import STATE_DIR_VARIABLE
from kubeflow.local.store.store import Store

logger = logging.getLogger(__name__)

_UNCLAIMED = 3600.0  # seconds after which a directory without a job is what a killed process left
_BEING_MADE = re.compile(r"\.(?P<pid>[0-9]+)-(?P<mark>[0-9a-f]{16})-[^-]+")


def new_job_dir(state: Path, name: str, submitter: ProcessIdentity) -> Path:
    """Make and return a fresh directory for a job, readable by its user only, with the file that says who makes it.

    At no time is it without its maker: a clock that was set makes it look old, and it would be swept. Until the file is
    there, the directory's own name, which begins with a dot, tells the process.

    Args:
        state: The state directory.
        name: Of the job.
        submitter: This process.

    Raises:
        InvalidInput: When `state` cannot be written to.
    """
    jobs = state / "jobs"
    try:
        jobs.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{submitter.pid}-{_mark(submitter)}-", dir=jobs))
        try:
            Places(made).submitter.write_text(submitter.to_text(), encoding="ascii")
            # The suffix keeps the logs of an earlier job that had the same name.
            return made.rename(jobs / f"{name}-{made.name.rpartition('-')[2]}")
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise InvalidInput(
            f"Local jobs are kept in {str(state)!r}, which cannot be written to: {error.strerror or error}. "
            f"{'Make room there. Otherwise set' if full else 'Set'} {STATE_DIR_VARIABLE} to a directory that can, or "
            "pass state_dir= to LocalProcessBackendConfig."
        ) from error


def remove_directory(directory: Path) -> None:
    """Delete a job's directory; what cannot be deleted is logged, not raised."""
    shutil.rmtree(directory, ignore_errors=True)
    if directory.exists():
        logger.warning("could not delete %s; delete it by hand", directory)


def sweep(store: Store) -> None:
    """Delete the directories whose submitter was killed before it could record their job."""
    jobs = store.database.path.parent / "jobs"
    with contextlib.suppress(FileNotFoundError), os.scandir(jobs) as entries:
        abandoned = [Path(entry.path) for entry in entries if entry.is_dir() and _is_abandoned(Path(entry.path))]
        if not abandoned:
            return
        # Only now: who is gone records no job any more. By name: there may be several paths to one state directory.
        with store.database.reading() as db:
            known = {Path(directory).name for (directory,) in db.execute("SELECT directory FROM jobs")}
        for directory in abandoned:
            if directory.name not in known:
                remove_directory(directory)


def _is_abandoned(directory: Path) -> bool:
    """Whether nobody is about to record a job for `directory`. A clock that was set makes anything old."""
    with contextlib.suppress(FileNotFoundError):
        if directory.stat().st_mtime >= time.time() - _UNCLAIMED:
            return False
        if directory.name.startswith("."):
            if (made := _BEING_MADE.fullmatch(directory.name)) is None:
                return False  # of somebody else
            maker = identify(int(made["pid"]))
            return maker is None or _mark(maker) != made["mark"]
        try:
            return not ProcessIdentity.from_text(Places(directory).submitter.read_text(encoding="ascii")).alive()
        except (FileNotFoundError, ValueError):  # of a version that wrote the file later
            return True
    return False


def _mark(process: ProcessIdentity) -> str:
    """Return what tells a process from all others, as part of a file name."""
    return hashlib.sha256(process.to_text().encode()).hexdigest()[:16]
