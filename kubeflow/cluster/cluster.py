"""One cluster: sends requests, again where that is right, and returns JSON, lines, or a typed error.

It stands on the official client's configuration and connection pool, and touches none of that client's global state:
any number of clusters can be used at once, from any number of threads.
"""

from __future__ import annotations

import copy
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Self, TypeVar
from urllib.parse import urlencode, urlsplit

from urllib3 import HTTPResponse, PoolManager
from urllib3.exceptions import HTTPError, LocationValueError, ProxySchemeUnknown
from urllib3.util import Timeout

import kubeflow
from kubeflow.cluster.access import Access, Source, source
from kubeflow.cluster.answers import Answer, read, refusal
from kubeflow.cluster.breaks import TooSlow, failure_of, unreachable
from kubeflow.cluster.errors import ApiError, ClusterError, NotConfigured, StreamBroken, Unauthorized
from kubeflow.cluster.notices import Notices
from kubeflow.cluster.proxies import proxy_manager
from kubeflow.cluster.retries import FailedAttempt, pause
from kubeflow.cluster.stream import Stream
from kubeflow.cluster.target import Target
from kubeflow.core import forks
from kubeflow.core.errors import InvalidInput
from kubeflow.core.object_names import check_namespace
from kubeflow.core.transport import Request

_log = logging.getLogger(__name__)
_R = TypeVar("_R")

_ANSWER = 30.0  # seconds for a whole answer, retries included
_CONNECT = 10.0
# A silent stream is more often a dead connection than a quiet job: whoever reads it asks again.
_SILENCE = 300.0
_RELOAD_LATER = 10.0
_PIECE = 1 << 16
_SLOW, _SHORTEST = 1.0, 0.25  # seconds: of reading one body; of one read at its end
# What a pool depends on.
_CONNECTION = ("host", "ssl_ca_cert", "cert_file", "key_file", "verify_ssl", "tls_server_name")


@dataclass(frozen=True, slots=True)
class _Session:
    """What one attempt uses: it stays whole while another thread logs in again."""

    access: Access
    pool: PoolManager
    fresh_until: float | None


