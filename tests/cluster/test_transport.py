"""A cluster that misbehaves: what is sent again, what is not, and what the user reads in the end."""

from __future__ import annotations

import gzip
import json
import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import kubeflow
from kubeflow.cluster import (
    AlreadyExists,
    ApiError,
    Cause,
    Cluster,
    ClusterError,
    Conflict,
    ControlPlaneMissing,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    ServerFault,
    StreamBroken,
    TooManyRequests,
    Unauthorized,
    Unreachable,
)
from kubeflow.core.transport import Request
from kubeflow.local.executors.ports import ReservedPort
from tests.cluster.transport_faults import (
    FaultServer,
    Reply,
    answer,
    cut_body,
    dripping,
    fault_server,
    hang,
    hang_up,
    kubeconfig,
    raw,
    refused,
    stream,
    until_left,
)

JOBS = "/apis/trainer.kubeflow.org/v1alpha1/namespaces/team/trainjobs"
READ = Request("GET", f"{JOBS}/mnist")
WRITE = Request("POST", JOBS, body={"kind": "TrainJob"})
GOOD = answer({"kind": "TrainJob"})


def connect(server: FaultServer, folder: Path) -> Cluster:
    return Cluster.connect(config_file=kubeconfig(folder, server.url))


def outcome(folder: Path, request: Request, *script: Reply) -> tuple[object, int]:
    """Return what a request ends with, and how often it was sent."""
    with fault_server(*script) as server:
        try:
            result: object = connect(server, folder).send(request)
        except ClusterError as error:
            result = error
        return result, len(server.seen)


# -- sent again, or not ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", [READ, WRITE], ids=["read", "write"])
@pytest.mark.parametrize("headers", [{}, {"Retry_After": "0"}], ids=["plain", "retry-after"])
def test_a_busy_server_is_asked_again(tmp_path: Path, request_: Request, headers: dict[str, str]) -> None:
    busy = refused(429, "TooManyRequests", "too many requests, please try again later", **headers)
    assert outcome(tmp_path, request_, busy, busy, GOOD) == ({"kind": "TrainJob"}, 3)


def test_a_server_is_not_asked_before_the_time_that_it_names(tmp_path: Path) -> None:
    began = time.monotonic()
    result, sent = outcome(tmp_path, WRITE, refused(429, "TooManyRequests", Retry_After="1"), GOOD)
    assert (result, sent) == ({"kind": "TrainJob"}, 2)
    assert time.monotonic() - began >= 1


def test_a_wait_that_is_longer_than_the_time_left_is_not_begun(tmp_path: Path) -> None:
    began = time.monotonic()
    result, sent = outcome(tmp_path, READ, refused(429, "TooManyRequests", "busy", Retry_After="3600"))
    assert isinstance(result, TooManyRequests)
    assert result.retry_after == 3600
    assert sent == 1
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_read_survives_a_failing_server(tmp_path: Path, status: int) -> None:
    assert outcome(tmp_path, READ, refused(status), GOOD)[1] == 2


def test_a_write_that_failed_on_the_server_is_repeated_only_where_the_server_or_the_caller_says_so(
    tmp_path: Path,
) -> None:
    result, sent = outcome(tmp_path, WRITE, refused(500, "InternalError", "etcd is gone"), GOOD)
    assert isinstance(result, ServerFault)
    assert "etcd is gone" in str(result)
    assert sent == 1
    assert outcome(tmp_path, WRITE, refused(503, Retry_After="0"), GOOD)[1] == 2
    repeatable = Request("POST", JOBS, body={}, repeatable=True)
    assert outcome(tmp_path, repeatable, refused(500), hang_up, GOOD) == ({"kind": "TrainJob"}, 3)


@pytest.mark.parametrize("fault", [hang_up, cut_body], ids=["no-answer", "half-an-answer"])
def test_a_connection_that_breaks_is_repeated_for_reads_alone(tmp_path: Path, fault: Reply) -> None:
    assert outcome(tmp_path, READ, fault, GOOD) == ({"kind": "TrainJob"}, 2)
    result, sent = outcome(tmp_path, WRITE, fault, GOOD)
    assert isinstance(result, Unreachable)
    assert "Whether the server has done it is unknown" in str(result)
    assert sent == 1


def test_a_write_waits_for_a_server_that_is_just_starting(tmp_path: Path) -> None:
    servers: list[FaultServer] = []

    class Starting(logging.Handler):
        """Starts the server when the first attempt has failed, and is over before the next."""

        def emit(self, record: logging.LogRecord) -> None:
            if "attempt 1 failed" in record.getMessage():
                servers.append(stack.enter_context(fault_server(port=port.number)))

    with ReservedPort() as port, ExitStack() as stack, logged_to(Starting()):
        cluster = Cluster.connect(config_file=kubeconfig(tmp_path, f"http://127.0.0.1:{port.number}"))
        assert cluster.send(WRITE) == {"kind": "Thing"}
        (server,) = servers
        assert len(server.seen) == 1


