"""Components and pipelines with kfp itself, which lives in an environment of its own: the cases are in `kfp_cases.py`."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.kfp_environment import kfp_environ, kfp_python
from tests.locked_environment import ROOT

CASES = Path(__file__).parent / "kfp_cases.py"
NAMES = re.findall(r"^def (test_\w+)", CASES.read_text("utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest says of the cases: one process runs them all, as importing kfp takes seconds."""
    state = tmp_path_factory.mktemp("state")
    command = [str(kfp_python()), "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "-p", "no:xdist", str(CASES)]
    command += ["-W", "ignore", "--timeout", "300", "-o", "python_files=kfp_cases.py"]
    result = subprocess.run(
        command, cwd=ROOT, env=kfp_environ(state), capture_output=True, text=True, check=False, timeout=400
    )
    return result.stdout + result.stderr


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str, outcomes: str) -> None:
    assert f"PASSED tests/pipelines/kfp_cases.py::{name}" in outcomes, outcomes[-6000:]
