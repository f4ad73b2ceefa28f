"""A forward proxy on loopback, as companies have them: it asks for a user and a password, and opens tunnels (CONNECT).

Requests for `http://` servers are passed on as they are, for `https://` servers the bytes of the tunnel are. Nothing of
an answer is changed, so that broken answers reach the client broken.
"""

from __future__ import annotations

import base64
import selectors
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import yaml


@dataclass(frozen=True, slots=True)
class Passage:
    """A request to the proxy. `target` is `host:port`; `authorization` the Proxy-Authorization that came with it."""

    method: str
    target: str
    authorization: str | None
    let_through: bool


class ForwardProxy(ThreadingHTTPServer):
    """The proxy.

    Attributes:
        address: Its URL, without a user.
        url: The same with user and password, percent-encoded, as `proxy-url` and HTTPS_PROXY have them.
        passages: The requests that came: one for each tunnel, one for each request to an `http://` server.
        names: Host names that only this proxy knows, with the address that each stands for.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        user: str | None = None,
        password: str | None = None,
        names: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        scheme = "http" if tls is None else "https"
        login = "" if user is None else f"{quote(user, safe='')}:{quote(password or '', safe='')}@"
        self.address = f"{scheme}://127.0.0.1:{self.server_port}"
        self.url = f"{scheme}://{login}127.0.0.1:{self.server_port}"
        self.expected = None if user is None else "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.passages: list[Passage] = []
        self.names = dict(names or {})
        self.stopping = threading.Event()

    def kubeconfig(self, original: Path, path: Path) -> Path:
        """Write a copy of a kubeconfig whose clusters are reached through this proxy, with user and password."""
        content = yaml.safe_load(original.read_text("utf-8"))
        for entry in content["clusters"]:
            entry["cluster"]["proxy-url"] = self.url
        path.write_text(yaml.safe_dump(content), "utf-8")
        return path

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that hang up are what is tested."""


@contextmanager
def forward_proxy(
    user: str | None = None,
    password: str | None = None,
    names: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[ForwardProxy]:
    """Yield a proxy that runs.

    Args:
        user: Who may pass; `None` lets everybody pass.
        password: The user's password.
        names: Host names that only this proxy knows, with the address that each stands for.
        tls: The certificate of a proxy that is itself reached by TLS.
    """
    proxy = ForwardProxy(user, password, names, tls)
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.stopping.set()
        proxy.shutdown()
        proxy.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: ForwardProxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base's
        pass

    def _pass_on(self) -> None:
        parts = urlsplit(f"//{self.path}" if self.command == "CONNECT" else self.path)
        host, port = parts.hostname or "", parts.port or 80
        authorization = self.headers.get("Proxy-Authorization")
        let_through = self.server.expected in (None, authorization)
        self.server.passages.append(Passage(self.command, f"{host}:{port}", authorization, let_through))
        self.close_connection = True
        if not let_through:
            self._refuse(407, Proxy_Authenticate='Basic realm="proxy"')
            return
        try:
            upstream = socket.create_connection((self.server.names.get(host, host), port), timeout=10)
        except OSError:
            self._refuse(502)
            return
        with upstream:
            upstream.settimeout(None)
            upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with suppress(OSError):
                if self.command == "CONNECT":
                    self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    self._forward(upstream, parts._replace(scheme="", netloc="").geturl() or "/")
                self._relay(upstream)

    do_CONNECT = do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815 - the names are the base's

    def _refuse(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0", "Connection": "close"}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def _forward(self, upstream: socket.socket, path: str) -> None:
        """Send one request, and the head of its answer with the word that this connection serves no other request."""
        headers = [f"{name}: {value}" for name, value in self.headers.items() if not name.lower().startswith("proxy-")]
        lines = [f"{self.command} {path} HTTP/1.1", *headers]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        upstream.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body)
        head = b""
        while b"\r\n\r\n" not in head:
            piece = upstream.recv(1 << 16)
            if not piece:
                raise ConnectionAbortedError
            head += piece
        first, _, rest = head.partition(b"\r\n")
        self.wfile.write(first + b"\r\nConnection: close\r\n" + rest)

    def _relay(self, upstream: socket.socket) -> None:
        """Carry bytes both ways, until one side has closed or the proxy stops."""
        ends = {self.connection: upstream, upstream: self.connection}
        with selectors.DefaultSelector() as selector:
            for end in ends:
                selector.register(end, selectors.EVENT_READ)
            while not self.server.stopping.is_set():
                for key, _ in selector.select(0.1):
                    end = key.fileobj
                    assert isinstance(end, socket.socket)
                    if not self._carry(end, ends[end]):
                        return

    @staticmethod
    def _carry(source: socket.socket, sink: socket.socket) -> bool:
        while True:
            piece = source.recv(1 << 16)
            if not piece:
                return False
            sink.sendall(piece)
            # A TLS socket may hold bytes that the selector does not see.
            if not (isinstance(source, ssl.SSLSocket) and source.pending()):
                return True