@contextmanager
def logged_to(handler: logging.Handler) -> Iterator[None]:
    """Have a handler told of what the transport logs, in the thread that logs it."""
    logger = logging.getLogger("kubeflow.cluster")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


# -- in time --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [hang, dripping], ids=["silent", "dripping"])
def test_a_deadline_holds_however_the_server_wastes_it(tmp_path: Path, fault: Reply) -> None:
    with fault_server(fault) as server:
        began = time.monotonic()
        with pytest.raises(Unreachable, match=r"within 2\.5 s") as caught:
            connect(server, tmp_path).send(Request("GET", "/version", timeout=2.5))
        assert time.monotonic() - began < 30  # both waste a minute
        assert server.url in str(caught.value)
        assert len(server.seen) == 1


def test_a_server_that_is_not_there_is_named_with_the_cause_and_where_the_address_is_from(tmp_path: Path) -> None:
    with ReservedPort() as port, pytest.raises(Unreachable) as caught:
        url = f"http://127.0.0.1:{port.number}"
        path = kubeconfig(tmp_path, url)
        Cluster.connect(config_file=path).send(READ)
    for part in (url, "the server refuses connections", "context 'here'", path, "get trainjobs"):
        assert part in str(caught.value)


# -- answers that are none ------------------------------------------------------------------------------------------


def test_a_login_page_is_no_answer(tmp_path: Path) -> None:
    page = raw(200, b"<html><body>Please log in</body></html>", "text/html")
    result, sent = outcome(tmp_path, READ, page)
    assert isinstance(result, ApiError)
    assert "proxy or a login page" in str(result)
    assert "Please log in" in str(result)
    assert sent == 1


def test_a_redirect_is_reported_and_not_followed(tmp_path: Path) -> None:
    result, sent = outcome(tmp_path, READ, raw(302, b"", Location="https://sso.example/login"))
    assert isinstance(result, ApiError)
    assert "https://sso.example/login" in str(result)
    assert sent == 1


def test_the_page_of_a_gateway_is_a_fault_of_the_server(tmp_path: Path) -> None:
    page = b"<html>\n<h1>Bad Gateway</h1>\n</html>"
    later = raw(502, page, "text/html", Retry_After="3600")
    result, sent = outcome(tmp_path, READ, raw(502, page, "text/html"), later)
    assert isinstance(result, ServerFault)
    assert "Bad Gateway" in str(result)
    assert sent == 2


# -- refusals -------------------------------------------------------------------------------------------------------


def refusal(folder: Path, request: Request, reply: Reply) -> Any:
    result, sent = outcome(folder, request, reply)
    assert sent == 1
    return result


def test_each_refusal_has_its_type_the_words_of_the_server_and_a_remedy(tmp_path: Path) -> None:
    named = {"name": "mnist", "kind": "trainjobs"}
    for request, reply, kind, part in (
        (READ, refused(404, "NotFound", 'trainjobs "mnist" not found', named), NotFound, "Check the name"),
        (WRITE, refused(409, "AlreadyExists", '"mnist" already exists', named), AlreadyExists, "another name"),
        (WRITE, refused(409, "Conflict", "object has been modified", named), Conflict, "read it again"),
        (READ, refused(410, "Expired", "too old resource version"), Gone, "list again"),
        (READ, refused(418, "", "short and stout"), ApiError, "418"),
        (
            WRITE,
            refused(404, "NotFound", 'namespaces "team" not found', {"name": "team", "kind": "namespaces"}),
            NotFound,
            "kubectl create namespace team",
        ),
        (
            WRITE,
            refused(403, "Forbidden", '"mnist" is forbidden: exceeded quota: gpus, used: 8, limited: 8', named),
            Forbidden,
            "quota raised",
        ),
    ):
        error = refusal(tmp_path, request, reply)
        assert type(error) is kind, error
        assert error.server_message in str(error)
        assert part in str(error)


def test_a_missing_right_names_verb_resource_and_namespace(tmp_path: Path) -> None:
    said = 'trainjobs.trainer.kubeflow.org is forbidden: User "ann" cannot create resource "trainjobs"'
    error = refusal(tmp_path, WRITE, refused(403, "Forbidden", said))
    assert isinstance(error, Forbidden)
    assert "the right to create trainjobs in namespace 'team'" in str(error)
    assert "kubectl auth can-i create trainjobs.trainer.kubeflow.org -n team" in str(error)
    listing = refusal(tmp_path, Request("GET", "/api/v1/pods", {"watch": "true"}), refused(403, "Forbidden", said))
    assert "the right to watch pods" in str(listing)
    logs = Request("GET", "/api/v1/namespaces/team/pods/a/log")
    assert "the right to get pods/log in namespace 'team'" in str(refusal(tmp_path, logs, refused(403, "Forbidden")))


