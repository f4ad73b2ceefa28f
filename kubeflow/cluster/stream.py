"""The lines of an answer that the server is still writing (watch, log). Another thread than the reader may close it."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING

from kubeflow.cluster.errors import StreamBroken

if TYPE_CHECKING:
    from urllib3 import HTTPResponse


class Stream(Generator[bytes, None, None]):
    """Lines without their ends, read as they are asked for.

    Args:
        read: Opens the answer with the first line that is asked for, and tells its argument which one it is.
    """

    def __init__(self, read: Callable[[Callable[[HTTPResponse], None]], Generator[bytes, None, None]]) -> None:
        self._lines = read(self._opened)
        self._response: HTTPResponse | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"<Stream of lines{', closed' if self._closed else ''}>"

    def send(self, value: None, /) -> bytes:
        """Return the next line."""
        try:
            return next(self._lines)
        except StopIteration:
            if self._closed:  # which is not to be taken for the end of the answer
                raise StreamBroken("The stream was closed while it was read.") from None
            raise

    def throw(
        self,
        typ: BaseException | type[BaseException],
        val: object = None,
        tb: TracebackType | None = None,
        /,
    ) -> bytes:
        """End reading with an exception, as generators do."""
        if isinstance(typ, BaseException):
            return self._lines.throw(typ)
        return self._lines.throw(typ, val, tb)

    def close(self) -> None:
        """Close the connection. Another thread that reads from it gets `StreamBroken`."""
        self._closed = True
        _shut(self._response)
        with contextlib.suppress(ValueError):  # the thread that is in it closes it as it leaves
            self._lines.close()

    def _opened(self, response: HTTPResponse) -> None:
        self._response = response
        if self._closed:
            _shut(response)


def _shut(response: HTTPResponse | None) -> None:
    """End the connection below its buffers and locks, so that whoever reads from it wakes up."""
    sock = getattr(getattr(response, "connection", None), "sock", None)
    if sock is not None:
        # The plain socket's method: that of a TLS socket would pull the session from under the reading thread.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
