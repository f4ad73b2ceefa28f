"""What stands between a client and the API server: counts requests, breaks some of them, and serves pod logs.

Logs as kubelets serve them: each line with the time it was written, `sinceTime` in whole seconds, `previous`, `follow`
until the container ends.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.cluster.forwarded_ports import ForwardedPorts

_LOG = re.compile(r"/api/v1/namespaces/([^/]+)/pods/([^/]+)/log")
_SECOND = 10**9


@dataclass
class Fault:
    """Something that goes wrong, with the next `times` requests whose method, path and query contain `where`.

    Attributes:
        where: Part of a request line such as `"GET /api/v1/namespaces/a/pods?watch=true"`.
        times: How often.
        status: Answer with this status instead.
        cut: Break the connection after this many lines, in the middle of the next.
        hang: Answer nothing at all.
        event: Send this watch event first, and end the answer properly.
    """

    where: str
    times: int = 1
    status: int = 0
    cut: int | None = None
    hang: bool = False
    event: Mapping[str, object] | None = None


@dataclass
class Life:
    """One instance of a container. `lines` are times in nanoseconds and the line without its end."""

    lines: list[tuple[int, bytes]] = field(default_factory=list[tuple[int, bytes]])
    ended: bool = False


class Edge:
    """A server on loopback that passes requests on.

    Attributes:
        url: Where it is.
        requests: What was asked, as request lines.
        faults: What shall go wrong.
        before: What shall happen just before the next request that contains a text.
        ports: The ports of pods that are forwarded.
    """

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text("utf-8"))
        cluster = config["clusters"][0]["cluster"]
        self._server = urlsplit(cluster["server"])
        self._tls = ssl.create_default_context(cadata=b64decode(cluster["certificate-authority-data"]).decode())
        self._token = config["users"][0]["user"]["token"]
        self._logs: dict[tuple[str, str, str], list[Life]] = {}
        self._lock = threading.Lock()
        self.requests: list[str] = []
        self.faults: list[Fault] = []
        self.before: dict[str, Callable[[], None]] = {}
        self.ports = ForwardedPorts()
        self.open = 0
        edge = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def _pass(self) -> None:
                with edge._counted():
                    edge._handle(self)

            do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _pass  # noqa: N815 - names of the base class

        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._httpd.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._httpd.server_address[1]}"
        self._closing = threading.Event()
        threading.Thread(target=self._httpd.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._closing.set()
        self._httpd.shutdown()
        self._httpd.server_close()

    def asked(self, where: str) -> list[str]:
        return [request for request in self.requests if where in request]

    # -- the kubelet ---------------------------------------------------------------------------------------------

    def write(self, namespace: str, pod: str, *lines: str | bytes, container: str = "node", at: float = 0) -> None:
        """Add lines to a log; `at` is their time in seconds, by default now. Equal times stay equal."""
        life = self._lives(namespace, pod, container)[-1]
        stamp = int(at * _SECOND) if at else time.time_ns()
        encoded = [line if isinstance(line, bytes) else line.encode() for line in lines]
        life.lines.extend((stamp if at else stamp + index, line) for index, line in enumerate(encoded))

    def end(self, namespace: str, pod: str, container: str = "node") -> None:
        self._lives(namespace, pod, container)[-1].ended = True

    def restart(self, namespace: str, pod: str, container: str = "node") -> None:
        self.end(namespace, pod, container)
        self._lives(namespace, pod, container).append(Life())

    def restarts(self, namespace: str, pod: str, container: str = "node") -> int:
        return len(self._lives(namespace, pod, container)) - 1

    def _lives(self, namespace: str, pod: str, container: str) -> list[Life]:
        with self._lock:
            return self._logs.setdefault((namespace, pod, container), [Life()])

    # -- one request ---------------------------------------------------------------------------------------------

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self.open += 1
        try:
            yield
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            with self._lock:
                self.open -= 1

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        line = f"{handler.command} {handler.path}"
        with self._lock:
            self.requests.append(line)
            fault = next((fault for fault in self.faults if fault.times > 0 and fault.where in line), None)
            if fault is not None:
                fault.times -= 1
            happening = next((self.before.pop(where) for where in list(self.before) if where in line), None)
        if happening is not None:
            happening()
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(length) if length else None
        if fault is not None and fault.hang:
            self._closing.wait(60)
            handler.close_connection = True
        elif fault is not None and fault.status:
            status = {"kind": "Status", "status": "Failure", "code": fault.status, "message": "a fault"}
            _answer(handler, fault.status, json.dumps(status).encode())
        elif fault is not None and fault.event is not None:
            _answer(handler, 200, json.dumps(fault.event).encode() + b"\n")
        else:
            cut = fault.cut if fault is not None else None
            match = _LOG.fullmatch(urlsplit(handler.path).path)
            if self.ports.serves(handler):
                self.ports.handle(handler)
            elif match and handler.command == "GET":
                self._log(handler, match[1], match[2], cut)
            else:
                self._forward(handler, body, cut)

    def _forward(self, handler: BaseHTTPRequestHandler, body: bytes | None, cut: int | None) -> None:
        upstream = http.client.HTTPSConnection(
            str(self._server.hostname), int(self._server.port or 443), context=self._tls, timeout=600
        )
        try:
            headers = {"Authorization": f"Bearer {self._token}", "Accept": handler.headers.get("Accept", "*/*")}
            if body is not None:
                headers["Content-Type"] = handler.headers["Content-Type"]
            upstream.request(handler.command, handler.path, body, headers)
            answer = upstream.getresponse()
            if "watch=true" not in handler.path:
                _answer(handler, answer.status, answer.read(), answer.headers["Content-Type"])
                return
            out = _Chunks(handler, answer.status, cut)
            _wake_when_gone(handler, upstream)
            for line in answer:
                if not out.send(line):
                    return
            out.end()
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            handler.close_connection = True  # the client has gone
        finally:
            upstream.close()

    def _log(self, handler: BaseHTTPRequestHandler, namespace: str, pod: str, cut: int | None) -> None:
        query = {key: values[0] for key, values in parse_qs(urlsplit(handler.path).query).items()}
        lives = self._logs.get((namespace, pod, query["container"]), [])
        previous = query.get("previous") == "true"
        if len(lives) < (2 if previous else 1):
            _answer(handler, 400, b'{"kind": "Status", "reason": "BadRequest", "message": "waiting to start"}')
            return
        life = lives[-2 if previous else -1]
        since = 0
        if "sinceTime" in query:
            since = int(datetime.fromisoformat(query["sinceTime"]).timestamp()) * _SECOND
        tail = int(query["tailLines"]) if "tailLines" in query else None
        known = list(life.lines)
        chosen = [line for line in known if line[0] >= since]
        out = _Chunks(handler, 200, cut)
        done = len(known)
        for line in chosen if tail is None else chosen[max(0, len(chosen) - tail) :]:
            if not out.send(_rendered(line, query)):
                return
        while query.get("follow") == "true" and not self._closing.is_set():
            ended = life.ended
            while done < len(life.lines):
                if not out.send(_rendered(life.lines[done], query)):
                    return
                done += 1
            if ended:
                break
            if _gone(handler.connection):
                return
            time.sleep(0.01)
        out.end()


class _Chunks:
    """An answer whose length nobody knows yet."""

    def __init__(self, handler: BaseHTTPRequestHandler, status: int, cut: int | None) -> None:
        self._handler, self._left = handler, cut
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.flush()

    def send(self, line: bytes) -> bool:
        """Send a line; return False when the connection is broken instead, in the middle of it."""
        if self._left == 0:
            self._chunk(line[: len(line) // 2])
            self._handler.close_connection = True
            self._handler.connection.shutdown(socket.SHUT_RDWR)
            return False
        if self._left is not None:
            self._left -= 1
        self._chunk(line)
        return True

    def end(self) -> None:
        self._handler.wfile.write(b"0\r\n\r\n")

    def _chunk(self, data: bytes) -> None:
        if data:
            self._handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self._handler.wfile.flush()


def _answer(handler: BaseHTTPRequestHandler, status: int, body: bytes, kind: str | None = "application/json") -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", kind or "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def _rendered(line: tuple[int, bytes], query: Mapping[str, Any]) -> bytes:
    stamp = b""
    if query.get("timestamps") == "true":
        seconds, rest = divmod(line[0], _SECOND)
        stamp = datetime.fromtimestamp(seconds, UTC).strftime(f"%Y-%m-%dT%H:%M:%S.{rest:09d}Z ").encode()
    return stamp + line[1] + b"\n"


def _gone(connection: socket.socket) -> bool:
    """Whether the client has closed its end."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False


def _wake_when_gone(handler: BaseHTTPRequestHandler, upstream: http.client.HTTPSConnection) -> None:
    """End a watch upstream when the client closes its end."""

    def look() -> None:
        while upstream.sock is not None:
            try:
                if _gone(handler.connection):
                    upstream.sock.shutdown(socket.SHUT_RDWR)
                    return
            except (OSError, AttributeError, ValueError):
                return
            time.sleep(0.05)

    threading.Thread(target=look, daemon=True).start()
