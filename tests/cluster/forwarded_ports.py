"""Plays a kubelet that forwards ports of pods: the server's side of `portforward` over a websocket, to loopback ports.

As kubelets do (pkg/kubelet/server/portforward/websocket.go): subprotocol v4.channel.k8s.io, two channels for each port,
the port as first message of each, and words on the error channel when the pod's port refuses.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

_PATH = re.compile(r"/api/v1/namespaces/([^/]+)/pods/([^/]+)/portforward")


class ForwardedPorts:
    """Ports of pods.

    Attributes:
        ports: The loopback port that stands for a port of a pod, by namespace, pod and port.
        early: Bytes that are sent as data with the answer's head, before any connection is made.
        opened: How many websockets were opened.
    """

    def __init__(self) -> None:
        self.ports: dict[tuple[str, str, int], int] = {}
        self.early = b""
        self.opened = 0

    def serves(self, handler: BaseHTTPRequestHandler) -> bool:
        return _PATH.fullmatch(urlsplit(handler.path).path) is not None

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer a request for `portforward`, and carry bytes until either side ends."""
        match = _PATH.fullmatch(urlsplit(handler.path).path)
        assert match is not None
        port = int(parse_qs(urlsplit(handler.path).query)["ports"][0])
        if not any(key[:2] == (match[1], match[2]) for key in self.ports):
            status = {
                "kind": "Status",
                "status": "Failure",
                "code": 404,
                "reason": "NotFound",
                "message": "no such pod",
            }
            body = json.dumps(status).encode()
            handler.send_response(404)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
            return
        offered = [each.strip() for each in handler.headers["Sec-WebSocket-Protocol"].split(",")]
        assert handler.headers["Upgrade"].lower() == "websocket"
        assert "v4.channel.k8s.io" in offered
        key = handler.headers["Sec-WebSocket-Key"].encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        announced = _frame(struct.pack("<BH", 0, port)) + _frame(struct.pack("<BH", 1, port))
        early = _frame(b"\0" + self.early) if self.early else b""
        head = (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {base64.b64encode(hashlib.sha1(key).digest()).decode()}\r\n"
            "Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n"
        )
        # One write: frames that come together with the head must not get lost.
        handler.connection.sendall(head.encode() + announced + early)
        handler.close_connection = True
        self.opened += 1
        try:
            target = socket.create_connection(("127.0.0.1", self.ports.get((match[1], match[2], port), 1)), timeout=5)
        except OSError as error:
            words = f"error forwarding port {port} to pod {match[2]}: {error.strerror}"
            handler.connection.sendall(_frame(b"\1" + words.encode()) + _frame(b"\x03\xe8", 8))
            handler.connection.shutdown(socket.SHUT_WR)
            handler.rfile.read()  # closed with bytes unread, it would be reset, and the words be lost
            return
        target.settimeout(None)
        thread = threading.Thread(target=_downwards, args=(handler, target), daemon=True)
        thread.start()
        _upwards(handler, target)
        target.close()
        thread.join()


def _upwards(handler: BaseHTTPRequestHandler, target: socket.socket) -> None:
    try:
        while True:
            head = handler.rfile.read(2)
            if len(head) < 2 or head[0] & 0x0F == 8:
                break
            assert head[1] & 0x80, "a client's frames are masked"
            size = head[1] & 0x7F
            if size == 126:
                size = struct.unpack(">H", handler.rfile.read(2))[0]
            elif size == 127:
                size = struct.unpack(">Q", handler.rfile.read(8))[0]
            mask = handler.rfile.read(4)
            data = bytes(byte ^ mask[index % 4] for index, byte in enumerate(handler.rfile.read(size)))
            if head[0] & 0x0F in (0, 2) and data[:1] == b"\0":
                target.sendall(data[1:])
    except (OSError, struct.error, IndexError):  # the client has gone, maybe in the middle of a frame
        pass
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def _downwards(handler: BaseHTTPRequestHandler, target: socket.socket) -> None:
    try:
        handler.connection.sendall(_frame(b"are you there", 9))  # a ping: clients answer, and users see nothing of it
        while data := target.recv(1 << 15):
            middle = len(data) // 2  # a message in two frames
            handler.connection.sendall(_frame(b"\0" + data[:middle], 2, final=False) + _frame(data[middle:], 0))
        handler.connection.sendall(_frame(b"\x03\xe8", 8))
        handler.connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def _frame(payload: bytes, kind: int = 2, *, final: bool = True) -> bytes:
    first = (0x80 if final else 0) | kind
    if len(payload) < 126:
        return struct.pack(">BB", first, len(payload)) + payload
    return struct.pack(">BBH", first, 126, len(payload)) + payload