class Cluster:
    """A `Transport` to one cluster; made by `Cluster.connect`.

    Attributes:
        namespace: The one to use where a call names none.
        server: URL of the API server.
        context: Name of the kubeconfig context, `None` without a kubeconfig.
    """

    def __init__(self, source: Source, namespace: str | None = None) -> None:
        self._source = source
        self._lock = threading.Lock()
        access = source()
        self._session = self._opened(access)
        self.namespace: str = check_namespace(namespace or access.namespace or "default")
        self.server: str = _shown(access.configuration.host)
        self.context: str | None = access.context
        self._notices = Notices(self.server)
        forks.tell(self)

    @classmethod
    def connect(
        cls,
        *,
        config_file: str | os.PathLike[str] | None = None,
        context: str | None = None,
        namespace: str | None = None,
        client_configuration: object | None = None,
    ) -> Self:
        """Return the cluster of a kubeconfig, of the pod that this runs in, or of a given configuration.

        Reads files and runs the context's credentials plugin, if it has one; asks the server nothing.

        Args:
            config_file: The kubeconfig file. Default: those in `$KUBECONFIG`, else `~/.kube/config`, else the pod's
                service account.
            context: The context in it. Default: its current one.
            namespace: The one to use where a call names none. Default: that of the context or of the service account,
                else `"default"`.
            client_configuration: A `kubernetes.client.Configuration` to use instead of all that.

        Raises:
            NotConfigured: No usable configuration; the message lists the contexts that there are.
            InvalidInput: Arguments that exclude each other, or a namespace that cannot exist.
        """
        return cls(source(config_file, context, client_configuration), namespace)

    def send(self, request: Request) -> Mapping[str, object]:
        """Return the JSON object that the server answers with.

        Raises:
            ApiError: The server refuses, or went on failing through all retries.
            ControlPlaneMissing: The server does not have this API.
            Unreachable: No whole answer came in time.
        """
        allowed = _ANSWER if request.timeout is None else request.timeout

        def once(session: _Session, deadline: float) -> Mapping[str, object]:
            response = self._asked(request, session, deadline, max(deadline - time.monotonic(), 0.001), "gzip")
            return read(request, self._whole(session, response, deadline))

        return self._persistently(request, allowed, once)

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        """Yield the lines of the answer's body without their ends, each as soon as it is whole.

        Closing the iterator closes the connection, also from another thread. It ends when the server ends the answer
        properly, with what stands after the last line end if that is anything; a line that the connection cuts off is
        not yielded.

        Raises:
            StreamBroken: The connection broke, or nothing came for `request.timeout` seconds (default: 300).
            ApiError: The server refuses, or went on failing through all retries.
            Unreachable: The server could not be reached.
        """
        return Stream(lambda opened: self._lines(request, opened))

    def _lines(self, request: Request, opened: Callable[[HTTPResponse], None]) -> Generator[bytes, None, None]:
        silence = _SILENCE if request.timeout is None else request.timeout

        def once(session: _Session, deadline: float) -> HTTPResponse:
            response = self._asked(request, session, deadline, silence, "identity")
            if 200 <= response.status < 300:
                return response
            raise refusal(request, self._whole(session, response, deadline))

        response = self._persistently(request, min(_ANSWER, silence), once)
        rest: list[bytes] = []
        try:
            opened(response)
            while piece := response.read1(_PIECE):
                *whole, last = piece.split(b"\n")
                for line in whole:
                    yield b"".join([*rest, line])
                    rest.clear()
                if last:
                    rest.append(last)
        except HTTPError as error:
            raise StreamBroken(
                f"The connection to {self.server} broke while reading the answer to {Target.of(request)}: "
                f"{failure_of(error).words}. Ask again to go on."
            ) from error
        else:
            if rest:
                yield b"".join(rest)
        finally:
            response.close()

    def close(self) -> None:
        """Close the idle connections. The cluster stays usable: it opens new ones."""
        self._session.pool.clear()

    def __repr__(self) -> str:
        return f"Cluster(server={self.server!r}, context={self.context!r}, namespace={self.namespace!r})"

    # -- one request, several attempts --------------------------------------------------------------------------

    def _persistently(self, request: Request, allowed: float, once: Callable[[_Session, float], _R]) -> _R:
        """Return what `once` returns, calling it again as the rules for retries say."""
        deadline = time.monotonic() + allowed
        session = self._fresh()
        renewed = False
        attempt = 0
        while True:
            attempt += 1
            try:
                return once(session, deadline)
            except Unauthorized:
                fresh = None if renewed else self._renewed(session)
                if fresh is None:
                    raise
                session, renewed = fresh, True
                attempt -= 1
                continue
            except ApiError as error:
                problem: ClusterError = error
                failure = FailedAttempt(error.code, error.retry_after)
            except HTTPError as error:
                broken = failure_of(error)
                failure = FailedAttempt(sent=broken.sent, lasting=broken.lasting)
                problem = unreachable(broken, error, request, self.server, session.access.origin, allowed, deadline)
            wait = pause(request, failure, attempt)
            if wait is None or wait >= deadline - time.monotonic():
                raise problem
            _log.debug("%s %s: attempt %d failed, next in %.1f s", request.method, request.path, attempt, wait)
            time.sleep(wait)
            session = self._fresh()

    def _asked(
        self, request: Request, session: _Session, deadline: float, silence: float, encoding: str
    ) -> HTTPResponse:
        """Return the answer's head."""
        left = max(deadline - time.monotonic(), 0.001)
        headers = {
            "Accept": request.accept,
            "Accept-Encoding": encoding,
            "User-Agent": f"kubeflow-sdk/{kubeflow.__version__}",
        }
        if session.access.authorization is not None:
            headers["Authorization"] = session.access.authorization
        body = None
        if request.body is not None:
            headers["Content-Type"] = request.content_type
            body = _json(request.body)
        url = session.access.configuration.host.rstrip("/") + request.path
        if request.query:
            url += "?" + urlencode(request.query)
        started = time.monotonic()
        try:
            response = session.pool.urlopen(
                request.method,
                url,
                body=body,
                headers=headers,
                timeout=Timeout(connect=min(_CONNECT, left), read=silence),
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except HTTPError as error:
            _log.debug("%s %s: %s", request.method, request.path, type(error).__name__)
            raise
        took = (time.monotonic() - started) * 1000
        _log.debug("%s %s: %d in %.0f ms", request.method, request.path, response.status, took)
        self._notices.log(response.headers.getlist("Warning"))
        return response  # type: ignore[return-value]

    def _whole(self, session: _Session, response: HTTPResponse, deadline: float) -> Answer:
        """Read the body, within the deadline however slowly it drips."""
        pieces: list[bytes] = []
        began = time.monotonic()
        try:
            while True:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TooSlow  # noqa: TRY301 - closed below, as after every other failure
                # Each read may take what is left now, not what was left at the beginning. Quick answers keep that: the
                # connection goes back to the pool with it.
                sock: socket.socket | None = getattr(response.connection, "sock", None)
                if sock is not None and time.monotonic() - began > _SLOW:
                    sock.settimeout(max(left, _SHORTEST))
                if not (piece := response.read1(_PIECE)):
                    break
                pieces.append(piece)
        except BaseException:
            response.close()
            raise
        response.release_conn()
        return Answer(
            response.status,
            b"".join(pieces),
            response.headers.get("Content-Type", ""),
            response.headers.get("Retry-After"),
            response.headers.get("Location"),
            f"{self.server} ({session.access.origin})",
        )

    # -- credentials --------------------------------------------------------------------------------------------

    def _fresh(self) -> _Session:
        """Return the current session, with credentials read again if they are due."""
        session = self._session
        if session.fresh_until is None or time.time() < session.fresh_until:
            return session
        with self._lock:
            if self._session is not session:  # another thread was here first
                return self._session
            try:
                access = self._source()
            except NotConfigured as error:
                # What is there may still be good; if it is not, the server says so, and the next attempt is final.
                _log.warning("the credentials of %s could not be renewed: %s", self.server, error)
                later = time.time() + _RELOAD_LATER
                self._session = _Session(session.access, session.pool, later)
            else:
                self._session = self._opened(access, session)
            return self._session

    def _renewed(self, refused: _Session) -> _Session | None:
        """Return a session with other credentials than those that the server refuses, or None if there are none.

        Raises:
            NotConfigured: The credentials cannot be read.
        """
        with self._lock:
            if self._session is refused:
                access = self._source()
                # A client certificate may have been renewed in place, which shows only to new connections.
                self._session = self._opened(access, None if access.configuration.cert_file else refused)
            current = self._session
        same = current.access.authorization == refused.access.authorization and current.pool is refused.pool
        return None if same else current

    def _opened(self, access: Access, last: _Session | None = None) -> _Session:
        host = access.configuration.host
        if urlsplit(host).scheme not in ("http", "https"):
            raise NotConfigured(f"The server {host!r} of {access.origin} is no http or https URL. Correct it.")
        new, old = access.configuration, last.access.configuration if last else None
        if (
            last is not None
            and last.access.proxy == access.proxy
            and all(getattr(new, name, None) == getattr(old, name, None) for name in _CONNECTION)
        ):
            return _Session(access, last.pool, access.fresh_until)
        return _Session(access, _pool(access), access.fresh_until)

    def after_fork(self) -> None:
        """Share neither connections nor a lock that some thread holds with the parent process; called in the child."""
        self._lock = threading.Lock()
        session = self._session
        self._session = _Session(session.access, _pool(session.access), session.fresh_until)


def _pool(access: Access) -> PoolManager:
    from kubernetes.client.rest import RESTClientObject

    # The official client's pool has certificates, names and retries as the configuration says; the proxy is ours.
    direct = copy.copy(access.configuration)
    direct.proxy = None
    options = dict(RESTClientObject(direct).pool_manager.connection_pool_kw)
    # A dead connection is noticed, also under a quiet watch or log. Not every release of the official client does this.
    options.setdefault("socket_options", _keepalive())
    if access.proxy is None:
        return PoolManager(**options)
    if access.proxy.startswith("socks") and find_spec("socks") is None:
        raise NotConfigured(
            f"The proxy {_shown(access.proxy)} of {access.origin} speaks SOCKS, for which a package is missing: run "
            "`pip install PySocks`, or use an HTTP proxy."
        )
    try:
        return proxy_manager(access.proxy, getattr(access.configuration, "proxy_headers", None), options)
    except (LocationValueError, ProxySchemeUnknown) as error:
        raise NotConfigured(
            f"The proxy {_shown(access.proxy)} of {access.origin} is no URL of a proxy: correct proxy-url in the "
            "kubeconfig, else HTTPS_PROXY in the environment, to something like http://proxy.example.com:3128."
        ) from error


def _keepalive() -> list[tuple[int, int, int]]:
    """Return the socket options of TCP keepalive with client-go's times: 30 s idle, then 9 probes 15 s apart."""
    idle = "TCP_KEEPIDLE" if hasattr(socket, "TCP_KEEPIDLE") else "TCP_KEEPALIVE"  # macOS
    times = ((idle, 30), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 9))
    return [
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),  # urllib3's own default, which a list of ours replaces
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        *((socket.IPPROTO_TCP, getattr(socket, name), seconds) for name, seconds in times if hasattr(socket, name)),
    ]


def _json(body: Mapping[str, object]) -> bytes:
    try:
        return json.dumps(body, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError) as error:
        raise InvalidInput(
            f"the object cannot be written as JSON: {error}; NaN, for one, has no place there"
        ) from error


def _shown(url: str) -> str:
    """Return a URL without the password that it may hold."""
    parts = urlsplit(url.rstrip("/"))
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
