"""Events as the API server keeps them, about a pod or any other object, with the times that their writers fill in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from kubeflow.cluster import wire
from kubeflow.cluster.wire import Json


@dataclass(frozen=True, slots=True)
class Happening:
    """One event as the cluster keeps it.

    Attributes:
        kind: Kind of the object that it is about.
        name: Its name.
        uid: Its uid; may be empty.
        reason: In one CamelCase word.
        message: In words.
        warning: True when it is a warning.
        count: How often it happened.
        first: When it happened first.
        last: When it happened last.
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


def read_event(item: Json) -> Happening:
    """Read an event of core/v1 or events.k8s.io/v1, with any of the times that those who write events fill in."""
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
    )
