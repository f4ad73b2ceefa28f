"""What stands between a client and an API server: it records each request, makes faults happen, and adds latency.

Plain HTTP on loopback in front of the server's TLS; credentials pass through. Given the folder of the container logs it
also plays the kubelet's part of `pods/log`, which the test server leaves out.
"""

from __future__ import annotations

import http.client
import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

from tests.apiserver import Refused
from tests.cluster.faults import Fault, RandomFaults, Rule
from tests.cluster.forwarded_ports import ForwardedPorts
from tests.cluster.podlogs import LOG_PATH, NoPreviousLog, open_pod_log
from tests.cluster.wire import Wire

_REASONS = {
    401: "Unauthorized",
    403: "Forbidden",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}
_NOT_PASSED_ON = frozenset(
    {"host", "connection", "keep-alive", "transfer-encoding", "content-length", "server", "date"}
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request that came. `at` is `time.monotonic()`."""

    method: str
    path: str
    query: Mapping[str, str]
    at: float
    fault: Fault | None

    @property
    def writes(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET" and "/selfsubject" not in self.path

    def __str__(self) -> str:
        query = "&".join(f"{key}={value}" for key, value in self.query.items())
        return f"{self.method} {self.path}{'?' + query if query else ''}"


class Proxy:
    """The proxy.

    Attributes:
        latency: Seconds that each request takes longer.
        rules: Faults that are set; the first that fits happens.
        chance: Faults by chance, where no rule fits; `None` for none.
        requests: All that came.
        tokens: The tokens that are accepted, each with the one that is passed on for it; `None` passes all on.
        made_up: Answers in the server's place, from path and query; `None` for what it leaves to the server.
        hurry: How many times faster than by their own `timeoutSeconds` watches end.
        forwarded: Ports of pods, which it forwards as a kubelet; `None` leaves that to the server.
    """

    def __init__(self, kubeconfig: Path, *, logs: Path | None = None, latency: float = 0) -> None:
        self.latency = latency
        self.hurry = 1.0
        self.forwarded: ForwardedPorts | None = None
        self.tokens: dict[str, str] | None = None
        self.made_up: Callable[[str, Mapping[str, str]], bytes | None] = lambda _path, _query: None
        self.rules: list[Rule] = []
        self.chance: RandomFaults | None = None
        self.requests: list[Recorded] = []
        self.wire = Wire(kubeconfig)
        self.logs = logs
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close all connections, and return when nothing is served any more."""
        self._server.shutdown()
        with self._lock:
            still_open = list(self._open)
        for connection in still_open:
            _close(connection)
        self.wire.close()
        self._server.server_close()  # waits for the threads
        self._thread.join()

    def kubeconfig(self, path: Path, *, token: str | None = None, namespace: str = "default") -> Path:
        """Write a kubeconfig that leads here, with the administrator's token unless another is given."""
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "proxy", "cluster": {"server": self.url}}],
            "users": [{"name": "user", "user": {"token": token or self.wire.token}}],
            "contexts": [{"name": "test", "context": {"cluster": "proxy", "user": "user", "namespace": namespace}}],
            "current-context": "test",
        }
        path.write_text(yaml.safe_dump(content), "utf-8")
        return path

    def inject(self, fault: Fault, *, method: str = "", path: str = "", times: int | None = 1) -> None:
        """Make a fault happen to the next requests that fit; see `Rule`."""
        with self._lock:
            self.rules.append(Rule(fault, method=method, path=path, times=times))

    @contextmanager
    def recording(self) -> Iterator[list[Recorded]]:
        """Yield a list that has, at the end, the requests that came meanwhile."""
        start = len(self.requests)
        found: list[Recorded] = []
        try:
            yield found
        finally:
            found += self.requests[start:]

    def decide(self, method: str, target: str) -> Fault | None:
        """Record a request and return what happens to it."""
        with self._lock:
            fault = next((rule.fault for rule in self.rules if rule.take(method, target)), None)
        if fault is None and self.chance is not None:
            fault = self.chance.draw(method, target)
        parts = urlsplit(target)
        with self._lock:
            self.requests.append(Recorded(method, parts.path, dict(parse_qsl(parts.query)), time.monotonic(), fault))
        return fault

    def connected(self, connection: socket.socket, *, there: bool) -> None:
        """Keep account of who is connected."""
        with self._lock:
            (self._open.add if there else self._open.discard)(connection)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that leave are what is tested here."""


class _Cut(Exception):
    """The connection is to be closed now."""


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    _upstream: http.client.HTTPConnection | None = None

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name that the base class has)
        """Say nothing."""

    def setup(self) -> None:
        super().setup()
        self.proxy.connected(self.connection, there=True)

    def finish(self) -> None:
        self.proxy.connected(self.connection, there=False)
        if self._upstream is not None:
            self._upstream.close()
        super().finish()

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.proxy.decide(self.command, self.path)
        time.sleep(self.proxy.latency)
        try:
            self._serve(body, fault)
        except (_Cut, ConnectionError):
            self.close_connection = True
            _close(self.connection)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815  (the names that the base class looks for)

    def _serve(self, body: bytes, fault: Fault | None) -> None:
        if fault is not None and fault.kind == "delay":
            time.sleep(fault.seconds)
        if fault is not None and fault.kind == "drop-before":
            raise _Cut
        if self.proxy.tokens is not None and self._token() not in self.proxy.tokens:
            self._refuse(401, "Unauthorized", None)
            return
        if fault is not None and fault.kind == "answer":
            self._refuse(fault.code, fault.message, fault.retry_after)
            return
        if self.proxy.forwarded is not None and self.proxy.forwarded.serves(self):
            self.proxy.forwarded.handle(self)
            return
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        if (content := self.proxy.made_up(parts.path, query)) is not None:
            self._answer(200, content)
            return
        if self.proxy.logs is not None and (log := LOG_PATH.fullmatch(parts.path)):
            self._serve_log(self.proxy.logs / log[1] / log[2], parts.path, query, fault)
            return
        answer = self._ask(self.path, body)
        if query.get("watch") in ("1", "true") and answer.status == 200:
            self._begin(answer, chunked=True)
            seconds = float(query.get("timeoutSeconds", "inf")) / self.proxy.hurry
            self._stream(self._events(answer, fault, time.monotonic() + seconds), fault)
            return
        content = answer.read()
        if fault is not None and fault.kind == "drop-after":
            raise _Cut
        self._begin(answer, length=len(content))
        if fault is not None and fault.kind == "cut" and fault.after < len(content):
            self.wfile.write(content[: fault.after])
            raise _Cut
        self.wfile.write(content)

    def _token(self) -> str:
        return str(self.headers.get("Authorization", "")).removeprefix("Bearer ")

    def _ask(self, target: str, body: bytes = b"") -> http.client.HTTPResponse:
        headers = {key: value for key, value in self.headers.items() if key.lower() not in _NOT_PASSED_ON}
        if self.proxy.tokens is not None:
            headers["Authorization"] = f"Bearer {self.proxy.tokens.get(self._token())}"
        kept = self._upstream
        for connection in (kept, self.proxy.wire.connection(timeout=3600)):
            if connection is None:
                continue
            try:
                connection.request(self.command, target, body or None, headers)
                answer = connection.getresponse()
            except (ConnectionError, ssl.SSLError, http.client.HTTPException):
                connection.close()
                if connection is not kept or self.command != "GET":
                    raise _Cut from None
                continue
            self._upstream = connection
            return answer
        raise _Cut

    def _begin(self, answer: http.client.HTTPResponse, *, length: int | None = None, chunked: bool = False) -> None:
        self.send_response(answer.status)
        for key, value in answer.getheaders():
            if key.lower() not in _NOT_PASSED_ON:
                self.send_header(key, value)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def _stream(self, pieces: Iterator[bytes], fault: Fault | None) -> None:
        """Send an answer piece by piece; a cut falls anywhere, and leaves the answer without its proper end."""
        left = fault.after if fault is not None and fault.kind == "cut" else None
        for piece in pieces:
            if left is not None and len(piece) > left:
                if left:
                    self._chunk(piece[:left])
                raise _Cut
            self._chunk(piece)
            if left is not None:
                left -= len(piece)
        if fault is not None and fault.kind == "drop-after":
            raise _Cut
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, piece: bytes) -> None:
        if piece:
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")

    def _events(self, answer: http.client.HTTPResponse, fault: Fault | None, end: float) -> Iterator[bytes]:
        count = 0
        while True:
            left = min(end - time.monotonic(), 3600)
            if left <= 0 or self._upstream is None or self._upstream.sock is None:
                self._drop_upstream()
                return
            self._upstream.sock.settimeout(left)
            if fault is not None and fault.kind == "expire" and count >= fault.after:
                self._drop_upstream()
                status = _status(410, "too old resource version")
                yield json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"
                return
            # A client that leaves is noticed at the next event: nothing here waits for it.
            try:
                line = answer.readline()
            except TimeoutError:
                self._drop_upstream()
                return
            if not line:
                return
            count += 1
            yield line

    def _drop_upstream(self) -> None:
        if self._upstream is not None:
            self._upstream.close()
            self._upstream = None

    def _serve_log(self, folder: Path, path: str, query: Mapping[str, str], fault: Fault | None) -> None:
        probe = f"{path}?limitBytes=1" + (f"&container={query['container']}" if "container" in query else "")
        answer = self._ask(probe)  # the server knows who may read, and whether there is anything
        content = answer.read()
        if answer.status != 200:
            self._begin(answer, length=len(content))
            self.wfile.write(content)
            return
        pod = path.removesuffix("/log")
        try:
            container = query.get("container") or self._only_container(pod)
            pieces = open_pod_log(folder, container, query, self._ended(pod, container))
        except NoPreviousLog:
            message = f'previous terminated container "{container}" in pod "{folder.name}" not found'
            self._refuse(400, message, None)
            return
        self._begin(answer, chunked=True)
        self._stream(pieces, fault)

    def _only_container(self, pod: str) -> str:
        found: str = self.proxy.wire.send("GET", pod)["spec"]["containers"][0]["name"]
        return found

    def _ended(self, path: str, container: str) -> Callable[[], bool]:
        asked = 0.0

        def ended() -> bool:
            nonlocal asked
            if _left(self.connection):
                return True
            if time.monotonic() - asked < 0.1:
                return False
            asked = time.monotonic()
            try:
                pod = self.proxy.wire.send("GET", path)
            except (Refused, OSError, http.client.HTTPException):
                return True
            if pod["status"].get("phase") in ("Succeeded", "Failed"):
                return True
            states = {status["name"]: status for status in pod["status"].get("containerStatuses") or []}
            state = states.get(container) or {}
            # Waiting again after a life: what was followed is over.
            return "lastState" in state and "running" not in state.get("state", {})

        return ended

    def _refuse(self, code: int, message: str, retry_after: int | None) -> None:
        status = _status(code, message)
        if retry_after is not None:
            status["details"] = {"retryAfterSeconds": retry_after}
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self._answer(code, json.dumps(status).encode(), headers)

    def _answer(self, code: int, content: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(code)
        for key, value in {**(headers or {}), "Content-Type": "application/json"}.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _status(code: int, message: str) -> dict[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": _REASONS.get(code, "Unknown"),
        "code": code,
    }


def _left(connection: socket.socket) -> bool:
    """Say whether the client has closed its side."""
    readable, _, _ = select.select([connection], [], [], 0)
    try:
        return bool(readable) and not connection.recv(1, socket.MSG_PEEK)
    except OSError:
        return True


def _close(connection: socket.socket) -> None:
    with suppress(OSError):  # the other side was first
        connection.shutdown(socket.SHUT_RDWR)
