"""Times are aware datetimes that go back to the server as they came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow_api.k8s.meta.v1 import ObjectMeta


@pytest.mark.parametrize(
    "text", ["2025-01-31T12:00:00Z", "2025-01-31T12:00:00.000000Z", "2025-01-31T12:00:00.5+02:00", "2025-01-31t12:00:00z"]
)
def test_a_time_is_sent_back_as_it_came(text: str) -> None:
    metadata = ObjectMeta.from_server({"creationTimestamp": text})
    assert metadata.creation_timestamp is not None
    assert metadata.creation_timestamp.year == 2025
    assert metadata.to_dict() == {"creationTimestamp": text}


def test_a_datetime_is_sent_in_utc() -> None:
    moment = datetime(2025, 1, 31, 12, tzinfo=timezone(timedelta(hours=2)))
    assert ObjectMeta(deletion_timestamp=moment).to_dict() == {"deletionTimestamp": "2025-01-31T10:00:00Z"}


def test_times_compare_and_subtract() -> None:
    metadata = ObjectMeta.from_server({"creationTimestamp": "2025-01-31T12:00:00Z"})
    assert metadata.creation_timestamp == datetime(2025, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize("value", ["yesterday", "2025-01-31", "2025-01-31T12:00:00", 12, datetime(2025, 1, 31)])  # noqa: DTZ001
def test_a_time_without_offset_is_refused(value: object) -> None:
    with pytest.raises((InvalidInput, ValueError), match=r"RFC 3339|time zone|offset"):
        ObjectMeta.from_dict({"creationTimestamp": value})
