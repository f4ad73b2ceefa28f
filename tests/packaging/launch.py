"""Run what a bundle's command says, as a container would: from another directory, without the caller's
module path.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kubeflow.packaging import OUTPUT_DIR, Bundle, RankOutcome, read_outcomes

T = TypeVar("T")
R = TypeVar("R")

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Ended:
    """How a launch ended. `raw` is the JSON of rank 0's outcome file."""

    code: int
    stdout: str
    stderr: str
    outcomes: list[RankOutcome]
    raw: dict[str, object]


def environment(output: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment that knows nothing of this repository."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "KUBEFLOW_", "COV_", "PYTEST"))}
    return {**kept, OUTPUT_DIR: str(output), "OMP_NUM_THREADS": "1", **(extra or {})}


def launch(command: Sequence[str], directory: Path, extra: Mapping[str, str] | None = None) -> Ended:
    """Run a command in an empty directory and collect everything."""
    output = directory / "outcomes"
    directory.mkdir(parents=True, exist_ok=True)
    ended = subprocess.run(
        command,
        env=environment(output, {"TMPDIR": str(directory), **(extra or {})}),
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    path = output / "rank-0.json"
    raw = json.loads(path.read_text()) if path.exists() else {}
    return Ended(ended.returncode, ended.stdout, ended.stderr, read_outcomes(output), raw)


def run_bundle(made: Bundle, directory: Path, *, shell: bool = False, extra: Mapping[str, str] | None = None) -> Ended:
    """Run a bundle under this interpreter, in one of its two forms."""
    form = made.shell_command if shell else made.command
    variables = {**(made.shell_environment() if shell else {}), **(extra or {})}
    return launch(form(python=sys.executable), directory, variables)


def user_session(source: Sequence[str], *, cwd: Path) -> None:
    """Run Python as a user would who has this SDK installed: that is where functions are packaged."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *source], env=env, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def in_parallel(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Map over items on two threads: the work is in other processes."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(function, items))
