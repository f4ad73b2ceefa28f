"""An HTTP server that does what a script says: answers, hangs, drips, or breaks off. The edge where faults are made."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeAlias

Reply: TypeAlias = Callable[["Handler"], None]


@dataclass(frozen=True)
class Seen:
    """One request as it came. `path` is with the query; `common_name` that of the client certificate."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    peer: tuple[str, int]
    all_headers: tuple[tuple[str, str], ...] = ()
    common_name: str | None = None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultServer

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        seen = Seen(
            self.command,
            self.path,
            dict(self.headers),
            body,
            self.client_address,
            tuple(self.headers.items()),
            self._common_name(),
        )
        with self.server.lock:
            self.server.seen.append(seen)
            reply = self.server.script.pop(0) if self.server.script else self.server.otherwise
        reply(self)

    def _common_name(self) -> str | None:
        certificate: Any = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        names = dict(pair for (pair,) in certificate["subject"]) if certificate else {}
        return names.get("commonName")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the names are the base's

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base's
        pass

    def head(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.flush()

    def chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()


class FaultServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.server_port}"
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.script: list[Reply] = []
        self.otherwise: Reply = answer({"kind": "Thing"})
        self.seen: list[Seen] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that hang up are what is tested."""


@contextmanager
def fault_server(*script: Reply, port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[FaultServer]:
    server = FaultServer(port, tls)
    server.script = list(script)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


# -- what a script is made of ---------------------------------------------------------------------------------------


def raw(status: int, body: bytes, content_type: str = "application/json", **headers: str) -> Reply:
    def reply(handler: Handler) -> None:
        handler.head(status, Content_Type=content_type, Content_Length=str(len(body)), **headers)
        handler.wfile.write(body)

    return reply


def answer(body: Mapping[str, Any], status: int = 200, **headers: str) -> Reply:
    return raw(status, json.dumps(body).encode(), **headers)


def refused(code: int, reason: str = "", message: str = "", details: Any = None, **headers: str) -> Reply:
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason}
    return answer({**status, "message": message, "details": details or {}}, code, **headers)


def hang(handler: Handler) -> None:
    """Answer nothing until the server stops."""
    handler.server.stopping.wait(60)
    handler.close_connection = True


def hang_up(handler: Handler) -> None:
    """Close the connection without an answer."""
    handler.close_connection = True


def cut_body(handler: Handler) -> None:
    """Promise more bytes than come."""
    handler.head(200, Content_Type="application/json", Content_Length="1000")
    handler.wfile.write(b'{"kind": "Thi')
    handler.close_connection = True


def dripping(handler: Handler) -> None:
    """Send one byte every 0.1 seconds, for a minute: each comes in time, all of them do not."""
    handler.head(200, Content_Type="application/json", Content_Length="600")
    for _ in range(600):
        if handler.server.stopping.wait(0.1):
            break
        handler.wfile.write(b" ")
        handler.wfile.flush()
    handler.close_connection = True


def stream(*pieces: bytes, cut: bool = False, stay: bool = False) -> Reply:
    """Send `pieces` one by one; then end properly, or break off in the middle of a chunk, or stay silent."""

    def reply(handler: Handler) -> None:
        handler.head(200, Content_Type="application/json", Transfer_Encoding="chunked")
        for piece in pieces:
            handler.chunk(piece)
        if stay:
            handler.server.stopping.wait(60)
        if not cut:
            handler.wfile.write(b"0\r\n\r\n")
        handler.close_connection = True

    return reply


def until_left(left: threading.Event) -> Reply:
    """Stream lines, and set `left` when the client is gone."""

    def reply(handler: Handler) -> None:
        handler.head(200, Content_Type="application/json", Transfer_Encoding="chunked")
        try:
            for number in range(3000):
                handler.chunk(b"%d\n" % number)
                time.sleep(0.01)
        except OSError:
            left.set()
            raise

    return reply


def kubeconfig(
    folder: Path, server: str, user: Mapping[str, Any] | None = None, proxy_url: str | None = None, **fields: Any
) -> str:
    """Write a kubeconfig with one context, `here`, and return its path. `fields` are further ones of the cluster."""
    path = folder / "kubeconfig"
    cluster = {
        **({"proxy-url": proxy_url} if proxy_url else {}),
        **{key.replace("_", "-"): fields[key] for key in fields},
    }
    path.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": user if user is not None else {"token": "sesame"}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "team"}}],
    }), "utf-8")  # fmt: skip
    return str(path)
