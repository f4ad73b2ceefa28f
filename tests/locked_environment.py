"""Environments for what does not go into the one of the tests: each has a lock of its own, and is made once in `.cache`."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[1]


def locked_python(name: str, *, above_ours: bool = False) -> Path:
    """Return an interpreter with what `locks/NAME.txt` names. The first call of all makes it, and others wait.

    Args:
        name: The purpose of the lock.
        above_ours: True when the packages of this environment are there as well, where the lock names no other version.
    """
    lock = ROOT / "locks" / f"{name}.txt"
    place = ROOT / ".cache" / f"{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    python = place / "bin" / "python"
    place.parent.mkdir(exist_ok=True)
    with (place.parent / f"{name}.lock").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        if not (place / ".ready").exists():
            for stale in place.parent.glob(f"{name}-*"):
                shutil.rmtree(stale)
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
            command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps"]
            subprocess.run([*command, "--requirement", str(lock)], check=True, capture_output=True, timeout=900)
            if above_ours:
                below = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
                packages = Path(sysconfig.get_path("purelib", vars={"base": str(place)}))
                (packages / "below.pth").write_text(below, "utf-8")
            (place / ".ready").touch()
    return python
