"""The processes of services of this machine, as tests look for them: any of them may end meanwhile."""

from __future__ import annotations

from pathlib import Path

import psutil


def in_use(directory: Path, *words: str) -> list[psutil.Process]:
    """Return the processes of jobs below a state directory.

    Args:
        directory: The state directory.
        words: Of the command line; all of them.
    """
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            environ = {} if process.status() == psutil.STATUS_ZOMBIE else process.environ()
            command = " ".join(process.cmdline())
        except (psutil.Error, OSError):
            continue
        marks = (environ.get(name, "") for name in ("KUBEFLOW_LOCAL_JOB", "KUBEFLOW_LOCAL_SUPERVISOR"))
        if any(str(directory) in mark for mark in marks) and all(word in command for word in words):
            found.append(process)
    return found


def keeper_of(directory: Path) -> psutil.Process:
    """Return the keeper of the only service below a state directory, and not the shell that starts it."""
    return next(process for process in in_use(directory, "service_keeper") if process.cmdline()[0] != "/bin/sh")


def supervisor_of(directory: Path) -> psutil.Process:
    """Return the supervisor of the only job below a state directory."""
    return next(
        process for process in in_use(directory, "supervisor") if "KUBEFLOW_LOCAL_SUPERVISOR" in process.environ()
    )
