"""Sessions of this machine: servers of Spark Connect, kept among the jobs of the store. They outlive this process."""

# pyspark is an extra: where it is not installed, its types are unknown.
# pyright: reportUnknownVariableType=false, reportUnknownParameterType=false

from __future__ import annotations

import logging
import os
import sys
import time
from typing import TYPE_CHECKING

from kubeflow.core.errors import InvalidInput
from kubeflow.core.paths import working_directory
from kubeflow.local.devices import visible_gpus
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import JobPlan
from kubeflow.local.job.records import JobPhase, JobRecord
from kubeflow.local.jobs import Jobs
from kubeflow.local.store.store import NameTaken
from kubeflow.spark.backends.localspark.connect_server import LOOPBACK, listens, server_port, server_run
from kubeflow.spark.backends.localspark.driver_end import explain_local, local_failure
from kubeflow.spark.backends.localspark.java_check import check_java, check_spark
from kubeflow.spark.backends.localspark.local_details import LocalDetails, read_local_details
from kubeflow.spark.backends.localspark.local_job_view import DRIVER, process_of
from kubeflow.spark.errors import SessionExists, SessionLost, SessionNotFound, Unsupported
from kubeflow.spark.jobs.session_spec import SessionSpec
from kubeflow.spark.types.spark_sessions import SparkConnectInfo, SparkConnectState
from kubeflow.trainer.backends.machine.step_logs import step_logs
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.types.loglines import LogLines

if TYPE_CHECKING:
    from kubeflow_api.spark import v1alpha1
    from pyspark.sql import SparkSession  # pyright: ignore[reportMissingImports]

    from kubeflow.spark.backends.localspark.classic_session import OwnJvm

logger = logging.getLogger(__name__)

_LOOK = 0.1  # seconds between two looks at a server that starts
_STATES: dict[JobPhase, SparkConnectState] = {
    "Created": SparkConnectState.PROVISIONING,
    "Running": SparkConnectState.READY,
    "Suspended": SparkConnectState.NOT_READY,
    "Complete": SparkConnectState.FAILED,
    "Failed": SparkConnectState.FAILED,
    "Stopped": SparkConnectState.FAILED,
}


class LoopbackWay:
    """The way to a server of this machine: its port."""

    def __init__(self, port: int) -> None:
        self._port = port

    @property
    def address(self) -> str:
        """Where Spark's client connects to."""
        return f"sc://{LOOPBACK}:{self._port}"

    def close(self) -> None:
        """There is nothing to close."""


