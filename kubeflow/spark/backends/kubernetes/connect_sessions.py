"""Sessions on a cluster: SparkConnects, whether their servers live, and the way to them."""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import metadata

from kubeflow.cluster import wire
from kubeflow.cluster.errors import AlreadyExists, ApiError, ClusterError, Forbidden, Invalid, NotFound, Unauthorized
from kubeflow.cluster.pods.exits import how_it_ended
from kubeflow.cluster.pods.pod import pods_path
from kubeflow.cluster.tunnel import Tunnel
from kubeflow.cluster.wire import Json
from kubeflow.core.errors import InvalidInput
from kubeflow.core.resource import Request
from kubeflow.spark.backends.kubernetes.application_creation import check_watched
from kubeflow.spark.backends.kubernetes.application_lookup import created
from kubeflow.spark.backends.kubernetes.application_names import (
    CONNECT_NAME_LABEL,
    ROLE_LABEL,
    check_spark_name,
    server_pod_name,
)
from kubeflow.spark.backends.kubernetes.application_pods import SERVER, followed_session, newest_pods, read_spark_pods
from kubeflow.spark.backends.kubernetes.application_states import connect_state
from kubeflow.spark.backends.kubernetes.pod_findings import pod_findings
from kubeflow.spark.backends.kubernetes.session_rendering import CONNECT_PORT, render_connect
from kubeflow.spark.backends.kubernetes.spark_connection import CONNECTS, SparkConnection, spark_path
from kubeflow.spark.backends.kubernetes.spark_images import SPARK_VERSION, check_client_version, version_of_image
from kubeflow.spark.errors import SessionLost, SessionNotFound
from kubeflow.spark.jobs.session_spec import SessionSpec
from kubeflow.spark.types.spark_sessions import SparkConnectInfo, SparkConnectState
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod
from kubeflow.trainer.backends.kubernetes.watches.job_feed import JobFeed

logger = logging.getLogger(__name__)

# What HTTP/2 clients send first, and an empty frame of settings. A server answers with settings of its own.
# https://www.rfc-editor.org/rfc/rfc9113#section-3.4
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_SETTINGS = 4
_PATIENCE = 5.0  # seconds for one answer
_LOOK = 1.0  # seconds between two tries
_CLIENTS = ("pyspark", "pyspark-client", "pyspark-connect")


def client_version() -> str | None:
    """Return the version of pyspark that is installed here, `None` for none; nothing is imported."""
    for package in _CLIENTS:
        with contextlib.suppress(metadata.PackageNotFoundError):
            return metadata.version(package)
    return None


def start_session(connection: SparkConnection, spec: SessionSpec) -> None:
    """Make the SparkConnect of a session: one request, and before the first one up to seven more.

    Raises:
        InvalidInput: The operator would refuse it, its client would not fit, or the name is taken.
        ClusterError: The server refuses it, in its own words.
    """
    check_spark_name("SparkConnect", spec.name)
    check_watched(connection)
    installed = client_version()
    if installed is not None and spec.image is not None and (there := version_of_image(spec.image)) is not None:
        check_client_version(installed, there)
    connect = render_connect(
        spec,
        namespace=connection.namespace,
        account=connection.account(spec.service_account),
        settings=connection.settings,
        version=installed or SPARK_VERSION,
    )
    try:
        connection.connects.create(connect, namespace=connection.namespace)
    except AlreadyExists as error:
        raise InvalidInput(
            f"A session {spec.name!r} exists already in namespace {connection.namespace!r}. Use it by its name, choose "
            f"another name, or delete it: client.delete_session({spec.name!r})."
        ) from error
    logger.info("session %s runs until it is deleted: a SparkConnect has no idle time-out", spec.name)


