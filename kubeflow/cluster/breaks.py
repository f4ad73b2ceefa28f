"""Broken connections: the cause of each in words, and whether the server may have acted on the request."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass

from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    IncompleteRead,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from kubeflow.cluster.errors import Unreachable
from kubeflow.cluster.target import Target
from kubeflow.core.display import repr_of_fields
from kubeflow.core.stdlib import re
from kubeflow.core.transport import Request

_AGAIN = "Try again; check the network, and the load balancer or proxy between, if it lasts."
_PROXY = "Check the proxy: proxy-url in the kubeconfig, else HTTPS_PROXY and NO_PROXY in the environment."

NO_LOGIN = 407
NO_LOGIN_WORDS = "the proxy wants a user and a password, or other ones (407)"
LOGIN = (
    "Write them into its URL, percent-encoded, as in http://USER:PASSWORD@proxy.example.com:3128: proxy-url in the "
    "kubeconfig, else HTTPS_PROXY in the environment."
)
_TUNNEL = re.compile(r"Tunnel connection failed: (\d+)")


class TooSlow(HTTPError):
    """The answer has begun, and its end did not come in time."""


@dataclass(frozen=True, slots=True)
class Break:
    """Why no whole answer came.

    Attributes:
        words: The cause, to stand after a colon.
        remedy: What the user can do.
        sent: True when the server may have acted on the request.
        lasting: True when sending again cannot help.
        late: True when time was over.
    """

    words: str
    remedy: str
    sent: bool = True
    lasting: bool = False
    late: bool = False

    __repr__ = repr_of_fields


def failure_of(error: HTTPError) -> Break:
    """Return what an error of the connection pool means."""
    chain = tuple(_chain(error))
    proxy = any(isinstance(link, ProxyError) for link in chain)
    unsent = proxy or any(isinstance(link, NewConnectionError | ConnectTimeoutError) for link in chain)
    for link in chain:
        match link:
            case ssl.SSLCertVerificationError():
                return Break(
                    f"{'the certificate of the proxy' if proxy else 'its certificate'} is not trusted "
                    f"({link.verify_message})",
                    "Check certificate-authority in the kubeconfig, or the authority of the proxy between.",
                    sent=False,
                    lasting=True,
                )
            case NameResolutionError() | socket.gaierror():
                return Break(
                    "the name of the proxy is unknown" if proxy else "the name of the server is unknown",
                    _PROXY if proxy else "Check the server's URL, the network and the VPN.",
                    sent=False,
                )
            case ConnectTimeoutError() if not isinstance(link, NewConnectionError):
                return Break("nobody answers at this address", "Check the network, the VPN and the proxy.", sent=False)
            case ConnectionRefusedError():
                if proxy:
                    return Break("the proxy refuses connections", _PROXY, sent=False)
                return Break(
                    "the server refuses connections", "Is the cluster running, and the port right?", sent=False
                )
            case OSError() if link.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
                return Break("there is no route to it", "Check the network and the VPN.", sent=False)
            case ReadTimeoutError() | TooSlow():
                return Break("the answer did not come in time", "Try again later, or give a longer timeout.", late=True)
            case LocationValueError():
                return Break(f"{link}", "Correct the server's URL.", sent=False, lasting=True)
            case http.client.RemoteDisconnected():
                return Break("it closed the connection without an answer", _AGAIN)
            case http.client.IncompleteRead() | IncompleteRead():
                return Break("the connection ended in the middle of the answer", _AGAIN)
            case _:
                pass
    if isinstance(error, SSLError):
        return Break(f"no TLS connection ({error.args[0]})", "Check the server's URL and the client certificate.")
    if proxy:
        refused = _TUNNEL.search(str(chain[-1]))
        if refused and refused[1] == str(NO_LOGIN):
            return Break(NO_LOGIN_WORDS, LOGIN, sent=False, lasting=True)
        # A proxy that says no will say so again; one that cannot reach the server may reach it later.
        lasting = refused is not None and refused[1].startswith("4")
        return Break(f"the proxy does not let through ({chain[-1]})", _PROXY, sent=False, lasting=lasting)
    return Break(f"the connection broke ({chain[-1]})", _AGAIN, sent=not unsent)


def unreachable(
    broken: Break, error: HTTPError, request: Request, server: str, origin: str, allowed: float, deadline: float
) -> Unreachable:
    """Return the error that tells the user of a broken connection.

    Args:
        broken: The meaning of `error`.
        error: The error of the connection pool: kept as the cause.
        request: The request, which may not have been sent.
        server: URL of the API server.
        origin: The credentials in words.
        allowed: Seconds that the answer was allowed to take.
        deadline: The `time.monotonic()` until which the answer was awaited.
    """
    late = f" (within {allowed:g} s)" if time.monotonic() >= deadline - 0.05 else ""
    unsure = ""
    if broken.sent and request.method != "GET":
        unsure = " Whether the server has done it is unknown: look before you repeat it."
    found = Unreachable(
        f"Cannot {Target.of(request)}: no answer from {server}{late}: {broken.words}. The address is from {origin}. "
        f"{broken.remedy}{unsure}"
    )
    found.__cause__ = error
    return found


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and the errors that it wraps: in arguments, in urllib3's attributes, or by chaining."""
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        link = waiting.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        inner = (getattr(link, "original_error", None), link.__cause__, link.__context__, *link.args)
        waiting += [found for found in inner if isinstance(found, BaseException)]
