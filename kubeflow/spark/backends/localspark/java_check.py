"""Whether this machine can run Spark: a pyspark with its JVM libraries, and a Java that is new enough."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from kubeflow.core.display import repr_of_fields
from kubeflow.core.stdlib import re
from kubeflow.spark.errors import JavaMissing, JavaTooOld, PySparkMissing

LEAST_JAVA = 17
"""https://spark.apache.org/docs/4.0.0/#downloading: Java 17 or 21."""
LEAST_SPARK = (4, 0)
# `java -version` writes `openjdk version "17.0.15" 2025-04-15`; before Java 9 it wrote `java version "1.8.0_412"`.
_VERSION = re.compile(r'version "(?:1\.)?(\d+)[^"]*"')
_PROJECTS = ("pyspark", "pyspark-connect", "pyspark-client")


@dataclass(frozen=True, slots=True)
class LocalSpark:
    """The pyspark of this Python.

    Attributes:
        home: Its folder, which has `bin/` and `jars/`.
        version: Its version.
    """

    home: Path
    version: str

    __repr__ = repr_of_fields

    @property
    def has_connect(self) -> bool:
        """True when this Python has what a client of Spark Connect needs."""
        return all(importlib.util.find_spec(name) is not None for name in ("grpc", "pandas", "pyarrow"))


def check_spark(python: str) -> LocalSpark:
    """Return the pyspark of this Python.

    Args:
        python: This interpreter, for messages.

    Raises:
        PySparkMissing: There is none, only its client, or one before Spark 4.
    """
    spec = importlib.util.find_spec("pyspark")
    if spec is None or not spec.submodule_search_locations:
        raise PySparkMissing(python)
    home = Path(next(iter(spec.submodule_search_locations)))
    version = next(filter(None, map(_installed, _PROJECTS)), "of an unknown version")
    if not (home / "jars").is_dir():
        raise PySparkMissing(python, found=f"{version} without its JVM libraries (pyspark-client)")
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers is not None and (int(numbers[1]), int(numbers[2])) < LEAST_SPARK:
        raise PySparkMissing(python, found=version)
    return LocalSpark(home, version)


def check_java(environ: Mapping[str, str]) -> str:
    """Return the path of the Java that Spark will start.

    Args:
        environ: The environment of the job.

    Raises:
        JavaMissing: There is none.
        JavaTooOld: It is older than Spark takes.
    """
    home = environ.get("JAVA_HOME")
    if home:
        path = str(Path(home) / "bin" / "java")
        if not os.access(path, os.X_OK):
            raise JavaMissing(f"JAVA_HOME is {home!r}, and {path} cannot be started")
    else:
        found = shutil.which("java", path=environ.get("PATH", os.defpath))
        if found is None:
            raise JavaMissing("JAVA_HOME is not set, and no 'java' is on PATH")
        path = found
    version = _java_version(path, Path(path).resolve().stat().st_mtime_ns)
    if version is None:
        raise JavaMissing(f"{path} does not say which version it is")
    major = int(version.split(".")[0])
    if major < LEAST_JAVA:
        raise JavaTooOld(path, version, LEAST_JAVA)
    return path


@functools.lru_cache(maxsize=8)
def _java_version(path: str, changed: int) -> str | None:
    """Return the major version of a Java as text, `None` where there is none behind the path, as on a bare macOS."""
    del changed  # another Java at the same path is asked anew
    try:
        done = subprocess.run([path, "-version"], capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(done.stderr + done.stdout)
    return match[1] if match else None


def _installed(project: str) -> str | None:
    try:
        return metadata.version(project)
    except metadata.PackageNotFoundError:
        return None
