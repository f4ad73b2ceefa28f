"""The command `kubeflow` as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of a user who has set these variables only."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("KUBEFLOW_", "NO_COLOR"))}
    return {**own, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "generated")]), "COLUMNS": "80", **variables}


def start(*words: str, folder: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    """Start `kubeflow WORD...`."""
    command, pipe = [sys.executable, "-m", "kubeflow", *words], subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=folder, env=environment)


def run(*words: str, folder: Path, environment: dict[str, str], stdin: str = "") -> Done:
    """Run `kubeflow WORD...` to its end."""
    process = start(*words, folder=folder, environment=environment)
    out, err = process.communicate(stdin, timeout=300)
    assert "\nTraceback" not in f"\n{err}", err  # those of jobs are indented
    return Done(process.returncode, out, err)
