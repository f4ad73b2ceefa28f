"""Events as the parts of a cluster write them: old style with first and last times, new style with `eventTime` alone."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests.cluster.kubelet import now
from tests.cluster.wire import Wire

# Of those that write here, these use events.k8s.io, which leaves `firstTimestamp` empty.
NEW_STYLE = frozenset({"default-scheduler"})


def post_event(
    wire: Wire,
    about: Mapping[str, Any],
    source: str,
    reason: str,
    message: str,
    *,
    warning: bool = False,
    new_style: bool | None = None,
) -> None:
    """Write an event.

    Args:
        wire: The cluster.
        about: The object.
        source: What writes it, like `"kubelet"`.
        reason: One CamelCase word.
        message: In words.
        warning: Whether it is one.
        new_style: Whether only `eventTime` says when; default: what `source` does.
    """
    metadata = about["metadata"]
    namespace = metadata["namespace"]
    event: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata['name']}.{uuid.uuid4().hex[:16]}", "namespace": namespace},
        "involvedObject": {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "name": metadata["name"],
            "namespace": namespace,
            "uid": metadata["uid"],
        },
        "reason": reason,
        "message": message[:1024],
        "type": "Warning" if warning else "Normal",
    }
    if (source in NEW_STYLE) if new_style is None else new_style:
        event |= {
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingComponent": source,
            "reportingInstance": f"{source}-0",
            "action": reason,
            "firstTimestamp": None,
            "lastTimestamp": None,
        }
    else:
        event |= {"firstTimestamp": now(), "lastTimestamp": now(), "count": 1, "source": {"component": source}}
    wire.send("POST", f"/api/v1/namespaces/{namespace}/events", event)
