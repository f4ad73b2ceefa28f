"""An environment with kfp, which wants older libraries than ours: above the packages of this one, in `.cache`."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "locks" / "pipelines.txt"


def kfp_python() -> Path:
    """Return an interpreter with kfp. The first call of all makes it, and others wait."""
    place = ROOT / ".cache" / f"pipelines-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    python = place / "bin" / "python"
    place.parent.mkdir(exist_ok=True)
    with (place.parent / "pipelines.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / ".ready").exists():
            for stale in place.parent.glob("pipelines-*"):
                shutil.rmtree(stale)
            _make(place, python)
    return python


def _make(place: Path, python: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps"]
    subprocess.run([*command, "--requirement", str(LOCK)], check=True, capture_output=True, timeout=600)
    below = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(place)}))
    (packages / "below.pth").write_text(below, "utf-8")
    (place / ".ready").touch()


def kfp_environ(state: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a program that runs under that interpreter, with this checkout and a state directory."""
    return {
        **os.environ,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}",
        "KUBEFLOW_STATE_DIR": str(state),
        **variables,
    }
