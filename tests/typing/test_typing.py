"""Two type checkers judge two files: one that they must accept, one whose every marked line they must report."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MARK = "# mistake:"


def mypy(file: Path, cache: Path) -> set[int]:
    """Return the lines of `file` that mypy --strict reports."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, "--cache-dir", str(cache), str(file)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment())
    assert result.returncode in (0, 1), result.stdout + result.stderr
    return {int(line) for line in re.findall(rf"{file.name}:(\d+): error", result.stdout)}


def pyright(file: Path, cache: Path) -> set[int]:
    """Return the lines of `file` that pyright reports in strict mode."""
    project = cache / "pyrightconfig.json"
    (cache / file.name).write_bytes(file.read_bytes())
    settings = {"include": [file.name], "typeCheckingMode": "strict", "extraPaths": [str(ROOT), str(ROOT / "generated")]}
    project.write_text(json.dumps(settings), "utf-8")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "--project", str(project)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode in (0, 1), result.stdout + result.stderr
    report = json.loads(result.stdout)
    assert report["summary"]["filesAnalyzed"] == 1
    found = (entry for entry in report["generalDiagnostics"] if entry["severity"] == "error")
    return {entry["range"]["start"]["line"] + 1 for entry in found}


def environment() -> dict[str, str]:
    return {**os.environ, "MYPYPATH": f"{ROOT}{os.pathsep}{ROOT / 'generated'}"}


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_right_code_is_accepted(checker: Callable[[Path, Path], set[int]], tmp_path: Path) -> None:
    assert checker(HERE / "accepted.py", tmp_path) == set()


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_every_mistake_is_reported_and_nothing_else(checker: Callable[[Path, Path], set[int]], tmp_path: Path) -> None:
    file = HERE / "refused.py"
    lines = file.read_text("utf-8").splitlines()
    expected = {number for number, line in enumerate(lines, 1) if MARK in line}
    assert len(expected) >= 20
    assert checker(file, tmp_path) == expected
