"""What news change about what is known."""

from __future__ import annotations

from typing import Any

from kubeflow.core.known import Known
from kubeflow.core.reflector import EventType, JsonWatchEvent, Listing


def thing(name: str, version: int | None, uid: str = "") -> dict[str, Any]:
    metadata = {"name": name, "uid": uid or f"uid-{name}"}
    return {"metadata": metadata if version is None else {**metadata, "resourceVersion": str(version)}}


def told(events: list[JsonWatchEvent]) -> list[tuple[str, str]]:
    return [(event.type, event.object["metadata"]["name"]) for event in events]  # type: ignore[index]


def knowing(*things: dict[str, Any]) -> Known:
    known = Known()
    known.take(Listing(things, "1"))
    return known


def test_a_listing_tells_what_is_different_and_what_is_gone_first() -> None:
    known = knowing(thing("kept", 1), thing("changed", 2), thing("gone", 3), thing("other", 4, "first"))
    now = [thing("new", 9), thing("kept", 1), thing("changed", 8), thing("other", 7, "second")]
    events = known.take(Listing(now, "9"))
    assert told(events[:2]) == [("DELETED", "gone"), ("DELETED", "other")]
    assert told(events[2:]) == [("ADDED", "new"), ("MODIFIED", "changed"), ("ADDED", "other")]
    assert events[1].object == thing("other", 4, "first"), "what is gone is shown as it was"
    assert list(known.objects.values()) == now
    assert known.take(Listing(now, "10")) == []


def test_an_event_that_tells_what_is_known_is_none() -> None:
    known = knowing(thing("a", 3))
    for type_ in ("ADDED", "MODIFIED"):
        assert known.take(JsonWatchEvent(_type(type_), thing("a", 3))) == []
    assert told(known.take(JsonWatchEvent("MODIFIED", thing("a", 4)))) == [("MODIFIED", "a")]
    assert told(known.take(JsonWatchEvent("ADDED", thing("a", 4, "another")))) == [("ADDED", "a")]


def _type(text: str) -> EventType:
    return "ADDED" if text == "ADDED" else "MODIFIED"


def test_what_was_never_seen_may_change_and_go() -> None:
    known = Known()
    assert told(known.take(JsonWatchEvent("MODIFIED", thing("a", 4)))) == [("MODIFIED", "a")]
    assert told(known.take(JsonWatchEvent("DELETED", thing("b", 5)))) == [("DELETED", "b")]
    assert told(known.take(JsonWatchEvent("DELETED", thing("a", 6)))) == [("DELETED", "a")]
    assert known.objects == {}


def test_objects_without_versions_are_compared_whole() -> None:
    known = knowing(thing("a", None))
    assert known.take(Listing([thing("a", None)], "2")) == []
    assert told(known.take(Listing([{**thing("a", None), "spec": 1}], "3"))) == [("MODIFIED", "a")]
    assert told(known.take(JsonWatchEvent("MODIFIED", thing("a", None)))) == [("MODIFIED", "a")]


def test_objects_without_metadata_break_nothing() -> None:
    known = knowing({}, {"metadata": 3}, {"metadata": {"name": 3}})
    assert len(known.objects) == 1, "nobody can tell them apart"
    assert [event.type for event in known.take(Listing([], "2"))] == ["DELETED"]