@pytest.mark.parametrize("code", [400, 403, 422])
def test_a_webhook_speaks_for_itself(tmp_path: Path, code: int) -> None:
    said = 'admission webhook "validator.trainjob.trainer.kubeflow.org" denied the request: spec.trainer: numNodes > 1'
    error = refusal(tmp_path, WRITE, refused(code, "Invalid", said))
    assert type(error) is (Forbidden if code == 403 else Invalid)
    assert "webhook 'validator.trainjob.trainer.kubeflow.org'" in str(error)
    assert "spec.trainer: numNodes > 1" in str(error)
    assert "right" not in str(error)


def test_an_invalid_object_lists_its_fields(tmp_path: Path) -> None:
    causes = [{"reason": "FieldValueInvalid", "message": "must be at least 1", "field": "spec.trainer.numNodes"}]
    error = refusal(tmp_path, WRITE, refused(422, "Invalid", "TrainJob is invalid", {"causes": causes}))
    assert error.causes == (Cause("spec.trainer.numNodes", "must be at least 1"),)
    assert "spec.trainer.numNodes: must be at least 1" in str(error)
    strict = refused(400, "BadRequest", 'strict decoding error: unknown field "spec.nodes", unknown field "spec.x"')
    error = refusal(tmp_path, WRITE, strict)
    assert [cause.field for cause in error.causes] == ["spec.nodes", "spec.x"]


def test_a_kind_that_is_not_installed_is_no_object_that_is_missing(tmp_path: Path) -> None:
    for reply in (raw(404, b"404 page not found\n", "text/plain"), refused(404, "NotFound", "could not find it")):
        error = refusal(tmp_path, READ, reply)
        assert type(error) is ControlPlaneMissing
        assert "Kubeflow Trainer is not installed" in str(error)


# -- streams --------------------------------------------------------------------------------------------------------


def test_lines_come_whole_as_they_are_and_the_last_one_needs_no_end(tmp_path: Path) -> None:
    with fault_server(stream(b"one\r\ntw", b"o\n\nthr", "\u00e9e\xff".encode("latin-1"))) as server:
        lines = connect(server, tmp_path).lines(Request("GET", "/log"))
        assert list(lines) == [b"one\r", b"two", b"", b"thr\xe9e\xff"]


def test_a_line_that_is_cut_off_is_not_yielded(tmp_path: Path) -> None:
    with fault_server(stream(b"one\ntwo\nthr", cut=True)) as server:
        lines = connect(server, tmp_path).lines(Request("GET", "/log"))
        assert [next(lines), next(lines)] == [b"one", b"two"]
        with pytest.raises(StreamBroken, match="get /log"):
            next(lines)


def test_a_silent_stream_is_held_for_broken_after_its_timeout(tmp_path: Path) -> None:
    with fault_server(stream(b"one\n", stay=True)) as server:
        lines = connect(server, tmp_path).lines(Request("GET", "/log", timeout=2.5))
        assert next(lines) == b"one"
        with pytest.raises(StreamBroken, match="in time"):
            next(lines)


def test_closing_the_lines_closes_the_connection(tmp_path: Path) -> None:
    left = threading.Event()
    with fault_server(until_left(left)) as server:
        lines = connect(server, tmp_path).lines(Request("GET", "/log"))
        assert next(lines) == b"0"
        lines.close()
        assert left.wait(20)


def test_a_stream_that_cannot_begin_is_tried_again_and_then_refused(tmp_path: Path) -> None:
    with fault_server(refused(503), stream(b"one\n"), refused(410, "Expired", "too old")) as server:
        cluster = connect(server, tmp_path)
        assert list(cluster.lines(Request("GET", "/log"))) == [b"one"]
        with pytest.raises(Gone):
            next(cluster.lines(Request("GET", "/log")))
        assert len(server.seen) == 3


# -- what is sent ---------------------------------------------------------------------------------------------------


