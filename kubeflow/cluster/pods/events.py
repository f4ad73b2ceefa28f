"""Kubernetes events (core/v1 and events.k8s.io/v1), about a pod or any other object, as they are read from JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from kubeflow.cluster import wire
from kubeflow.cluster.wire import Json


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of a namespace.

    Attributes:
        kind: Kind of the object that the event is about.
        name: Name of that object.
        uid: Uid of that object; may be empty.
        reason: The event's reason, one CamelCase word.
        message: The event's message.
        warning: True when the event's type is `Warning`.
        count: How often it happened.
        first: When it happened first.
        last: When it happened last.
        created: When the API server stored it, by its own clock, in whole seconds; `None` when unknown.
    """

    kind: str
    name: str
    uid: str
    reason: str
    message: str
    warning: bool
    count: int
    first: datetime
    last: datetime
    created: datetime | None = None


def read_event(item: Json) -> Happening:
    """Read an event of core/v1 or events.k8s.io/v1. Writers fill in different times: any of them counts."""
    about = wire.mapping(item, "involvedObject") or wire.mapping(item, "regarding")
    created = wire.time(item, "metadata", "creationTimestamp")
    firsts = [
        wire.time(item, "firstTimestamp"),
        wire.time(item, "deprecatedFirstTimestamp"),
        wire.time(item, "eventTime"),
    ]
    lasts = [
        wire.time(item, "series", "lastObservedTime"),
        wire.time(item, "lastTimestamp"),
        wire.time(item, "deprecatedLastTimestamp"),
    ]
    last = next((time for time in lasts if time), None)
    first = next((time for time in (*firsts, created, last) if time), datetime.fromtimestamp(0, UTC))
    counts = [wire.integer(item, *path) for path in (("series", "count"), ("count",), ("deprecatedCount",))]
    return Happening(
        kind=wire.text(about, "kind"),
        name=wire.text(about, "name"),
        uid=wire.text(about, "uid"),
        reason=wire.text(item, "reason"),
        message=(wire.text(item, "message") or wire.text(item, "note")).strip(),
        warning=wire.text(item, "type") == "Warning",
        count=max((count for count in counts if count), default=1),
        first=first,
        last=max(last or first, first),
        created=created,
    )
