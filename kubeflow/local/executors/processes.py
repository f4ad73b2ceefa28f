"""The processes of one job: each node in a session of its own, all found again, all ended.

A launcher such as torchrun puts every rank into a session of its own, and a launcher that is killed leaves
its ranks to another parent: neither process groups nor parents lead to all processes of a job. The mark does: an
environment variable that every descendant inherits. What wipes its environment is found by descent from the
supervisor, to which orphans come where the system can do that.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kubeflow.local.executors.limits import before_start

if TYPE_CHECKING:
    import psutil

logger = logging.getLogger(__name__)

MARK = "KUBEFLOW_LOCAL_JOB"
"""Environment variable of every process of a job; its value is unique to the job."""
SUPERVISES = "KUBEFLOW_LOCAL_SUPERVISOR"
"""Environment variable of a supervisor, and of nothing below it: the mark of the job that it runs."""

_POLL = 0.02  # seconds
_EXITING = 30.0  # seconds for a killed process to give back what it has opened


def start(
    argv: Sequence[str],
    *,
    mark: str,
    env: Mapping[str, str],
    cwd: str,
    log: Path,
    cpus: frozenset[int] | None = None,
    memory: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own, with both outputs appended to `log` and nothing to read from.

    Args:
        argv: The program and its arguments.
        mark: What `members` finds the process and its descendants by.
        env: The whole environment, without the mark.
        cwd: Its working directory.
        log: The file that gets its output.
        cpus: The CPUs that it may use, `None` for all.
        memory: Bytes that each of its processes may use, `None` for all there is.

    Raises:
        OSError: When it cannot be started.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            list(argv),
            env={**env, MARK: mark},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=before_start(cpus, memory),  # noqa: PLW1509 - the supervisor has one thread when it starts nodes
        )


def members(mark: str) -> list[psutil.Process]:
    """Return the living processes that carry `mark`, whatever session or parent they have."""
    import psutil

    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        # Gone meanwhile, another user's, or a zombie without an environment: not ours to end.
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == mark:
                found.append(process)
    return found


def descendants() -> list[psutil.Process]:
    """Return the living processes below this one, but for supervisors of other jobs and what is below them."""
    import psutil

    children: dict[int, list[psutil.Process]] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            children.setdefault(process.ppid(), []).append(process)
    found: list[psutil.Process] = []
    parents = [os.getpid()]
    while parents:
        for process in children.get(parents.pop(), ()):
            with contextlib.suppress(psutil.Error, OSError):
                if process.status() != psutil.STATUS_ZOMBIE and not _supervises(process):
                    found.append(process)
                    parents.append(process.pid)
    return found


def end(find: Callable[[], Sequence[psutil.Process]], grace: float) -> None:
    """End all processes that `find` finds; when this returns, it finds none, and those that it found have ended.

    A process that ends loses its environment before it closes its files: nobody finds it while it still has memory of a
    GPU, say. TERM goes to the topmost ones, which pass it on to the processes they launched (torchrun does). What is
    left after `grace` seconds gets KILL.

    Args:
        find: The processes that live now; called again and again.
        grace: Seconds between TERM and KILL.
    """
    import psutil

    deadline = time.monotonic() + grace
    found = set(find())
    _terminate(list(found))
    # Twice nothing: a process that forks and ends while it is looked for hides its child once.
    while alive := find() or find():
        found.update(alive)
        if time.monotonic() >= deadline:
            for process in alive:
                with contextlib.suppress(psutil.Error):
                    process.kill()  # psutil compares start times first, so a recycled pid is safe
        time.sleep(_POLL)
    deadline = time.monotonic() + _EXITING
    while left := [process.pid for process in found if _runs(process)]:
        if time.monotonic() >= deadline:
            logger.warning("killed processes have not ended after %d s: %s", _EXITING, left)
            return
        time.sleep(_POLL)


def _runs(process: psutil.Process) -> bool:
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _supervises(process: psutil.Process) -> bool:
    import psutil

    try:
        return SUPERVISES in process.environ()
    except (psutil.Error, OSError):
        return False


def _terminate(processes: Sequence[psutil.Process]) -> None:
    import psutil

    pids = {process.pid for process in processes}
    for process in processes:
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if process.ppid() in pids or not process.is_running():
                continue
            if os.getpgid(process.pid) == process.pid:
                os.killpg(process.pid, signal.SIGTERM)
            else:
                process.terminate()
