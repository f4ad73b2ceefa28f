"""A tunnel to a port of a pod, through the API server: what `kubectl port-forward` does, without kubectl.

It needs the rights `get` and `create` on `pods/portforward`: a websocket begins with a GET, and newer API servers ask
for `create` as well. A tunnel leads to one pod, and ends with it.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import struct
import threading
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import quote

from kubeflow.cluster.errors import StreamBroken
from kubeflow.cluster.websocket import WebSocket
from kubeflow.core.errors import KubeflowError
from kubeflow.core.transport import Request

logger = logging.getLogger(__name__)

CHANNELS = "v4.channel.k8s.io"
"""The subprotocol of a websocket for port-forward: each message begins with the number of its channel. Channel 0 is the
first port's data, channel 1 its errors; the first message of each is the port, in two bytes, low byte first."""

_DATA, _ERROR = 0, 1
_PIECE = 1 << 15
_HOST = "127.0.0.1"


class Upgrading(Protocol):
    """What opens websockets: a `Cluster`."""

    def websocket(self, request: Request, protocol: str) -> WebSocket:
        """Open one."""
        ...


class Tunnel:
    """A port of this machine that leads to a port of a pod, until it is closed. A context manager.

    Any number of connections can be open at once. Nobody but this machine reaches the port.

    Attributes:
        host: `"127.0.0.1"`.
        port: The port of this machine.
        problem: Why the last connection that failed did, in the cluster's words; empty while none has.

    Args:
        cluster: The cluster.
        namespace: Of the pod.
        pod: The pod.
        pod_port: The port that a container of it listens on.

    Raises:
        NotFound: There is no such pod.
        Forbidden: These credentials may not forward ports.
        ApiError: The server refuses, as for a pod that does not run.
        Unreachable: The server cannot be reached.
    """

    def __init__(self, cluster: Upgrading, namespace: str, pod: str, pod_port: int) -> None:
        self._cluster = cluster
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(pod, safe='')}/portforward"
        self._request = Request("GET", path, {"ports": str(pod_port)})
        self._lock = threading.Lock()
        self._open: set[_Relay] = set()
        self._closed = False
        self._what = f"port {pod_port} of pod {pod}"
        self.problem = ""
        # Opened before the first connection comes, so that a refusal is an error here and not a closed connection.
        self._first: WebSocket | None = self._websocket()
        try:
            self._listener = socket.create_server((_HOST, 0))
        except OSError:
            self._first.close()
            raise
        self.host = _HOST
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name=f"kubeflow tunnel to {self._what}", daemon=True).start()

    def __repr__(self) -> str:
        return f"<Tunnel from {self.host}:{self.port} to {self._what}{', closed' if self._closed else ''}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the port and all connections through it. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            relays, first, self._first = list(self._open), self._first, None
        # A listener that is only closed leaves the thread in accept() where it is, on Linux.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if first is not None:
            first.close()
        for relay in relays:
            relay.close()

    def _websocket(self) -> WebSocket:
        return self._cluster.websocket(self._request, CHANNELS)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            with self._lock:
                first, self._first = self._first, None
            threading.Thread(
                target=self._relay, args=(connection, first), name=f"kubeflow tunnel to {self._what}", daemon=True
            ).start()

    def _relay(self, connection: socket.socket, opened: WebSocket | None) -> None:
        try:
            websocket = opened or self._websocket()
        except KubeflowError as error:
            self._failed(str(error))
            connection.close()
            return
        relay = _Relay(connection, websocket)
        with self._lock:
            closed = self._closed
            self._open.add(relay)
        if closed:
            relay.close()
        relay.run()
        with self._lock:
            self._open.discard(relay)
        if relay.problem:
            self._failed(relay.problem)

    def _failed(self, problem: str) -> None:
        self.problem = problem
        logger.warning("a connection to %s failed: %s", self._what, problem)


class _Relay:
    """One connection, and the websocket that carries it. `problem` is the cluster's word on why it failed."""

    def __init__(self, connection: socket.socket, websocket: WebSocket) -> None:
        self._connection = connection
        self._websocket = websocket
        self._announced = {_DATA: False, _ERROR: False}
        self.problem = ""

    def run(self) -> None:
        """Carry bytes both ways until either side ends."""
        thread = threading.Thread(target=self._upwards, name="kubeflow tunnel, upwards", daemon=True)
        thread.start()
        try:
            self._downwards()
        finally:
            self.close()
            thread.join()
            self._connection.close()

    def close(self) -> None:
        """End both sides; the threads that carry bytes wake up."""
        self._websocket.close()
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def _upwards(self) -> None:
        with contextlib.suppress(OSError, StreamBroken):  # either side has ended, which ends the connection
            while data := self._connection.recv(_PIECE):
                self._websocket.send(bytes([_DATA]) + data)
        # The protocol cannot say that nothing more comes while answers are still awaited: a client that has closed its
        # side for good is one that has gone.
        self._websocket.close()

    def _downwards(self) -> None:
        with contextlib.suppress(OSError, StreamBroken):
            while (message := self._websocket.receive()) is not None:
                channel, data = (message[0], message[1:]) if message else (-1, b"")
                if channel not in self._announced:
                    continue
                if not self._announced[channel]:
                    self._announced[channel] = True
                    data = data[struct.calcsize("<H") :]
                if channel == _ERROR and data:
                    self.problem = data.decode("utf-8", "replace").strip()
                    return
                self._connection.sendall(data)