def test_a_request_says_who_asks_and_for_what(tmp_path: Path) -> None:
    with fault_server() as server:
        cluster = connect(server, tmp_path)
        query = {"labelSelector": "a=b,c!=d", "fieldManager": "ä"}
        cluster.send(Request("PATCH", "/x", query, {"name": "ü"}, "application/merge-patch+json", "application/x"))
        list(cluster.lines(READ))
    sent, streamed = server.seen
    assert sent.path == "/x?labelSelector=a%3Db%2Cc%21%3Dd&fieldManager=%C3%A4"
    assert sent.body == '{"name":"ü"}'.encode()
    assert sent.headers["User-Agent"] == f"kubeflow-sdk/{kubeflow.__version__}"
    assert sent.headers["Authorization"] == "Bearer sesame"
    assert sent.headers["Content-Type"] == "application/merge-patch+json"
    assert sent.headers["Accept"] == "application/x"
    assert sent.headers["Accept-Encoding"] == "gzip"
    assert streamed.headers["Accept-Encoding"] == "identity"
    assert sent.peer == streamed.peer, "one connection serves both"


def test_large_answers_come_compressed(tmp_path: Path) -> None:
    body = {"items": [{"name": f"job-{number}", "spec": "x" * 500} for number in range(2000)]}
    packed = gzip.compress(json.dumps(body).encode())
    with fault_server(raw(200, packed, Content_Encoding="gzip")) as server:
        assert connect(server, tmp_path).send(READ) == body


def test_a_call_that_is_not_answered_at_once_says_so_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def told(*replies: Reply) -> tuple[list[str], float]:
        caplog.clear()
        with fault_server(*replies) as server:
            began = time.monotonic()
            connect(server, tmp_path).send(READ)
            took = time.monotonic() - began
        own = [record for record in caplog.records if record.thread == threading.get_ident()]
        return [record.getMessage() for record in own if record.levelname == "WARNING"], took

    soon, took = told(refused(500), GOOD)
    assert soon == [] or took > 1
    (line,), _ = told(*[refused(500)] * 6, GOOD)
    assert line.startswith("still trying, for up to 2")
    assert "get trainjobs.trainer.kubeflow.org 'mnist'" in line
    assert "HTTP 500" in line


@pytest.mark.parametrize("reply", [refused(500), refused(429), hang_up], ids=["500", "429", "broken"])
def test_what_a_caller_sends_again_itself_is_sent_once(tmp_path: Path, reply: Reply) -> None:
    once = replace(READ, once=True)
    with fault_server(reply, GOOD, reply, stream(b"line")) as server:
        cluster = connect(server, tmp_path)
        with pytest.raises(ClusterError):
            cluster.send(once)
        cluster.send(once)
        with pytest.raises(ClusterError):
            next(cluster.lines(once))
        assert len(server.seen) == 3


def test_debug_logs_say_what_was_asked_and_no_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with fault_server(refused(503), GOOD) as server:
        cluster = connect(server, tmp_path)
        cluster.send(READ)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("kubeflow.")]
    assert any(f"GET {JOBS}/mnist: 503 in " in line for line in ours)
    assert any(f"GET {JOBS}/mnist: 200 in " in line for line in ours)
    assert "sesame" not in caplog.text + repr(cluster)


def test_threads_share_a_cluster(tmp_path: Path) -> None:
    with fault_server() as server:
        cluster = connect(server, tmp_path)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: cluster.send(READ), range(100)))
        assert answers == [{"kind": "Thing"}] * 100
        assert len({seen.peer for seen in server.seen}) <= 8


def test_clusters_do_not_mix(tmp_path: Path) -> None:
    with fault_server() as one, fault_server() as other:
        one.otherwise, other.otherwise = answer({"me": 1}), answer({"me": 2})
        clusters = []
        for number, server in enumerate((one, other)):
            folder = tmp_path / str(number)
            folder.mkdir()
            config = kubeconfig(folder, server.url, {"token": f"token-{number}"})
            clusters.append(Cluster.connect(config_file=config))
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda number: clusters[number % 2].send(READ)["me"], range(40)))
    assert found == [1, 2] * 20
    assert {seen.headers["Authorization"] for seen in one.seen} == {"Bearer token-0"}
    assert {seen.headers["Authorization"] for seen in other.seen} == {"Bearer token-1"}


def test_credentials_that_cannot_be_renewed_are_refused_at_once(tmp_path: Path) -> None:
    error = refusal(tmp_path, READ, refused(401, "Unauthorized", "Unauthorized"))
    assert isinstance(error, Unauthorized)
    assert "context 'here'" in str(error)
    assert "log in to the cluster again" in str(error)


def test_an_attempt_that_is_cut_short_by_the_end_of_time_does_not_hide_the_reason(tmp_path: Path) -> None:
    with fault_server(refused(503, message="the quota of etcd is used up"), hang) as server:
        with pytest.raises(ApiError, match="the quota of etcd is used up"):
            connect(server, tmp_path).send(replace(READ, timeout=3))
        assert len(server.seen) == 2
