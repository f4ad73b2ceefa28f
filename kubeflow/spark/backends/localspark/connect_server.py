"""The server of a session on this machine: one supervised process, which listens on the loopback interface."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from kubeflow.core.errors import InvalidInput
from kubeflow.local.executors.limits import CAN_PIN_CPUS, usable_cpus, usable_memory
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import NodePlan
from kubeflow.spark.backends.localspark.java_check import LocalSpark
from kubeflow.spark.backends.localspark.local_job_view import DRIVER
from kubeflow.spark.backends.localspark.local_size import LocalSize, local_size
from kubeflow.spark.backends.localspark.submit_line import (
    check_no_conflict,
    local_environment,
    local_settings,
    without_other_sparks,
)
from kubeflow.spark.jobs.session_spec import SessionSpec
from kubeflow.trainer.backends.machine.launch import captured_rank, inherited, set_aside

LOOPBACK = "127.0.0.1"
# sbin/start-connect-server.sh of Spark 4.0.
_MAIN_CLASS = "org.apache.spark.sql.connect.service.SparkConnectServer"
_PORT = "KUBEFLOW_LOCAL_SPARK_PORT"
_PORT_FILE = "port"
# $0 is the node's directory. The port is known when the server starts, and its clients read it there.
_LISTEN = (
    f'echo "${_PORT}" >"$0/{_PORT_FILE}.part" && mv "$0/{_PORT_FILE}.part" "$0/{_PORT_FILE}"; '
    f'exec "$@" --conf "spark.connect.grpc.binding.port=${_PORT}" spark-internal'
)


@dataclass(frozen=True, slots=True)
class ServerRun:
    """A server that this machine can run.

    Attributes:
        spec: The session.
        size: What it gets of this machine.
        spark: The pyspark of this Python.
    """

    spec: SessionSpec
    size: LocalSize
    spark: LocalSpark

    def node(self, places: Places, environ: Mapping[str, str]) -> NodePlan:
        """Return the process of the server.

        Args:
            places: Where its files are.
            environ: The environment of this process.
        """
        spec = self.spec
        own = without_other_sparks(inherited(environ))
        conf = {**spec.spark_conf, "spark.connect.grpc.binding.address": LOOPBACK}
        words = local_settings(
            self.size,
            conf,
            name=spec.name,
            driver_java=spec.driver_java_options,
            executor_java=spec.executor_java_options,
            maven=spec.maven,
        )
        folder = str(places.node(DRIVER))
        server = [str(self.spark.home / "bin" / "spark-submit"), *words, "--class", _MAIN_CLASS]
        python = sys.executable
        return NodePlan(
            DRIVER,
            argv=(*captured_rank(folder, "0"), "/bin/sh", "-c", _LISTEN, folder, *server),
            env={
                **own,
                **local_environment(own, words, python=python, temporary=str(places.temporary), conf=conf),
                **set_aside(own),
                "TMPDIR": str(places.temporary),
            },
            rendezvous={_PORT: "{port}"},
            ranks=(0,),
            gpus=self.size.gpus,
            cpus=self.size.threads if self.size.pinned and CAN_PIN_CPUS else None,
        )


def server_run(spec: SessionSpec, spark: LocalSpark, gpus: int) -> ServerRun:
    """Check a session and return how its server runs here.

    Args:
        spec: The session.
        spark: The pyspark of this Python.
        gpus: GPUs of this machine.

    Raises:
        InvalidInput: It cannot run here.
        Unsupported: It asks for devices that this machine does not know.
    """
    size = local_size(
        spec.num_executors,
        spec.driver,
        spec.executor,
        cpus=len(usable_cpus()),
        memory=usable_memory(),
        gpus=gpus,
    )
    check_no_conflict(spec.spark_conf, size)
    for name in spec.spark_conf:
        if name.startswith("spark.connect.grpc.binding."):
            raise InvalidInput(f"spark_conf has {name!r}, which the client decides: leave it out.")
    return ServerRun(spec, size, spark)


def server_port(places: Places) -> int | None:
    """Return the port of a server; `None` before it has one."""
    with contextlib.suppress(OSError, ValueError):
        return int((places.node(DRIVER) / _PORT_FILE).read_text("ascii"))
    return None


def listens(port: int) -> bool:
    """Return True when somebody takes connections at a port of the loopback interface."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0
