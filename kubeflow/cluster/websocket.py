"""The client's side of a websocket (RFC 6455), as an API server speaks it for port-forward: whole binary messages.

One thread may read while another one writes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import struct
import threading
from typing import TYPE_CHECKING, Protocol

from kubeflow.cluster.errors import StreamBroken
from kubeflow.core.stdlib import base64

if TYPE_CHECKING:
    from urllib3 import HTTPResponse

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_CONTINUATION, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x2, 0x8, 0x9, 0xA
_LARGEST = 16 << 20  # bytes of one message; an API server sends at most 64 KiB at once


class Handshake:
    """The headers that ask a server for a websocket, and the check of what it answers.

    Args:
        protocol: The subprotocol, like `"v4.channel.k8s.io"`.
    """

    def __init__(self, protocol: str) -> None:
        self._protocol = protocol
        self._key = base64.b64encode(os.urandom(16))

    @property
    def headers(self) -> dict[str, str]:
        """The request's headers."""
        return {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": self._key.decode("ascii"),
            "Sec-WebSocket-Protocol": self._protocol,
        }

    def accepted(self, response: HTTPResponse) -> WebSocket:
        """Return the websocket that a server has opened with status 101.

        Raises:
            StreamBroken: The answer is none to this handshake, as of a proxy that does not know websockets.
        """
        proof = base64.b64encode(hashlib.sha1(self._key + _GUID, usedforsecurity=False).digest()).decode("ascii")
        if response.headers.get("Sec-WebSocket-Accept") != proof:
            response.close()
            raise StreamBroken("The server's answer is none to a websocket's handshake: a proxy may be in the way.")
        return WebSocket(response)


class _Buffered(Protocol):
    def read(self, amount: int, /) -> bytes: ...


class WebSocket:
    """An open websocket; made by `Cluster.websocket`. Closing it wakes up the thread that reads.

    Args:
        response: The answer whose connection it has.
    """

    def __init__(self, response: HTTPResponse) -> None:
        self._response = response
        sock: socket.socket | None = getattr(response.connection, "sock", None)
        # Frames that came with the answer's head are in the buffer below http.client's response, which reads no body
        # of a 101 and has no public way to that buffer.
        buffer: _Buffered | None = getattr(getattr(response, "_fp", None), "fp", None)
        if sock is None or buffer is None:
            response.close()
            raise StreamBroken("The server has closed the connection right after it opened a websocket.")
        self._socket, self._buffer = sock, buffer
        self._socket.settimeout(None)
        self._writing = threading.Lock()

    def receive(self) -> bytes | None:
        """Return the next message, waiting for it; `None` when the server has closed the websocket.

        Raises:
            StreamBroken: The connection broke, or what came is no websocket's.
        """
        message = bytearray()
        while True:
            head = self._read(2)
            final, kind, size = head[0] & 0x80, head[0] & 0x0F, head[1] & 0x7F
            if size == 126:
                size = struct.unpack(">H", self._read(2))[0]
            elif size == 127:
                size = struct.unpack(">Q", self._read(8))[0]
            if size > _LARGEST or head[1] & 0x80:
                raise StreamBroken("What came over a websocket is no message of an API server.")
            payload = self._read(size)
            if kind == _CLOSE:
                with contextlib.suppress(StreamBroken):
                    self._write(_CLOSE, payload[:2])
                return None
            if kind == _PING:
                self._write(_PONG, payload)
            elif kind != _PONG:
                message += payload
                if final:
                    return bytes(message)

    def send(self, message: bytes) -> None:
        """Send a whole binary message.

        Raises:
            StreamBroken: The connection broke.
        """
        self._write(_BINARY, message)

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(StreamBroken, OSError):
            self._write(_CLOSE, struct.pack(">H", 1000))
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        connection = self._response.connection
        if connection is not None:
            connection.close()

    def _read(self, size: int) -> bytes:
        try:
            data = self._buffer.read(size) if size else b""
        except (OSError, ValueError) as error:
            raise StreamBroken(f"The connection of a websocket broke: {error}.") from error
        if len(data) != size:
            raise StreamBroken("The connection of a websocket broke in the middle of a message.")
        return data

    def _write(self, kind: int, payload: bytes) -> None:
        size = len(payload)
        if size < 126:
            head = struct.pack(">BB", 0x80 | kind, 0x80 | size)
        elif size < 1 << 16:
            head = struct.pack(">BBH", 0x80 | kind, 0x80 | 126, size)
        else:
            head = struct.pack(">BBQ", 0x80 | kind, 0x80 | 127, size)
        mask = os.urandom(4)  # a client's frames are masked, RFC 6455, 5.3
        masked = int.from_bytes(payload, "little") ^ int.from_bytes((mask * (size // 4 + 1))[:size], "little")
        try:
            with self._writing:
                self._socket.sendall(head + mask + masked.to_bytes(size, "little"))
        except OSError as error:
            raise StreamBroken(f"The connection of a websocket broke: {error}.") from error
