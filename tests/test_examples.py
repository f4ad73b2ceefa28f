"""The examples run. (`make demo` is one of them: CI runs it.)"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
KFP = "kfp==2.17.0"


@pytest.fixture(scope="module")
def kfp_python() -> Path:
    """Return an interpreter with kfp, which wants older libraries than ours, above the packages of this one."""
    place = ROOT / ".cache" / KFP.replace("==", "-")
    python = place / "bin" / "python"
    if not (place / ".ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", KFP]
        subprocess.run(command, check=True, capture_output=True, timeout=600)
        below = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
        packages = Path(sysconfig.get_path("purelib", vars={"base": str(place)}))
        (packages / "below.pth").write_text(below, "utf-8")
        (place / ".ready").touch()
    return python


def run(python: Path, *args: str, cwd: Path) -> str:
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}", "KUBEFLOW_STATE_DIR": str(cwd / "state")}
    command = [str(python), str(ROOT / "examples" / "pipeline.py"), *args]
    result = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_pipeline_compiles_and_runs_here_with_its_training_as_local_processes(
    kfp_python: Path, tmp_path: Path
) -> None:
    assert "ready" in run(kfp_python, cwd=tmp_path)
    spec = yaml.safe_load((tmp_path / "pipeline.yaml").read_text("utf-8"))
    assert set(spec["root"]["dag"]["tasks"]) == {"train", "judge"}

    output = run(kfp_python, "--local", cwd=tmp_path)
    assert "epoch 19: loss" in output
    assert output.rstrip().endswith("the model is good")