def await_session(connection: SparkConnection, name: str, timeout: float) -> None:
    """Return when the server of a session answers; see `SparkBackend.await_session`. Two lists, two watches, a tunnel.

    Raises:
        SessionLost: Its server has ended or does not answer in time: why, by its pod.
        SessionNotFound: With names like it.
        Forbidden: These credentials may not forward ports.
    """
    deadline = time.monotonic() + timeout
    feed = JobFeed(connection.transport, connection.namespace, name, kind=followed_session(SERVER))
    feed.start()
    try:
        while True:
            with feed.changed:
                feed.check()
                version, ready = feed.version, feed.ready
                connect = feed.job() if ready else None
                pods = feed.pods() if ready else []
            if ready and connect is None:
                raise session_missing(connection, name)
            pod = None if connect is None else _server_of(connect, pods)
            if pod is not None and pod.ended:
                raise SessionLost(name, f"its server {_how(pod)}")
            running = pod is not None and pod.container.state == "Running"
            if running and connect is not None and _answers(connection, name):
                return
            left = deadline - time.monotonic()
            if left <= 0:
                why = pod_findings(connection, [pod] if pod is not None else [])
                raise SessionLost(
                    name,
                    f"its server does not take connections after {timeout:g} s"
                    + (f": {why[0]}" if why else ("" if pod is not None else ": the operator has made no pod for it")),
                    f"It is still there: look at client.get_session_logs({name!r}), wait longer (timeout=), or delete "
                    f"it: client.delete_session({name!r}).",
                )
            feed.wait(version, min(left, _LOOK))
    finally:
        feed.close()


def _answers(connection: SparkConnection, name: str) -> bool:
    """Return whether the server of a session speaks HTTP/2, as gRPC does, through a tunnel; no package is needed."""
    try:
        with Tunnel(connection.direct, connection.namespace, server_pod_name(name), CONNECT_PORT) as tunnel:
            return speaks_http2(tunnel.host, tunnel.port)
    except (Forbidden, Unauthorized):
        raise
    except (ClusterError, OSError) as error:
        logger.debug("the server of session %s does not answer yet: %s", name, error)
        return False


def speaks_http2(host: str, port: int) -> bool:
    """Return whether a server answers the first bytes of HTTP/2 with its settings within five seconds."""
    try:
        with socket.create_connection((host, port), timeout=_PATIENCE) as connection:
            connection.sendall(_PREFACE)
            head = b""
            while len(head) < 4:
                piece = connection.recv(64)
                if not piece:
                    return False
                head += piece
    except OSError as error:
        logger.debug("%s:%s does not answer: %s", host, port, error)
        return False
    return head[3] == _SETTINGS


class ConnectTunnel:
    """The way to the server of a session through the API server: a `SessionTunnel`."""

    def __init__(self, tunnel: Tunnel) -> None:
        self._tunnel = tunnel

    @property
    def address(self) -> str:
        """Where Spark's client connects to, on this machine."""
        return f"sc://{self._tunnel.host}:{self._tunnel.port}"

    def close(self) -> None:
        """Close the way. The session itself stays."""
        self._tunnel.close()


def open_session(connection: SparkConnection, name: str) -> ConnectTunnel:
    """Return a way to the server of a session: three requests.

    Raises:
        SessionLost: There is no server any more.
        SessionNotFound: With names like it.
        InvalidInput: The pyspark that is installed here does not fit.
        Forbidden: These credentials may not forward ports.
    """
    connect = find_connect(connection, name)
    pod = _server(connection, connect)
    if pod is None:
        raise SessionLost(name, "its server does not exist, or not any more, and the operator makes none anew")
    if pod.ended:
        raise SessionLost(name, f"its server {_how(pod)}, and the operator starts none anew")
    installed, there = client_version(), wire.text(connect, "spec", "sparkVersion")
    if installed is not None and there:
        check_client_version(installed, there)
    try:
        return ConnectTunnel(Tunnel(connection.direct, connection.namespace, pod.name, CONNECT_PORT))
    except (Forbidden, Unauthorized):
        raise
    except ApiError as error:
        raise SessionLost(name, f"no tunnel leads to its server: {error.server_message or error}") from error


def _how(pod: JobPod) -> str:
    ends = pod.container.exits
    return how_it_ended(ends[-1]) if ends else f"has ended ({pod.reason or pod.phase})"


