"""Watches go on through everything that ends a stream, lose nothing, repeat nothing, and end in time."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.trainer.v1alpha1 import Client, RuntimeRef, TrainJob, TrainJobs, TrainJobSpec

from kubeflow.cluster import Cluster, Forbidden, StreamBroken, Unreachable
from kubeflow.core.resource import WatchEvent
from kubeflow.core.transport import Request
from tests.apiserver import MISSING, REASON, Recorded, apiserver
from tests.cluster.transport_faults import Reply, answer, fault_server, hang, kubeconfig, refused, stream


def job(name: str, **labels: str) -> TrainJob:
    return TrainJob(
        metadata=ObjectMeta(name=name, labels=labels), spec=TrainJobSpec(runtime_ref=RuntimeRef(name="torch"))
    )


def told(event: WatchEvent[TrainJob]) -> tuple[str, str]:
    assert event.object.metadata is not None
    return event.type, str(event.object.metadata.name)


# -- against a real server ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    if MISSING:
        pytest.skip(REASON)
    with apiserver(tmp_path_factory.mktemp("apiserver"), flags=["--watch-cache=false"]) as started:
        yield started


@pytest.fixture
def group(server: Recorded) -> Iterator[str]:
    """Return the value of a label for the jobs of one test, which are deleted after it."""
    own = f"g{uuid.uuid4().hex[:8]}"
    yield own
    client = Client(server).train_jobs
    for found in list(client.list(label_selector=f"group={own}")):
        assert found.metadata is not None
        client.delete(str(found.metadata.name))


class Breaking:
    """A transport whose first stream breaks after `count` lines; `meanwhile` happens before anybody can ask again."""

    def __init__(self, transport: Recorded, count: int, meanwhile: Callable[[], object]) -> None:
        self.transport = transport
        self.count = count
        self.meanwhile = meanwhile
        self.streams = 0

    def send(self, request: Request) -> Mapping[str, Any]:
        return self.transport.send(request)

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        self.streams += 1
        with closing(self.transport.lines(request)) as lines:
            if self.streams > 1:
                yield from lines
                return
            for _ in range(self.count):
                yield next(lines)
        self.meanwhile()
        raise StreamBroken("cut by the test")


def test_what_is_there_comes_first_and_then_what_happens(server: Recorded, group: str) -> None:
    jobs = Client(server).train_jobs
    jobs.create(job(f"{group}-a", group=group))
    events = jobs.watch(label_selector=f"group={group}", timeout=60)
    assert told(next(events)) == ("ADDED", f"{group}-a")
    jobs.create(job(f"{group}-b", group=group))
    assert told(next(events)) == ("ADDED", f"{group}-b")
    jobs.patch(f"{group}-a", {"spec": {"suspend": True}})
    changed = next(events)
    assert told(changed) == ("MODIFIED", f"{group}-a")
    assert changed.object.spec is not None
    assert changed.object.spec.suspend is True
    jobs.delete(f"{group}-b")
    assert told(next(events)) == ("DELETED", f"{group}-b")
    events.close()


def test_a_watch_from_a_version_tells_only_what_came_after(server: Recorded, group: str) -> None:
    jobs = Client(server).train_jobs
    first = jobs.create(job(f"{group}-a", group=group))
    assert first.metadata is not None
    jobs.create(job(f"{group}-b", group=group))
    server.requests.clear()
    version = first.metadata.resource_version
    with closing(jobs.watch(label_selector=f"group={group}", resource_version=version, timeout=60)) as events:
        assert told(next(events)) == ("ADDED", f"{group}-b")
    assert [request.query.get("watch") for request in server.requests] == ["true"]


def test_a_version_that_the_server_has_forgotten_leads_to_a_list(server: Recorded, group: str) -> None:
    jobs = Client(server).train_jobs
    first = jobs.create(job(f"{group}-a", group=group))
    assert first.metadata is not None
    for name in ("b", "c"):
        jobs.create(job(f"{group}-{name}", group=group))
    server.debug("compact")
    version = first.metadata.resource_version
    with closing(jobs.watch(label_selector=f"group={group}", resource_version=version, timeout=60)) as events:
        found = [told(next(events)) for _ in range(3)]
    assert sorted(found) == [("ADDED", f"{group}-{name}") for name in "abc"]


def test_a_quiet_watch_ends_at_its_timeout_and_asks_twice(server: Recorded, group: str) -> None:
    server.requests.clear()
    began = time.monotonic()
    assert list(Client(server).train_jobs.watch(label_selector=f"group={group}", timeout=3)) == []
    assert 2.9 < time.monotonic() - began < 15
    assert len(server.requests) == 2


def test_a_broken_stream_is_taken_up_where_it_was(server: Recorded, group: str) -> None:
    jobs = Client(server).train_jobs
    made = [f"{group}-{number}" for number in range(6)]

    def create(names: list[str]) -> None:
        for name in names:
            jobs.create(job(name, group=group))

    breaking = Breaking(server, 2, lambda: create(made[4:]))
    with closing(Client(breaking).train_jobs.watch(label_selector=f"group={group}", timeout=60)) as events:
        create(made[:1])
        seen = [told(next(events))]
        create(made[1:4])
        seen += [told(next(events)) for _ in range(5)]
    assert seen == [("ADDED", name) for name in made]
    assert breaking.streams == 2


def test_what_happened_while_the_server_forgot_is_found_by_listing_again(server: Recorded, group: str) -> None:
    jobs = Client(server).train_jobs
    gone, kept, changed, again = (f"{group}-{part}" for part in ("gone", "kept", "changed", "again"))
    for name in (gone, kept, changed, again):
        jobs.create(job(name, group=group, state="before"))

    def meanwhile() -> None:
        jobs.delete(gone)
        jobs.delete(again)
        jobs.create(job(again, group=group, state="after"))
        jobs.patch(changed, {"spec": {"suspend": True}})
        jobs.create(job(f"{group}-new", group=group))
        server.debug("compact")

    breaking = Breaking(server, 0, meanwhile)
    with closing(Client(breaking).train_jobs.watch(label_selector=f"group={group}", timeout=60)) as events:
        first = [told(next(events)) for _ in range(4)]
        then = [next(events) for _ in range(5)]
    assert sorted(first) == sorted(("ADDED", name) for name in (gone, kept, changed, again))
    assert sorted(map(told, then)) == sorted([
        ("DELETED", gone), ("DELETED", again), ("ADDED", again), ("MODIFIED", changed), ("ADDED", f"{group}-new"),
    ])  # fmt: skip
    last = next(event.object for event in then if told(event) == ("DELETED", gone))
    assert last.metadata is not None
    assert last.metadata.labels is not None
    assert last.metadata.labels["state"] == "before"


def test_a_listing_whose_pages_expired_goes_on_without_repeating(server: Recorded, group: str) -> None:
    jobs = Client(server, namespace=f"pages-{group}").train_jobs
    server.send(Request("POST", "/api/v1/namespaces", body={"metadata": {"name": f"pages-{group}"}}))
    names = [f"job-{number:04}" for number in range(505)]
    for name in names:
        jobs.create(job(name))
    server.requests.clear()
    listing = jobs.list()
    found = [next(listing)]
    jobs.delete("job-0501")
    server.debug("compact")
    found += listing
    assert [str(entry.metadata and entry.metadata.name) for entry in found] == [n for n in names if n != "job-0501"]
    assert [request.method for request in server.requests].count("GET") == 3, "two pages, and one that had expired"


# -- against a server that misbehaves -------------------------------------------------------------------------------


def thing(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "team", "uid": f"uid-{name}", "resourceVersion": str(version)}}


def listing(version: int, *items: dict[str, Any]) -> Reply:
    return answer({"kind": "TrainJobList", "metadata": {"resourceVersion": str(version)}, "items": list(items)})


def line(kind: str, body: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": body}).encode() + b"\n"


def watched(folder: Path, *script: Reply, count: int, timeout: float = 60) -> tuple[list[tuple[str, str]], list[str]]:
    """Return what a watch tells first, and the paths that it asked for."""
    with fault_server(*script) as server:
        server.otherwise = hang
        jobs = TrainJobs(Cluster.connect(config_file=kubeconfig(folder, server.url)), "team")
        with closing(jobs.watch(timeout=timeout)) as events:
            found = [told(event) for _, event in zip(range(count), events, strict=False)]
        return found, [seen.path.partition("?")[2] for seen in server.seen]


def test_a_bookmark_is_where_the_watch_goes_on(tmp_path: Path) -> None:
    events, asked = watched(
        tmp_path,
        listing(5, thing("a", 3)),
        stream(line("BOOKMARK", thing("", 40)), cut=True),
        stream(line("MODIFIED", thing("a", 41))),
        count=2,
    )
    assert events == [("ADDED", "a"), ("MODIFIED", "a")]
    assert ["resourceVersion=5" in asked[1], "resourceVersion=40" in asked[2]] == [True, True]
    assert "allowWatchBookmarks=true" in asked[1]


def test_half_a_line_is_no_event(tmp_path: Path) -> None:
    whole = line("ADDED", thing("b", 7))
    events, asked = watched(
        tmp_path, listing(5), stream(line("ADDED", thing("a", 6)), whole[:20], cut=True), stream(whole), count=2
    )
    assert events == [("ADDED", "a"), ("ADDED", "b")]
    assert "resourceVersion=6" in asked[2]


@pytest.mark.parametrize(
    "error",
    [
        {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"},
        {"kind": "Status", "code": 429, "reason": "TooManyRequests", "message": "storage is (re)initializing"},
        {"kind": "Status", "code": 500, "reason": "InternalError", "message": "etcdserver: no leader"},
    ],
    ids=["expired", "initializing", "internal"],
)
def test_an_error_in_the_stream_leads_to_a_new_list(tmp_path: Path, error: dict[str, Any]) -> None:
    events, asked = watched(
        tmp_path,
        listing(5, thing("a", 3)),
        stream(line("ERROR", error)),
        listing(9, thing("a", 3), thing("b", 8)),
        stream(line("ADDED", thing("c", 10))),
        count=3,
    )
    assert events == [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "c")]
    assert "resourceVersion=9" in asked[3]


def test_a_failing_server_and_a_page_of_a_proxy_are_survived(tmp_path: Path) -> None:
    events, _ = watched(
        tmp_path,
        listing(5, thing("a", 3)),
        refused(503, Retry_After="0"),
        stream(b"<html>\n"),
        stream(),
        stream(line("DELETED", thing("a", 6))),
        count=2,
    )
    assert events == [("ADDED", "a"), ("DELETED", "a")]


def test_a_version_that_is_refused_before_anything_worked_leads_to_a_list(tmp_path: Path) -> None:
    script = refused(410, "Expired", "too old"), listing(9, thing("a", 3))
    with fault_server(*script) as server:
        server.otherwise = hang
        jobs = TrainJobs(Cluster.connect(config_file=kubeconfig(tmp_path, server.url)), "team")
        with closing(jobs.watch(resource_version="2", timeout=60)) as events:
            assert told(next(events)) == ("ADDED", "a")


def test_a_right_that_is_taken_away_ends_the_watch(tmp_path: Path) -> None:
    with pytest.raises(Forbidden, match="the right to watch trainjobs in namespace 'team'"):
        watched(tmp_path, listing(5), refused(403, "Forbidden", "no"), count=1)


def test_a_watch_ends_in_time_when_the_server_says_nothing(tmp_path: Path) -> None:
    began = time.monotonic()
    events, asked = watched(tmp_path, listing(5, thing("a", 3)), hang, count=9, timeout=3)
    assert events == [("ADDED", "a")]
    assert len(asked) >= 2
    with pytest.raises(Unreachable):
        watched(tmp_path, hang, count=1, timeout=1)
    assert time.monotonic() - began < 15


def test_a_watch_ends_in_time_when_the_server_never_stops(tmp_path: Path) -> None:
    def flood(handler: Any) -> None:
        handler.head(200, Content_Type="application/json", Transfer_Encoding="chunked")
        for version in range(10, 10_000):
            if handler.server.stopping.wait(0.01):
                return
            handler.chunk(line("MODIFIED", thing("a", version)))

    began = time.monotonic()
    events, _ = watched(tmp_path, listing(5, thing("a", 3)), flood, count=1_000_000, timeout=3)
    assert time.monotonic() - began < 15
    assert len(events) > 5


def test_a_watch_that_never_worked_says_so_at_once(tmp_path: Path) -> None:
    with pytest.raises(Forbidden):
        watched(tmp_path, refused(403, "Forbidden", "no"), count=1)


def test_closing_a_watch_closes_its_connection(tmp_path: Path) -> None:
    left = threading.Event()

    def follow(handler: Any) -> None:
        handler.head(200, Content_Type="application/json", Transfer_Encoding="chunked")
        try:
            for version in range(10, 3000):
                handler.chunk(line("MODIFIED", thing("a", version)))
                time.sleep(0.01)
        except OSError:
            left.set()
            raise

    with fault_server(listing(5), follow) as server:
        jobs = TrainJobs(Cluster.connect(config_file=kubeconfig(tmp_path, server.url)), "team")
        events = jobs.watch()
        next(events)
        events.close()
        assert left.wait(20)
