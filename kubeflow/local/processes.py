"""The processes of one job: each node in a session of its own, all found by a mark, all ended.

A launcher such as torchrun puts every rank into a session of its own, and a launcher that is killed leaves
its ranks to `init`: neither process groups nor parents lead to all processes of a job. The mark does: an
environment variable that every descendant inherits.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

MARK = "KUBEFLOW_LOCAL_JOB"
"""Environment variable of every process of a job; its value is unique to the job."""

_POLL = 0.02  # seconds


def start(argv: Sequence[str], *, mark: str, env: Mapping[str, str], cwd: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own, with both outputs appended to `log` and nothing to read from.

    Args:
        argv: The program and its arguments.
        mark: What `members` finds the process and its descendants by.
        env: The whole environment, without the mark.
        cwd: Its working directory.
        log: The file that gets its output.

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
        )


def members(mark: str) -> list[psutil.Process]:
    """Return the living processes that carry `mark`, whatever session or parent they have."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        # Gone meanwhile, another user's, or a zombie without an environment: not ours to end.
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == mark:
                found.append(process)
    return found


def end(mark: str, nodes: Sequence[subprocess.Popen[bytes]], grace: float) -> None:
    """End all processes that carry `mark`; when this returns, none is left.

    TERM goes to the topmost ones, which pass it on to the processes they launched (torchrun does). What is
    left after `grace` seconds gets KILL.

    Args:
        mark: The job's mark.
        nodes: Children of this process among them, which are reaped here.
        grace: Seconds between TERM and KILL.
    """
    deadline = time.monotonic() + grace
    _terminate(_living(mark, nodes))
    while alive := _living(mark, nodes):
        if time.monotonic() >= deadline:
            for process in alive:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()  # psutil compares start times first, so a recycled pid is safe
        time.sleep(_POLL)


def _living(mark: str, nodes: Sequence[subprocess.Popen[bytes]]) -> list[psutil.Process]:
    """Return the nodes that run, marked or not, and all else that is marked. Reaps the nodes that do not."""
    found = members(mark)
    pids = {process.pid for process in found}
    for node in nodes:
        if node.poll() is None and node.pid not in pids:  # so far in its exit that it has no environment any more
            with contextlib.suppress(psutil.NoSuchProcess):
                found.append(psutil.Process(node.pid))
    return found


def _terminate(processes: Sequence[psutil.Process]) -> None:
    pids = {process.pid for process in processes}
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if process.ppid() in pids:
                continue
            if os.getpgid(process.pid) == process.pid:
                os.killpg(process.pid, signal.SIGTERM)
            else:
                process.terminate()
