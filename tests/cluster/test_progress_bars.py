"""A progress bar in the log of a container: seen while it grows, and once when it has ended, whatever breaks."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Mapping, Sequence

from kubeflow.cluster.errors import NotFound, StreamBroken
from kubeflow.cluster.line_splitter import LineSplitter
from kubeflow.cluster.pods.container_log import ContainerLog
from kubeflow.cluster.pods.log_requests import LogPace, PodLogs
from kubeflow.cluster.pods.pod import Container, Pod
from kubeflow.core.log_text import standing
from kubeflow.core.transport import Request

POD = Pod("pod", "uid", "Running", (Container("node", state="Running"),), "node")
PADDING = b" " * 4096  # so that each state of a bar is told
BROKEN = None


def stamped(number: int, text: bytes = b"") -> bytes:
    return b"2026-11-29T10:00:%02d.000000000Z " % number + text


class Kubelet:
    """Answers each request for the log with the next list of pieces; `BROKEN` breaks the connection."""

    def __init__(self, *answers: Sequence[bytes | None], previous: Sequence[bytes] | None = None) -> None:
        self._answers = itertools.chain(answers, itertools.repeat(()))
        self._previous = previous

    def send(self, request: Request) -> Mapping[str, object]:
        raise AssertionError(request)

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        pieces: Sequence[bytes | None]
        if request.query.get("previous"):
            if self._previous is None:
                raise NotFound("previous terminated container not found", code=404, reason="NotFound")
            pieces = self._previous
        else:
            pieces = next(self._answers)
        splitter = LineSplitter(unfinished=request.unfinished)
        for piece in pieces:
            if piece is BROKEN:
                raise StreamBroken("broken")
            yield from splitter.lines(piece)
        if splitter.rest():
            yield splitter.rest()


def followed(kubelet: Kubelet, times: int = 1) -> list[bytes]:
    """Follow the log, again after each break, and return what is yielded."""
    log = ContainerLog(PodLogs(kubelet, "team", LogPace()))
    found: list[bytes] = []
    for _ in range(times):
        try:
            for line in log.go_on(POD):
                found.append(standing(line).strip())
        except StreamBroken:
            continue
    return found


def bar(percent: int) -> bytes:
    return b"\r%d%%" % percent + PADDING


def test_what_a_container_says_first_may_be_a_bar() -> None:
    kubelet = Kubelet([stamped(1) + bar(10), b"\r100%" + PADDING + b"\n" + stamped(2, b"done\n")])
    assert followed(kubelet) == [b"10%", b"100%", b"done"]


def test_the_end_of_a_bar_comes_once() -> None:
    kubelet = Kubelet([stamped(1) + bar(100), b"\n" + stamped(2) + b"\r100%\n"])
    assert followed(kubelet) == [b"100%", b"100%"]  # two bars


def test_what_an_earlier_life_said_comes_before_a_bar() -> None:
    kubelet = Kubelet([stamped(5) + bar(10)], previous=[stamped(1, b"one\n"), stamped(2, b"two\n")])
    assert followed(kubelet)[:3] == [b"one", b"two", b"10%"]


def test_a_life_that_became_the_earlier_one_meanwhile_is_not_told_twice() -> None:
    whole = stamped(5) + b"\r10%" + PADDING + b"\r100%\n"
    kubelet = Kubelet([stamped(5) + bar(10), b"\r100%\n"], previous=[whole])
    assert followed(kubelet) == [b"10%", b"100%"]


def test_a_bar_goes_on_after_a_break() -> None:
    first, second = stamped(1, b"one\n"), stamped(2)
    kubelet = Kubelet(
        [first, second + bar(10), BROKEN],
        [first, second + b"\r10%" + bar(20), BROKEN],
        [first, second + b"\r10%" + bar(20) + b"\r30%\n", stamped(3, b"end\n")],
    )
    assert followed(kubelet, 3) == [b"one", b"10%", b"20%", b"30%", b"end"]


def test_what_is_there_now_has_the_end_of_each_line_alone() -> None:
    log = ContainerLog(PodLogs(Kubelet([stamped(1) + bar(10), bar(20)]), "team", LogPace()))
    (line,) = log.now(POD)
    assert standing(line).strip() == b"20%"
