"""Supervisors that this process cannot see, of another machine or container: whether they give signs of life."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from kubeflow.core.stdlib import json
from kubeflow.local.job.places import Places
from kubeflow.local.job.process_identity import ProcessIdentity, this_process

# Seconds without a heartbeat after which a supervisor that this process cannot see counts as dead. A supervisor writes
# a heartbeat every ten seconds. The heartbeat of another machine comes through a shared file system.
_SILENCE = 120.0
_SILENCE_BESIDE = 45.0


def is_silent(keeper: ProcessIdentity, places: Places) -> bool:
    """True when the last heartbeat of a job is so old that its supervisor counts as dead.

    Its time alone does not say so: this machine's clock, or the other's, may have been set since. A process of this
    machine has to have seen the same heartbeat as long ago, by a clock that nobody sets. The first to find it old
    notes that in the job's directory.

    Args:
        keeper: The supervisor, or the process that is about to start it.
        places: The files of the job.
    """
    patience = _SILENCE_BESIDE if keeper.beside else _SILENCE
    heartbeat = _heartbeat(places)
    if heartbeat is None:
        return True
    if abs(time.time() - heartbeat / 1e9) < patience:
        return False
    boot = this_process().boot.partition(" ")[0]
    return _seen_for(places.silence(boot), heartbeat) >= patience


def _heartbeat(places: Places) -> int | None:
    """Return when a supervisor gave its last sign of life, or else was asked for; `None` for a job that is deleted."""
    for file in (places.supervisor_log, places.submitter, places.directory):
        with contextlib.suppress(OSError):
            return file.stat().st_mtime_ns
    return None


def _seen_for(note: Path, heartbeat: int) -> float:
    """Return the seconds since a process of this machine has first found this heartbeat old; note that it is found."""
    now = time.monotonic()
    with contextlib.suppress(OSError, ValueError, TypeError):  # nobody has, or it is being noted
        seen, since = json.loads(note.read_bytes())
        if seen == heartbeat:
            return float(now - since)
    with contextlib.suppress(OSError):  # a full disk, for example: the job counts as alive
        note.write_text(json.dumps([heartbeat, now]), encoding="ascii")
    return 0.0