class LocalSessions:
    """The sessions of one state directory.

    Args:
        jobs: The jobs that their servers are kept among.
        keep: Days for which, and number of which, ended ones are kept.
        grace: Seconds that a server gets to end by itself.
    """

    def __init__(self, jobs: Jobs, keep: tuple[float, int], grace: float) -> None:
        self._jobs = jobs
        self._keep = keep
        self._grace = grace

    def render_session(self, spec: SessionSpec) -> v1alpha1.SparkConnect:
        """Sessions of this machine have no object."""
        raise Unsupported(f"Session {spec.name!r} runs on this machine: an object stands for it on a cluster only.")

    def start_session(self, spec: SessionSpec) -> None:
        """Start a server in the working directory of this process."""
        spark = check_spark(sys.executable)
        check_java(os.environ)
        run = server_run(spec, spark, len(visible_gpus()))
        cwd = str(working_directory())

        def plan(places: Places) -> JobPlan:
            details = LocalDetails(
                "session",
                spec.num_executors,
                run.size.threads,
                run.size.heap,
                spark.version,
                "a server of Spark Connect",
            )
            return JobPlan(
                spec.name,
                stages=((run.node(places, os.environ),),),
                cwd=cwd,
                grace=self._grace,
                labels=spec.labels,
                details=details.to_json(),
                notes=run.size.notes,
                keep_days=self._keep[0],
                keep_jobs=self._keep[1],
            )

        try:
            self._jobs.submit(spec.name, plan)
        except NameTaken as error:
            raise SessionExists(spec.name) from error
        self._say_undone(spec)

    def classic_session(self, spec: SessionSpec) -> tuple[SparkSession, OwnJvm] | None:
        """Start a session in this process, where its pyspark is without the client of Spark Connect."""
        spark = check_spark(sys.executable)
        if spark.has_connect:
            return None
        from kubeflow.spark.backends.localspark.classic_session import classic_session

        check_java(os.environ)
        run = server_run(spec, spark, len(visible_gpus()))
        if run.size.gpus:
            raise InvalidInput(
                f"Session {spec.name!r} asks for GPUs, which only a session with a server of its own gets: run "
                f"`{sys.executable} -m pip install 'pyspark[connect]'`."
            )
        if self._jobs.find(spec.name) is not None:
            raise SessionExists(spec.name)
        for reason, message in run.size.notes:
            logger.warning("session %s: %s (%s)", spec.name, message, reason)
        self._say_undone(spec)
        return classic_session(run)

    def await_session(self, name: str, timeout: float) -> None:
        """Return when the server takes connections."""
        deadline = time.monotonic() + timeout
        while True:
            record = self._find_session(name)
            if record.finished:
                raise SessionLost(name, f"its server has ended: {local_failure(self._jobs, record).reason}")
            port = server_port(Places(record.directory))
            if record.phase == "Running" and port is not None and listens(port):
                return
            if time.monotonic() >= deadline:
                said = explain_local(self._jobs, record)
                raise SessionLost(
                    name,
                    f"its server does not take connections after {timeout:g} s",
                    f"Give it more time (timeout=), or end it with client.delete_session({name!r}).\n{said}",
                )
            time.sleep(_LOOK)

    def open_session(self, name: str) -> LoopbackWay:
        """Return the way to a server that runs."""
        record = self._find_session(name)
        port = server_port(Places(record.directory))
        if record.finished:
            raise SessionLost(name, f"its server has ended: {local_failure(self._jobs, record).reason}")
        if port is None or not listens(port):
            raise SessionLost(name, "its server does not take connections yet", "Wait a little, and connect again.")
        return LoopbackWay(port)

    def list_sessions(self) -> list[SparkConnectInfo]:
        """Return the sessions, oldest first."""
        return [self._info(record) for record in self._servers()]

    def get_session(self, name: str) -> SparkConnectInfo:
        """Return one session."""
        return self._info(self._find_session(name))

    def get_session_logs(self, name: str, selection: LogSelection, follow: bool) -> LogLines:
        """Yield the lines of a server."""
        record = self._find_session(name)
        return step_logs(self._jobs, record, [DRIVER], selection, follow=follow, kind="session")

    def delete_session(self, name: str) -> None:
        """End a server, with all its processes."""
        if not self._jobs.delete(self._find_session(name)):
            raise self._no_session(name)

    @staticmethod
    def _say_undone(spec: SessionSpec) -> None:
        undone = spec.cluster_options
        if undone:
            logger.warning("session %s: options %s have no effect on this machine", spec.name, ", ".join(undone))

    def _info(self, record: JobRecord) -> SparkConnectInfo:
        state = _STATES[record.phase]
        port = server_port(Places(record.directory))
        if state is SparkConnectState.READY and (port is None or not listens(port)):
            state = SparkConnectState.PROVISIONING
        return SparkConnectInfo(
            record.name,
            "",
            state,
            driver_pod_name=process_of(record),
            pod_ip=LOOPBACK,
            service_name=None if port is None else f"{LOOPBACK}:{port}",
            creation_timestamp=record.created,
            message=record.reason,
        )

    def _servers(self) -> list[JobRecord]:
        return [record for record in self._jobs.all() if read_local_details(record.details).kind == "session"]

    def _find_session(self, name: str) -> JobRecord:
        record = self._jobs.find(name)
        if record is None or read_local_details(record.details).kind != "session":
            raise self._no_session(name)
        return record

    def _no_session(self, name: str) -> SessionNotFound:
        return SessionNotFound(name, [record.name for record in self._servers()])
