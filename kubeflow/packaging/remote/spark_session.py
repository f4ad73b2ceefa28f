# Must run on Python 3.8.
# ruff: noqa: PTH118, PTH119, PTH120, UP006, UP035
"""The session of Spark that a function is called with. What it is connected to, the job's environment says."""

from __future__ import annotations

import atexit
import os
import sys
from importlib import import_module

from . import StartError
from .filenames import ROOT

TYPE_CHECKING = False  # `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any, List

_FOLDER = "kubeflow_job"
"""Where executors find the modules and packages of a job, below their working directory."""


_PATIENCE = 20  # seconds that a JVM gets to end


def spark_session() -> Any:
    """Return the session. Executors that are processes of their own find what the job brings.

    Raises:
        StartError: There is no pyspark.
    """
    try:
        pyspark: Any = import_module("pyspark")
        sql: Any = import_module("pyspark.sql")
    except ImportError as error:
        raise StartError(
            "its function takes a session of Spark, and there is no pyspark here ("
            + str(error)
            + "). Use an image with Spark and Python, or install kubeflow[spark]"
        ) from None
    builder = sql.SparkSession.builder
    pyspark.SparkContext._ensure_initialized()  # before, a SparkConf knows none of what the job was submitted with
    conf = pyspark.SparkConf()
    if str(conf.get("spark.master", "local")).partition("[")[0] != "local":
        archive = _archive_of([ROOT, *_overlays()])
        archives = ",".join(filter(None, [str(conf.get("spark.archives", "")), archive + chr(35) + _FOLDER]))
        given = str(conf.get("spark.executorEnv.PYTHONPATH", ""))
        builder = builder.config("spark.archives", archives).config(
            "spark.executorEnv.PYTHONPATH", os.pathsep.join(filter(None, [_FOLDER, given]))
        )
    session = builder.getOrCreate()
    atexit.register(_end_session, session, pyspark.SparkContext)
    return session


def _end_session(session: Any, context: Any) -> None:
    """Stop the session, and wait for a JVM that this process has started: it removes its files, and then ends by
    itself.

    Whoever looks after the job ends what is left of it as soon as this process is gone.
    """
    gateway: Any = getattr(context, "_gateway", None)
    process = getattr(gateway, "proc", None)
    if process is None:  # spark-submit has started this process, and stops the session
        return
    try:
        session.stop()
        gateway.shutdown()
        process.stdin.close()
        process.wait(_PATIENCE)
    except Exception as error:  # noqa: BLE001  (the result is told by now, and the JVM may be gone)
        sys.stderr.write("kubeflow: the session of Spark did not end well: " + str(error) + "\n")


def _overlays() -> List[str]:
    """Return where the installer of the job has put packages."""
    return [path for path in sys.path if "/kubeflow-of-" in path]


def _archive_of(folders: List[str]) -> str:
    """Return the path of an archive with what is in the folders, but for the programs of the SDK."""
    import zipfile

    path = os.path.join(os.path.dirname(ROOT), os.path.basename(ROOT) + "-executors.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder in folders:
            for parent, names, files in os.walk(folder):
                names[:] = [name for name in names if name not in (".kubeflow", "__pycache__")]
                for file in files:
                    there = os.path.join(parent, file)
                    archive.write(there, os.path.relpath(there, folder))
    return path