def find_connect(connection: SparkConnection, name: str) -> Json:
    """Return a SparkConnect as the server sent it.

    Raises:
        SessionNotFound: With names like it.
        InvalidInput: `name` is no text.
    """
    if not isinstance(name, str) or not name:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput(f"name must be the name of a session, as text, not {name!r}.")
    try:
        return connection.transport.send(Request("GET", spark_path(CONNECTS, connection.namespace, name)))
    except (NotFound, Invalid) as error:
        raise session_missing(connection, name) from error


def session_missing(connection: SparkConnection, name: str) -> SessionNotFound:
    """Return the error for a session that does not exist; it names others, if they can be listed."""
    names: list[str] = []
    with contextlib.suppress(ClusterError):
        names = [session.name for session in list_sessions(connection)]
    return SessionNotFound(name, names, where=f"in namespace {connection.namespace!r}")


def get_session(connection: SparkConnection, name: str) -> SparkConnectInfo:
    """Return one session: two requests."""
    connect = find_connect(connection, name)
    return session_info(connect, _server(connection, connect))


def list_sessions(connection: SparkConnection) -> list[SparkConnectInfo]:
    """Return the sessions, oldest first: two requests, and one for each 500 more."""
    items = list(wire.listed(connection.transport, spark_path(CONNECTS, connection.namespace)))
    servers: dict[str, list[JobPod]] = defaultdict(list)
    if items:
        query = {"labelSelector": f"{CONNECT_NAME_LABEL},{ROLE_LABEL}=connect-server"}
        with contextlib.suppress(Forbidden):  # the states are those of the objects alone then
            for pod in read_spark_pods(wire.listed(connection.transport, pods_path(connection.namespace), query)):
                servers[pod.job].append(pod)
    return [
        session_info(item, _server_of(item, servers[wire.text(item, "metadata", "name")]))
        for item in sorted(items, key=created)
    ]


def _server(connection: SparkConnection, connect: Json) -> JobPod | None:
    name = wire.text(connect, "metadata", "name")
    pods = followed_session(SERVER).list_pods(connection.transport, connection.namespace, name)
    return _server_of(connect, pods)


def _server_of(connect: Json, pods: Iterable[JobPod]) -> JobPod | None:
    """Return the pod of a session's server; that of a deleted session of the same name stays until it has ended."""
    uid = wire.text(connect, "metadata", "uid")
    own = newest_pods(pod for pod in pods if pod.owner_uid in ("", uid))
    return own[-1] if own else None


def session_info(connect: Json, server: JobPod | None = None) -> SparkConnectInfo:
    """Return a SparkConnect as users see it. Fields that do not fit the schema count as absent.

    Args:
        connect: As the server sent it.
        server: The pod of its server; `None` where there is none, or none is known.
    """
    state, words = connect_state(connect)
    if server is not None and server.ended:
        # The operator says NotReady for ever, of a server that starts and of one that has died.
        state, words = SparkConnectState.FAILED, f"its server {_how(server)}, and the operator starts none anew"
    status = wire.mapping(connect, "status", "server")
    return SparkConnectInfo(
        name=wire.text(connect, "metadata", "name"),
        namespace=wire.text(connect, "metadata", "namespace"),
        state=state,
        driver_pod_name=wire.text(status, "podName") or (server.name if server is not None else None),
        pod_ip=wire.text(status, "podIp") or None,
        service_name=wire.text(status, "serviceName") or None,
        creation_timestamp=wire.time(connect, "metadata", "creationTimestamp") or datetime.fromtimestamp(0, UTC),
        message="" if state is SparkConnectState.READY else words,
    )


def delete_session(connection: SparkConnection, name: str) -> None:
    """End the server of a session, with its executors: one request.

    Raises:
        SessionNotFound: With names like it.
    """
    try:
        connection.connects.delete(name)
    except (NotFound, InvalidInput) as error:
        raise session_missing(connection, name) from error
