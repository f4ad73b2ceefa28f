"""The Pythons that local jobs run in: older ones too, and none with more in its environment than the user's own."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from kubeflow.trainer import (
    LocalProcessBackendConfig,
    TrainerClient,
)
from tests.trainer.runtimes import PLAIN
from tests.trainer.which_python import which

WAIT = 120  # seconds


def older_python() -> str | None:
    """Return a Python that is older than this SDK takes for itself, where the machine has one."""
    names = [f"python3.{minor}" for minor in (10, 9, 8)]
    managed = [str(path) for name in names for path in Path.home().glob(f".pyenv/versions/*/bin/{name}")]
    for program in [*names, *managed]:
        try:
            found = subprocess.run(
                [program, "-c", "import ensurepip, sys; print(sys.executable)"],
                capture_output=True,
                text=True,
                check=True,
            )
        except (OSError, subprocess.CalledProcessError):  # none, or a shim without anything behind it
            continue
        return found.stdout.strip()
    return None


OLDER = older_python()


@pytest.mark.skipif(OLDER is None, reason="this machine has no Python before 3.11")
def test_an_older_python_runs_jobs(local_config: LocalProcessBackendConfig) -> None:
    client = TrainerClient(replace(local_config, python=OLDER))

    name = client.train(PLAIN, train_func=which)
    client.wait_for_job_status(name, timeout=WAIT)

    assert client.get_job_result(name) in ("3.8", "3.9", "3.10")
    client.delete_job(name)


def say_path_rules() -> list[str | None]:
    import os

    return [os.environ.get(name) for name in ("PYTHONSAFEPATH", "KUBEFLOW_PYTHONSAFEPATH")]


@pytest.mark.parametrize("given", [None, "1"])
def test_a_file_of_the_users_shadows_no_library_and_his_own_rules_for_that_reach_the_rank(
    local_config: LocalProcessBackendConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    (tmp_path / "base64.py").write_text("raise SystemExit('a file of the user shadows the library')")
    monkeypatch.chdir(tmp_path)
    client = TrainerClient(local_config)

    name = client.train(PLAIN, train_func=say_path_rules, env={"PYTHONSAFEPATH": given} if given else None)
    client.wait_for_job_status(name, timeout=WAIT)

    assert client.get_job_result(name) == [given, None]
    client.delete_job(name)
