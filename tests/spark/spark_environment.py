"""A Python with pyspark, above the packages of this environment, and the Java that it needs."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.spark.backends.localspark.java_check import check_java

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "locks" / "spark.txt"


@pytest.fixture(scope="session")
def spark_python() -> Path:
    """Return an interpreter with the pyspark of `locks/spark.txt`; it is made once, and takes minutes then."""
    try:
        check_java(os.environ)
    except InvalidInput as missing:
        pytest.skip(f"no Java: {missing}")
    place = ROOT / ".cache" / f"spark-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    python = place / "bin" / "python"
    if not (place / ".ready").exists():
        for stale in place.parent.glob("spark-*"):
            shutil.rmtree(stale)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
        command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps"]
        subprocess.run([*command, "--requirement", str(LOCK)], check=True, capture_output=True, timeout=900)
        below = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
        packages = Path(sysconfig.get_path("purelib", vars={"base": str(place)}))
        (packages / "below.pth").write_text(below, "utf-8")
        (place / ".ready").touch()
    return python
