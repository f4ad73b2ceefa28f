"""A SOCKS5 proxy on loopback that asks for a user and a password: https://www.rfc-editor.org/rfc/rfc1928, rfc1929."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer

_REFUSED = b"\x05\x04\x00\x01\x00\x00\x00\x00\x00\x00"
_OPEN = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"


class SocksProxy(ThreadingTCPServer):
    """The proxy.

    Attributes:
        logins: User and password of each client that came.
        targets: Host and port that each client that was let in asked for: a name where the client did not look it up.
    """

    daemon_threads = True

    def __init__(self, user: str, password: str, names: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.port = self.socket.getsockname()[1]
        self.expected = user, password
        self.names = names
        self.logins: list[tuple[str, str]] = []
        self.targets: list[tuple[str, int]] = []


@contextmanager
def socks_proxy(user: str, password: str, names: Mapping[str, str] | None = None) -> Iterator[SocksProxy]:
    """Yield a proxy that runs; `names` are those of hosts that only the proxy knows, with their addresses."""
    with SocksProxy(user, password, names or {}) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()


class _Handler(BaseRequestHandler):
    server: SocksProxy
    request: socket.socket

    def handle(self) -> None:
        with suppress(OSError, EOFError):
            self._serve()

    def _serve(self) -> None:
        self._read(self._read(2)[1])
        self.request.sendall(b"\x05\x02")  # by user and password
        login = self._text(self._read(2)[1]), self._text(self._read(1)[0])
        self.server.logins.append(login)
        self.request.sendall(b"\x01\x00" if login == self.server.expected else b"\x01\x01")
        if login != self.server.expected:
            return
        kind = self._read(4)[3]
        host = self._text(self._read(1)[0]) if kind == 3 else socket.inet_ntoa(self._read(4))
        target = host, int.from_bytes(self._read(2), "big")
        self.server.targets.append(target)
        try:
            upstream = socket.create_connection((self.server.names.get(host, host), target[1]), timeout=10)
        except OSError:
            self.request.sendall(_REFUSED)
            return
        with upstream:
            self.request.sendall(_OPEN)
            back = threading.Thread(target=_carry, args=(upstream, self.request), daemon=True)
            back.start()
            _carry(self.request, upstream)
            back.join()

    def _read(self, count: int) -> bytes:
        got = b""
        while len(got) < count:
            piece = self.request.recv(count - len(got))
            if not piece:
                raise EOFError
            got += piece
        return got

    def _text(self, length: int) -> str:
        return self._read(length).decode()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(1 << 16):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
