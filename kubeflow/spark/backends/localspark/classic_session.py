"""A session in this process, for a pyspark without the client of Spark Connect: a JVM of its own, and no server."""

# pyspark is an extra: where it is not installed, its types are unknown.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

from kubeflow.core.errors import InvalidInput
from kubeflow.spark.backends.localspark.connect_server import ServerRun
from kubeflow.spark.backends.localspark.submit_line import (
    ELSEWHERE,
    local_environment,
    local_settings,
    without_other_sparks,
)
from kubeflow.spark.errors import SessionLost

if TYPE_CHECKING:
    from pyspark.sql import SparkSession  # pyright: ignore[reportMissingImports]

logger = logging.getLogger(__name__)

_PATIENCE = 10.0  # seconds that a JVM gets to end by itself
_starting = threading.Lock()


class OwnJvm:
    """The JVM of a session in this process, in place of a way to a server."""

    address = "classic"

    def __init__(self, gateway: Any) -> None:
        self._gateway = gateway

    def close(self) -> None:
        """End the JVM, so that the next session of this process has settings of its own. Idempotent."""
        from pyspark import SparkContext  # pyright: ignore[reportMissingImports]

        gateway = self._gateway
        # pyspark keeps the gateway of a process for good: a next session would have this heap and these settings.
        if SparkContext._gateway is gateway:
            SparkContext._gateway = SparkContext._jvm = None
        with contextlib.suppress(Exception):  # a JVM that has died cannot be told to
            gateway.shutdown()
        process: subprocess.Popen[bytes] = gateway.proc
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()  # what the JVM ends by
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def classic_session(run: ServerRun) -> tuple[SparkSession, OwnJvm]:
    """Start Spark in this process, and return the session with its JVM.

    Args:
        run: The session, as a server of it would run here.

    Raises:
        InvalidInput: This process has a Spark already, or its environment names one elsewhere.
        SessionLost: The JVM does not start.
    """
    from pyspark import SparkContext  # pyright: ignore[reportMissingImports]
    from pyspark.java_gateway import launch_gateway  # pyright: ignore[reportMissingImports]
    from pyspark.sql import SparkSession  # pyright: ignore[reportMissingImports]

    name = run.spec.name
    elsewhere = [variable for variable in ELSEWHERE if variable in os.environ and variable != "MASTER"]
    if elsewhere:
        raise InvalidInput(
            f"{elsewhere[0]} is set, by which pyspark uses a Spark elsewhere, and session {name!r} would run in this "
            f"process: unset it, or run `{sys.executable} -m pip install 'pyspark[connect]'`, with which sessions have "
            "a server of their own."
        )
    with _starting:
        if SparkContext._gateway is not None:
            raise InvalidInput(
                f"This process has a Spark already, and session {name!r} would get its heap and settings in place of "
                "its own: stop that one and start anew, or run "
                f"`{sys.executable} -m pip install 'pyspark[connect]'`, with which sessions have a server of their own."
            )
        spec = run.spec
        words = local_settings(
            run.size,
            spec.spark_conf,
            name=name,
            driver_java=spec.driver_java_options,
            executor_java=spec.executor_java_options,
            maven=spec.maven,
        )
        own = local_environment(
            without_other_sparks(os.environ),
            words,
            python=sys.executable,
            temporary=tempfile.gettempdir(),
            conf=spec.spark_conf,
        )
        # pyspark takes these from the environment of its process alone, when it starts a JVM and a context.
        with _environment({**own, "SPARK_HOME": str(run.spark.home)}):
            try:
                gateway = launch_gateway()
            except Exception as error:
                raise SessionLost(
                    name, f"its JVM does not start: {error}", "Its reason stands above, on stderr."
                ) from error
            jvm = OwnJvm(gateway)
            try:
                spark = SparkSession(SparkContext(gateway=gateway))
            except BaseException as error:
                jvm.close()
                if not isinstance(error, Exception):
                    raise
                said = str(error).split("\n\tat ", 1)[0]
                raise SessionLost(name, f"Spark does not start: {said}", "Look at spark_conf= and options=.") from error
    logger.warning(
        "session %s runs in this process, and ends with it: no other process can connect to it, because this pyspark "
        "is without the client of Spark Connect (%s -m pip install 'pyspark[connect]')",
        *(name, sys.executable),
    )
    return spark, jvm


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Generator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
