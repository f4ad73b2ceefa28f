"""Following a collection: what a server may say, what may come instead, and when it is asked again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from itertools import islice
from typing import Any

import pytest

from kubeflow.core.reflector import JsonWatchEvent, Listing, News, Reflector, Trouble, WatchPace, lasting
from kubeflow.core.transport import Interruption, Refusal, Request

QUICK = WatchPace(retry=0.01, longest_retry=0.05)


class Refused(Refusal):
    def __init__(self, code: int, continue_token: str = "") -> None:
        self.code, self.reason, self.continue_token = code, "", continue_token
        super().__init__(f"HTTP {code}")


class Broken(Interruption):
    pass


class Script:
    """A transport that answers by a script: lists and streams each with their next answer, the last one for ever."""

    def __init__(self, lists: Iterable[Any], streams: Iterable[Any]) -> None:
        self.lists, self.streams = list(lists), list(streams)
        self.requests: list[Request] = []

    def send(self, request: Request) -> Mapping[str, object]:
        self.requests.append(request)
        answer = self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        self.requests.append(request)
        answer = self.streams.pop(0) if len(self.streams) > 1 else self.streams[0]
        for piece in answer:
            if isinstance(piece, Exception):
                raise piece
            if callable(piece):
                piece()
            else:
                yield piece

    @property
    def versions(self) -> list[str]:
        """Where the streams went on from, and `list` for each list."""
        return [str(request.query.get("resourceVersion", "list")) for request in self.requests]


def thing(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": str(version)}}


def page(version: int, *items: object, more: str = "") -> dict[str, Any]:
    return {"metadata": {"resourceVersion": str(version), "continue": more}, "items": list(items)}


def line(kind: object, body: object) -> bytes:
    return json.dumps({"type": kind, "object": body}).encode()


def told(news: News) -> str:
    match news:
        case Listing():
            return "list"
        case JsonWatchEvent():
            return f"{news.type} {news.object['metadata']['name']}"  # type: ignore[index]
        case Trouble():
            return "trouble"


def first(script: Script, count: int, pace: WatchPace = QUICK, timeout: float = 3600) -> list[News]:
    """Return the first pieces of news, which must come soon."""
    return list(islice(Reflector(script, "/things", {}, pace=pace, timeout=timeout).news(), count))


@pytest.mark.parametrize(
    "odd",
    [
        b"<html>",
        b"\xff\xfe",
        b"3",
        b"[]",
        b"null",
        b'{"type": "ADDED"}',
        line("ADDED", 3),
        line(None, {}),
        line({}, {}),
    ],
    ids=repr,
)
def test_what_is_no_event_breaks_a_stream_and_loses_nothing(odd: bytes) -> None:
    script = Script([page(5)], [[line("ADDED", thing("a", 6)), odd], [line("ADDED", thing("b", 7))]])
    assert [told(news) for news in first(script, 4)] == ["list", "ADDED a", "trouble", "ADDED b"]
    assert script.versions == ["list", "5", "6"]


def test_empty_lines_and_events_of_a_kind_that_nobody_knows_are_let_go() -> None:
    unknown = line("RENAMED", thing("a", 6))
    script = Script([page(5)], [[b"", b" ", unknown, line("ADDED", thing("b", 7))]])
    assert [told(news) for news in first(script, 2)] == ["list", "ADDED b"]


@pytest.mark.parametrize("code", [410, "410"])
def test_a_stream_that_says_that_it_is_too_old_is_no_trouble(code: object) -> None:
    script = Script([page(5), page(9)], [[line("ERROR", {"code": code})], [line("ADDED", thing("a", 10))]])
    assert [told(news) for news in first(script, 3)] == ["list", "list", "ADDED a"]
    assert script.versions == ["list", "5", "list", "9"]


def test_any_other_error_in_a_stream_is_trouble_and_leads_to_a_list() -> None:
    script = Script([page(5), page(9)], [[line("ERROR", {"code": 429, "message": "initializing"})], []])
    news = first(script, 3)
    assert [told(each) for each in news] == ["list", "trouble", "list"]
    assert isinstance(news[1], Trouble)
    assert "initializing" in str(news[1].error)


def test_a_list_that_is_refused_for_its_age_is_asked_for_again() -> None:
    script = Script([Refused(410), page(5)], [[line("ADDED", thing("a", 6))]])
    assert [told(news) for news in first(script, 3)] == ["trouble", "list", "ADDED a"]


def test_what_is_odd_in_a_list_is_left_out() -> None:
    odd = {"metadata": {"resourceVersion": "5"}, "items": [None, 3, thing("a", 4), {"metadata": 3}, {}]}
    listing = first(Script([odd], [[]]), 1)[0]
    assert isinstance(listing, Listing)
    assert listing.objects == [thing("a", 4), {"metadata": 3}, {}]
    for nothing in ({}, {"items": None}, {"items": "x", "metadata": []}):
        assert first(Script([nothing], [[]]), 1) == [Listing([], "")]


def test_a_watch_goes_on_from_the_first_of_several_pages() -> None:
    expired = Refused(410, "in the present")
    pages = [page(5, thing("a", 3), more="next"), expired, page(8, thing("b", 7))]
    script = Script(pages, [[line("MODIFIED", thing("a", 6))]])
    listing, event = first(script, 2)
    assert isinstance(listing, Listing)
    assert [len(listing.objects), told(event)] == [2, "MODIFIED a"]
    assert [request.query.get("continue") for request in script.requests[:3]] == [None, "next", "in the present"]
    assert script.versions[-1] == "5"


def test_trouble_says_how_long_nothing_has_worked() -> None:
    script = Script([Broken("no route"), page(5)], [[Broken("cut")]])
    never, _, lately = first(script, 3)
    assert isinstance(never, Trouble)
    assert isinstance(lately, Trouble)
    assert never.idle == float("inf")
    assert 0 <= lately.idle < 30


def test_streams_that_end_at_once_are_not_asked_for_in_a_circle_though_each_brings_something() -> None:
    script = Script([page(5)], [[line("ADDED", thing("a", version))] for version in range(6, 1000)])
    began = time.monotonic()
    news = first(script, 6, WatchPace(retry=0.05, longest_retry=60))
    assert [told(each) for each in news] == ["list", *["ADDED a"] * 5]
    assert time.monotonic() - began >= 0.025 + 0.05 + 0.1 + 0.2  # the shortest pauses that chance may give


def test_a_server_that_sends_no_bookmarks_is_asked_to_end_its_streams_before_its_silence_means_death() -> None:
    def silence() -> None:
        time.sleep(0.1)

    dead = [silence, Broken("the answer did not come in time")]
    pace = WatchPace(watch=660, silence=0.1, patience=30, retry=0.01, longest_retry=0.05)
    script = Script([page(5)], [dead, [line("ADDED", thing("a", 6))]])
    assert [told(news) for news in first(script, 2, pace)] == ["list", "ADDED a"]
    streams = [request for request in script.requests if "watch" in request.query]
    assert [request.timeout for request in streams[:2]] == [0.1, 30]
    assert int(streams[0].query["timeoutSeconds"]) >= 660
    assert int(streams[1].query["timeoutSeconds"]) < 30
    assert script.versions == ["list", "5", "5"]


def test_silence_that_lasts_is_trouble_and_shows_whether_the_server_lives() -> None:
    def silence() -> None:
        time.sleep(0.1)

    dead = [silence, Broken("the answer did not come in time")]
    pace = WatchPace(silence=0.1, patience=0.1, retry=0.01, longest_retry=0.05)
    assert [told(news) for news in first(Script([page(5)], [dead]), 3, pace)] == ["list", "trouble", "list"]


def test_a_stream_that_dies_though_bookmarks_came_shows_whether_the_server_lives() -> None:
    def silence() -> None:
        time.sleep(0.1)

    dead = [line("BOOKMARK", thing("", 7)), silence, Broken("the answer did not come in time")]
    pace = WatchPace(silence=0.1, patience=30, retry=0.01, longest_retry=0.05)
    script = Script([page(5), page(9)], [dead, []])
    assert [told(news) for news in first(script, 3, pace)] == ["list", "trouble", "list"]


def test_time_that_is_left_bounds_every_request() -> None:
    script = Script([page(5)], [[Broken("cut")]])
    first(script, 3, timeout=60)
    assert len(script.requests) == 3
    assert all(request.timeout is not None and request.timeout <= 60 for request in script.requests)
    assert all(int(request.query["timeoutSeconds"]) <= 60 for request in script.requests[1:])
    assert len(list(Reflector(script, "/things", {}, pace=QUICK, timeout=0.5).news())) < 100, "it ends"


class Silent(Generator[bytes, None, None]):
    """A stream on which nothing comes until it is closed, which any thread may do, as with those of a cluster."""

    def __init__(self) -> None:
        self.asked, self.closed = threading.Event(), threading.Event()

    def send(self, value: None, /) -> bytes:
        self.asked.set()
        self.closed.wait(60)
        raise Broken("closed")

    def throw(self, *_: Any) -> bytes:
        raise Broken("closed")

    def close(self) -> None:
        self.closed.set()


class OnlySilence:
    """A transport to a server on which nothing happens."""

    def __init__(self) -> None:
        self.stream = Silent()

    def send(self, request: Request) -> Mapping[str, object]:
        return page(5)

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        return self.stream


def ends(reflector: Reflector, when: Callable[[], object]) -> bool:
    """Return whether following ends soon when another thread closes it as soon as `when` returns."""
    thread = threading.Thread(target=lambda: list(reflector.news()), daemon=True)
    thread.start()
    when()
    reflector.close()
    thread.join(20)
    return not thread.is_alive()


def test_another_thread_can_end_it_while_nothing_comes() -> None:
    quiet = OnlySilence()
    assert ends(Reflector(quiet, "/things", {}), lambda: quiet.stream.asked.wait(20))


def test_another_thread_can_end_it_while_it_rests() -> None:
    asked = threading.Event()
    script = Script([page(5)], [[asked.set, Broken("cut")]])
    hours = WatchPace(retry=3600, longest_retry=3600)
    assert ends(Reflector(script, "/things", {}, pace=hours), lambda: asked.wait(20))


def test_what_is_ended_before_it_begins_asks_nothing() -> None:
    script = Script([page(5)], [[]])
    reflector = Reflector(script, "/things", {})
    reflector.close()
    assert list(reflector.news()) == []
    assert script.requests == []


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 413, 422, 501])
def test_some_refusals_last(code: int) -> None:
    assert lasting(Refused(code))
    with pytest.raises(Refused):
        first(Script([page(5)], [[Refused(code)]]), 2)


@pytest.mark.parametrize("code", [200, 302, 408, 409, 410, 429, 500, 502, 503, 504])
def test_others_pass(code: int) -> None:
    assert not lasting(Refused(code))
    script = Script([page(5)], [[Refused(code)], [line("ADDED", thing("a", 6))]])
    assert told(first(script, 4)[-1]).startswith("ADDED")
