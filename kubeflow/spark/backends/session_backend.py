"""What a backend of Spark does for sessions: it starts servers of Spark Connect, and has ways to them."""

# pyspark is an extra: where it is not installed, its types are unknown.
# pyright: reportUnknownVariableType=false, reportUnknownParameterType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from kubeflow.spark.jobs.session_spec import SessionSpec
from kubeflow.spark.types.spark_sessions import SparkConnectInfo
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.types.loglines import LogLines

if TYPE_CHECKING:
    from kubeflow_api.spark import v1alpha1
    from pyspark.sql import SparkSession  # pyright: ignore[reportMissingImports]


class SessionTunnel(Protocol):
    """The way to the server of a session, open until it is closed."""

    @property
    def address(self) -> str:
        """Where Spark's client connects to, like `"sc://127.0.0.1:40123"`; `"classic"` where there is no server."""
        ...

    def close(self) -> None:
        """Close the way. The session itself stays."""
        ...


@runtime_checkable
class SessionBackend(Protocol):
    """Where sessions run."""

    def render_session(self, spec: SessionSpec) -> v1alpha1.SparkConnect:
        """Return the object that stands for a session on a cluster; nothing is sent."""
        ...

    def start_session(self, spec: SessionSpec) -> None:
        """Start the server of a session; when this returns, `get_session(spec.name)` knows it.

        Raises:
            InvalidInput: When it cannot run here, or the name is taken.
        """
        ...

    def await_session(self, name: str, timeout: float) -> None:
        """Return when the server of a session takes connections.

        Raises:
            SessionLost: It has failed, or is not there after `timeout` seconds: with what its log and events say.
            SessionNotFound: With names like it.
        """
        ...

    def open_session(self, name: str) -> SessionTunnel:
        """Return a way to the server of a session that runs.

        Raises:
            SessionLost: There is no server any more.
            SessionNotFound: With names like it.
        """
        ...

    def list_sessions(self) -> list[SparkConnectInfo]:
        """Return the sessions, oldest first. One that cannot be read is `UNKNOWN`."""
        ...

    def get_session(self, name: str) -> SparkConnectInfo:
        """Return one session.

        Raises:
            SessionNotFound: With names like it.
        """
        ...

    def get_session_logs(self, name: str, selection: LogSelection, follow: bool) -> LogLines:
        """Yield the lines of a session's server."""
        ...

    def delete_session(self, name: str) -> None:
        """End the server of a session, with its executors.

        Raises:
            SessionNotFound: With names like it.
        """
        ...


@runtime_checkable
class ClassicBackend(Protocol):
    """Where sessions can run in this process, when pyspark is there without the client of Spark Connect."""

    def classic_session(self, spec: SessionSpec) -> tuple[SparkSession, SessionTunnel] | None:
        """Start a session in this process; `None` where pyspark has the client, so that a server is started.

        Raises:
            InvalidInput: It cannot run here, or this process has a Spark already.
            SessionLost: Spark does not start.
        """
        ...
