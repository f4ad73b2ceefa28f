"""`Cluster`, the transport to one API server: connection pool, retries, credentials that are renewed, streams.

Nothing here is global: any number of clusters can be used at once, from any number of threads.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Self, TypeVar
from urllib.parse import urlencode, urlsplit

from urllib3 import HTTPHeaderDict, HTTPResponse, PoolManager
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

import kubeflow
from kubeflow.cluster.access import Access, Source
from kubeflow.cluster.answers import Answer, read, refusal
from kubeflow.cluster.breaks import TooSlow, failure_of, unreachable
from kubeflow.cluster.connections import connections
from kubeflow.cluster.credentials.access_sources import source
from kubeflow.cluster.errors import ApiError, ClusterError, NotConfigured, StreamBroken, Unauthorized
from kubeflow.cluster.line_splitter import LineSplitter
from kubeflow.cluster.notices import Notices
from kubeflow.cluster.retries import FailedAttempt, pause
from kubeflow.cluster.stream import Stream
from kubeflow.cluster.target import Target
from kubeflow.cluster.websocket import Handshake, WebSocket
from kubeflow.core import forks
from kubeflow.core.errors import InvalidInput
from kubeflow.core.object_names import check_namespace
from kubeflow.core.stdlib import json
from kubeflow.core.transport import Request

_log = logging.getLogger(__name__)
_R = TypeVar("_R")

_ANSWER = 30.0  # seconds for a whole answer, retries included
_CONNECT = 10.0
_QUIETLY = 1.0  # seconds for which a request fails without a line in the log
# A silent stream is more often a dead connection than a quiet job: its readers send the request again.
_SILENCE = 300.0
_RELOAD_LATER = 10.0
_PIECE = 1 << 16
_SWITCHING_PROTOCOLS = 101
_SLOW, _SHORTEST = 1.0, 0.25  # seconds: of reading one body; of one read at its end


@dataclass(frozen=True, slots=True)
class _Session:
    """Credentials and pool of one attempt. They stay the same while another thread logs in again."""

    access: Access
    pool: PoolManager
    fresh_until: float | None


class Cluster:
    """A `Transport` to one cluster; made by `Cluster.connect`.

    Attributes:
        namespace: The namespace of calls that name none.
        server: URL of the API server.
        context: Name of the kubeconfig context, `None` without a kubeconfig.
    """

    def __init__(self, source: Source, namespace: str | None = None) -> None:
        self._source = source
        self._lock = threading.Lock()
        access = source()
        self._session = self._opened(access)
        self.namespace: str = check_namespace(namespace or access.namespace or "default")
        self.server: str = access.server
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
            namespace: The namespace of calls that name none. Default: that of the context or of the service account,
                else `"default"`.
            client_configuration: A `kubernetes.client.Configuration` to use instead of a kubeconfig.

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
        not yielded. With `request.unfinished`, a line that goes on by carriage returns comes also as it stands.

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
        splitter = LineSplitter(unfinished=request.unfinished)
        try:
            opened(response)
            while piece := response.read1(_PIECE):
                yield from splitter.lines(piece)
        except HTTPError as error:
            raise StreamBroken(
                f"The connection to {self.server} broke while reading the answer to {Target.of(request)}: "
                f"{failure_of(error).words}. Ask again to go on."
            ) from error
        else:
            if rest := splitter.rest():
                yield rest
        finally:
            response.close()

    def websocket(self, request: Request, protocol: str) -> WebSocket:
        """Return a websocket that the server has opened, with the credentials and the proxy of every other request.

        Args:
            request: A GET of what can be upgraded, such as a pod's `portforward`.
            protocol: The subprotocol, like `"v4.channel.k8s.io"`.

        Raises:
            StreamBroken: What answers opens no websocket, as a proxy may.
            ApiError: The server refuses, or went on failing through all retries.
            Unreachable: The server could not be reached.
        """
        allowed = _ANSWER if request.timeout is None else request.timeout

        def once(session: _Session, deadline: float) -> WebSocket:
            handshake = Handshake(protocol)
            left = max(deadline - time.monotonic(), 0.001)
            response = self._asked(request, session, deadline, left, "identity", handshake.headers)
            if response.status == _SWITCHING_PROTOCOLS:
                return handshake.accepted(response)
            if 200 <= response.status < 300:
                response.close()
                raise StreamBroken(f"{self.server} answered {Target.of(request)}, and opened no websocket.")
            raise refusal(request, self._whole(session, response, deadline))

        return self._persistently(request, allowed, once)

    def close(self) -> None:
        """Close the idle connections. The cluster stays usable: it opens new ones."""
        self._session.pool.clear()

    def __repr__(self) -> str:
        return f"Cluster(server={self.server!r}, context={self.context!r}, namespace={self.namespace!r})"

    # -- one request, several attempts --------------------------------------------------------------------------

    def _persistently(self, request: Request, allowed: float, once: Callable[[_Session, float], _R]) -> _R:
        """Return what `once` returns, calling it again as the rules for retries say."""
        started = time.monotonic()
        deadline = started + allowed
        session = self._fresh()
        renewed = warned = False
        told: ClusterError | None = None  # of the attempt before
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
                if broken.late and told is not None:
                    problem = told  # the last attempt is cut short, and says less than the one before
            told = problem
            wait = None if request.once else pause(request, failure, attempt)
            left = deadline - time.monotonic()
            if wait is None or wait >= left:
                raise problem
            if not warned and time.monotonic() - started > _QUIETLY:
                _log.warning("still trying, for up to %.0f s more: %s", left, problem)
                warned = True
            _log.debug("%s %s: attempt %d failed, next in %.1f s", request.method, request.path, attempt, wait)
            time.sleep(wait)
            session = self._fresh()

    def _asked(
        self,
        request: Request,
        session: _Session,
        deadline: float,
        silence: float,
        encoding: str,
        further: Mapping[str, str] | None = None,
    ) -> HTTPResponse:
        """Return the answer's head."""
        left = max(deadline - time.monotonic(), 0.001)
        access = session.access
        headers = HTTPHeaderDict(
            {
                "Accept": request.accept,
                "Accept-Encoding": encoding,
                "User-Agent": f"kubeflow-sdk/{kubeflow.__version__}",
            }
        )
        for name, value in access.headers:  # a name may come more than once
            headers.add(name, value)
        headers.update(further or {})
        body = None
        if request.body is not None:
            headers["Content-Type"] = request.content_type
            body = _json(request.body)
        # A proxy that forwards is told the whole URL, a server its path. A pool is asked, not the manager, which would
        # make one header of several with the same name.
        forwarded = access.proxy is not None and access.proxy.forwards(access.server)
        target = (access.server if forwarded else urlsplit(access.server).path) + request.path
        if request.query:
            target += "?" + urlencode(request.query)
        started = time.monotonic()
        try:
            response = session.pool.connection_from_url(access.server).urlopen(
                request.method,
                target,
                body=body,
                headers=headers,
                timeout=Timeout(connect=min(_CONNECT, left), read=silence),
                retries=False,
                redirect=False,
                assert_same_host=False,
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
                # The old credentials may still be valid. If they are not, the server refuses the next attempt.
                _log.warning("the credentials of %s could not be renewed: %s", self.server, error)
                later = time.time() + _RELOAD_LATER
                self._session = _Session(session.access, session.pool, later)
            else:
                self._session = self._opened(access, session)
            return self._session

    def _renewed(self, refused: _Session) -> _Session | None:
        """Return a session with other credentials than the refused ones, or None if there are no others.

        Raises:
            NotConfigured: The credentials cannot be read.
        """
        with self._lock:
            if self._session is refused:
                access = self._source()
                self._session = self._opened(access, refused)
            current = self._session
        same = current.access.headers == refused.access.headers and current.pool is refused.pool
        return None if same else current

    def _opened(self, access: Access, last: _Session | None = None) -> _Session:
        if last is not None and _leads_to(access) == _leads_to(last.access):
            return _Session(access, last.pool, access.fresh_until)
        return _Session(access, _pool(access), access.fresh_until)

    def after_fork(self) -> None:
        """Share neither connections nor a lock that some thread holds with the parent process; called in the child."""
        self._lock = threading.Lock()
        session = self._session
        self._session = _Session(session.access, _pool(session.access), session.fresh_until)


def _leads_to(access: Access) -> tuple[object, ...]:
    """Return what a connection depends on."""
    return access.server, access.tls, access.proxy


def _pool(access: Access) -> PoolManager:
    return connections(access.server, access.tls, access.proxy, access.origin)


def _json(body: Mapping[str, object]) -> bytes:
    try:
        return json.dumps(body, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError) as error:
        raise InvalidInput(
            f"the object cannot be written as JSON: {error}; NaN, for one, has no place there"
        ) from error
