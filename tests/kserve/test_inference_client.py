"""What a client of a model server does when that is not ready, breaks off, refuses, or is none."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from kubeflow.kserve import Endpoint, PredictionFailed
from kubeflow.kserve.inference.inference_client import infer, is_ready
from kubeflow.local.executors.ports import ReservedPort

ANSWER = {"model_name": "m", "outputs": [{"name": "output-0", "shape": [1], "datatype": "INT64", "data": [7]}]}


def answer(code: int, body: object, *more: str, kind: str = "application/json") -> bytes:
    text = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    head = [f"HTTP/1.1 {code} X", f"Content-Length: {len(text)}", f"Content-Type: {kind}", "Connection: close", *more]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + text


class ScriptedServer:
    """Gives the answers of a list, byte for byte, and keeps the requests for predictions. The last answer is repeated."""

    def __init__(self, answers: list[bytes | Callable[[], bytes]]) -> None:
        self.answers = answers
        self.requests: list[bytes] = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                request = self._read(connection)
                if request.startswith(b"GET"):
                    connection.sendall(answer(404, {"error": "no metadata"}))
                    continue
                if not request:
                    continue
                self.requests.append(request)
                told = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                connection.sendall(told if isinstance(told, bytes) else told())

    @staticmethod
    def _read(connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return data
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
        )
        while len(body) < length:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()


@contextmanager
def server(*answers: bytes | Callable[[], bytes]) -> Iterator[ScriptedServer]:
    made = ScriptedServer(list(answers))
    try:
        yield made
    finally:
        made.close()


def endpoint(url: str, **more: object) -> Endpoint:
    return Endpoint("iris", url, "m", **more)  # type: ignore[arg-type]


def test_a_request_has_an_id_and_the_headers_of_its_endpoint() -> None:
    with server(answer(200, ANSWER)) as made:
        found = infer(
            endpoint(made.url + "/", headers={"Host": "iris.example.com", "Authorization": "Bearer t"}), [[1]]
        )
    assert found[0] == 7
    head, _, body = made.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v2/models/m/infer ")
    assert b"Host: iris.example.com" in head
    assert b"Authorization: Bearer t" in head
    assert found.id == json.loads(body)["id"] != ""


@pytest.mark.parametrize("first", [answer(503, {"error": "loading"}), answer(502, "", "Retry-After: 0"), b""])
def test_what_is_not_ready_or_breaks_before_its_answer_is_asked_again(first: bytes) -> None:
    with server(first, first, answer(200, ANSWER)) as made:
        assert infer(endpoint(made.url), [1]).tolist() == [7]
        assert len(made.requests) == 3
        assert len({request.partition(b"\r\n\r\n")[2] for request in made.requests}) == 1  # one id


def test_an_answer_that_has_begun_is_not_asked_for_again() -> None:
    with server(answer(200, ANSWER)[:-5]) as made:
        with pytest.raises(PredictionFailed, match="broke off.*not sent again") as caught:
            infer(endpoint(made.url), [1])
        assert len(made.requests) == 1
    assert caught.value.code == 200


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (answer(400, {"error": "no such shape"}), r"HTTP 400\): no such shape"),
        (answer(404, {"detail": "Not Found"}), r"HTTP 404\): Not Found It was asked for model 'm' at http"),
        (answer(500, "Traceback", kind="text/plain"), r"HTTP 500\): Traceback Its log.*get_service_logs\('iris'\)"),
        (answer(403, "<html>no</html>", kind="text/html"), "a page and no answer of a model server"),
        (answer(200, {"hello": 1}), "the answer is not of protocol v2: it has no outputs"),
        (answer(200, "<html>login</html>", kind="text/html"), "the answer is not of protocol v2: it is no JSON"),
        (answer(302, "", "Location: /login"), r"HTTP 302\)"),
    ],
)
def test_an_error_has_the_servers_words_and_is_not_repeated(told: bytes, words: str) -> None:
    with server(told) as made:
        with pytest.raises(PredictionFailed, match=words):
            infer(endpoint(made.url), [1])
        assert len(made.requests) == 1


def test_patience_ends() -> None:
    with server(answer(503, {"error": "loading"})) as made:
        began = time.monotonic()
        with pytest.raises(
            PredictionFailed, match=r"loading \(asked \d+ time\(s\) in 3 s\).*wait_for_service_status"
        ) as caught:
            infer(endpoint(made.url), [1], timeout=3)
        assert time.monotonic() - began < 10
    assert caught.value.code == 503
    assert len(made.requests) > 1


def test_patience_ends_while_this_process_is_held_up() -> None:
    def held_up(_: FrameType, event: str, called: object) -> None:
        if event == "c_return" and called is time.sleep:
            time.sleep(4)

    with server(answer(503, {"error": "loading"})) as made:
        sys.setprofile(held_up)
        try:
            with pytest.raises(PredictionFailed, match=r"loading \(asked 1 time\(s\) in 4 s\)"):
                infer(endpoint(made.url), [1], timeout=4)
        finally:
            sys.setprofile(None)


def test_nobody_there_is_said_after_the_patience() -> None:
    with ReservedPort() as nobodys:
        url = f"http://127.0.0.1:{nobodys.number}"
        with pytest.raises(PredictionFailed, match="does not answer") as caught:
            infer(endpoint(url), [1], timeout=0.3)
        assert caught.value.code == 0
        assert not is_ready(endpoint(url))


def test_a_slow_answer_is_waited_for_and_not_asked_for_again() -> None:
    asked, given_up = threading.Event(), threading.Event()

    def late() -> bytes:
        asked.set()
        assert given_up.wait(60)
        return answer(200, ANSWER)

    with server(late) as made:
        with pytest.raises(PredictionFailed, match="has not answered within 0.2 s"):
            infer(endpoint(made.url), [1], timeout=0.2)
        assert asked.wait(60)
        given_up.set()
    assert len(made.requests) == 1


def test_protocol_v1_asks_for_predictions() -> None:
    with server(answer(200, {"predictions": [1]})) as made:
        assert infer(endpoint(made.url, protocol="v1"), [[1]]).tolist() == [1]
    assert made.requests[0].startswith(b"POST /v1/models/m:predict ")
