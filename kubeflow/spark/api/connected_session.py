"""A session as its user holds it: the way to a server of Spark Connect, and the SparkSession at its end."""

# pyspark is an extra: where it is not installed, its types are unknown.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, Self

from kubeflow.core.display import call
from kubeflow.core.errors import InvalidInput, KubeflowError
from kubeflow.core.stdlib import re
from kubeflow.core.tracebacks import thin
from kubeflow.spark.backends.session_backend import ClassicBackend, SessionBackend, SessionTunnel
from kubeflow.spark.errors import PySparkMissing, SessionLost, SessionNotFound
from kubeflow.spark.jobs.session_spec import SessionSpec

if TYPE_CHECKING:
    from pyspark.sql import SparkSession  # pyright: ignore[reportMissingImports]

logger = logging.getLogger(__name__)

_ADDRESS = re.compile(r"sc://[^/;\s]+(:\d+)?(/.*)?")


@thin
class ConnectedSession:
    """A session of Spark, what `SparkClient.connect` returns. At the end of its `with` block, what was made is deleted.

    The SparkSession's own methods can be called on it as well: `session.range(5)` is `session.spark.range(5)`.

    Attributes:
        name: The session's name; empty for a server that is given by its address.
        spark: The SparkSession, whose server has answered.
        owned: True when the session was made by this call, and is deleted with it.
    """

    def __init__(
        self,
        name: str,
        spark: SparkSession,
        *,
        owned: bool = False,
        backend: SessionBackend | None = None,
        tunnel: SessionTunnel | None = None,
    ) -> None:
        self.name = name
        self.spark = spark
        self.owned = owned
        self._backend = backend
        self._tunnel = tunnel
        self._closed = False

    def __repr__(self) -> str:
        return call("ConnectedSession", name=self.name or None, owned=self.owned, closed=self._closed or None)

    def __getattr__(self, name: str) -> object:
        if name.startswith("_") or name == "spark":
            raise AttributeError(name)
        return getattr(self.spark, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def stop(self) -> None:
        """End it, as `close` does: the SparkSession's own name for that."""
        self.close()

    def close(self) -> None:
        """End the SparkSession and the way to its server; delete the server if this session was made. Idempotent.

        Raises:
            ClusterError: The server could not be deleted: it is still there.
        """
        if self._closed:
            return
        self._closed = True
        stopped = threading.Thread(target=self._stop_client, name=f"kubeflow stop of session {self.name}", daemon=True)
        stopped.start()
        stopped.join(10)  # a server that is gone is asked again for minutes
        if self._tunnel is not None:
            self._tunnel.close()
        if self.owned and self._backend is not None:
            with contextlib.suppress(SessionNotFound):
                self._backend.delete_session(self.name)

    def _stop_client(self) -> None:
        try:
            self.spark.stop()
        except Exception as error:  # noqa: BLE001 - a server that is gone cannot be told; what was made is deleted below
            logger.debug("the client of session %s did not end well: %s", self.name, error)


def check_client() -> None:
    """Refuse to go on without the client of Spark Connect.

    Raises:
        PySparkMissing: This Python has no pyspark.
        InvalidInput: It has no gRPC, which the client needs.
    """
    if find_spec("pyspark") is None:
        raise PySparkMissing(sys.executable)
    if find_spec("grpc") is None:
        raise InvalidInput(
            "pyspark is installed without what Spark Connect needs (grpc): run "
            f"`{sys.executable} -m pip install 'pyspark[connect]'`, or 'kubeflow[spark]'."
        )


def connect_to_address(address: str, token: str | None, timeout: float) -> ConnectedSession:
    """Return a session of a server that exists.

    Raises:
        InvalidInput: `address` is none of a Connect server.
        SessionLost: The server does not answer.
    """
    if not _ADDRESS.fullmatch(address):
        raise InvalidInput(f"base_url={address!r} is no address of a Connect server: write 'sc://host:15002'.")
    check_client()
    if token is not None:
        if "token=" in address:
            raise InvalidInput("base_url and token= both have a token: leave one of them out.")
        # A token needs TLS, which the client turns on by itself: https://spark.apache.org/docs/latest/spark-connect-overview.html
        joint = ";" if "/;" in address else "/;" if not address.endswith("/") else ";"
        address = f"{address}{joint}token={token}"
    return ConnectedSession("", remote_session(address, "", timeout))


def connect_anew(
    backend: SessionBackend, spec: SessionSpec, timeout: float, connect_timeout: float
) -> ConnectedSession:
    """Make a session, and return it once its server has answered a call. A session that is not reached is deleted.

    On this machine, where pyspark is without the client of Spark Connect, the session is one of this process.

    Raises:
        InvalidInput: It cannot work here.
        SessionLost: Its server has failed, or does not answer in time.
    """
    if isinstance(backend, ClassicBackend) and (own := backend.classic_session(spec)) is not None:
        return ConnectedSession(spec.name, own[0], owned=True, tunnel=own[1])
    check_client()
    backend.start_session(spec)
    try:
        backend.await_session(spec.name, timeout)
        return attached(backend, spec.name, connect_timeout, owned=True)
    except BaseException:
        try:
            backend.delete_session(spec.name)
        except SessionNotFound:
            pass
        except KubeflowError as error:
            logger.warning("session %s, which could not be used, is still there: %s", spec.name, error)
        raise


def attached(backend: SessionBackend, name: str, timeout: float, *, owned: bool = False) -> ConnectedSession:
    """Return a session that exists, once its server has answered a call.

    Raises:
        SessionNotFound: With names like it.
        SessionLost: Its server is gone, or does not answer in time.
    """
    check_client()
    tunnel = backend.open_session(name)
    try:
        spark = remote_session(tunnel.address, name, timeout)
    except BaseException:
        tunnel.close()
        raise
    return ConnectedSession(name, spark, owned=owned, backend=backend, tunnel=tunnel)


def remote_session(address: str, name: str, timeout: float) -> SparkSession:
    """Return a SparkSession whose server has answered a call: which version it is.

    Args:
        address: Like `"sc://127.0.0.1:40123"`.
        name: The session, for messages; empty for a server that is given by its address.
        timeout: Seconds that the answer may take.

    Raises:
        SessionLost: No answer came.
    """
    from pyspark.sql.connect.session import SparkSession as Remote  # pyright: ignore[reportMissingImports]

    found: list[SparkSession] = []
    failed: list[BaseException] = []

    def ask() -> None:
        try:
            spark = Remote.builder.remote(address).create()
            logger.debug("the server of session %s runs Spark %s", name, spark.version)
            found.append(spark)
        except Exception as error:  # noqa: BLE001 - raised below, in the thread that waits
            failed.append(error)

    # The client asks again for ten minutes where nobody answers: it is not waited for any longer than was said.
    asking = threading.Thread(target=ask, name=f"kubeflow first call of session {name}", daemon=True)
    asking.start()
    asking.join(timeout)
    if found:
        return found[0]
    why = f"its server refused the first call: {failed[0]}" if failed else f"no answer came within {timeout:g} s"
    remedy = f"Look at client.get_session_logs({name!r})." if name else "Check the address, and that the server runs."
    raise SessionLost(name or address.partition("/;")[0], why, remedy) from (failed[0] if failed else None)
