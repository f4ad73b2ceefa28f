"""Which lines of a job's logs a user asks for: what is understood, and what is refused before anything is read."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta, timezone

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.trainer import TrainerClient
from kubeflow.trainer.jobs.log_selection import LogSelection, log_selection


def selected(
    container: object = None, after: object = None, tail_lines: object = None, since: object = None
) -> LogSelection:
    return log_selection("node-0", container=container, after=after, tail_lines=tail_lines, since=since)  # type: ignore[arg-type]


def test_nothing_asked_for_is_all_of_the_main_container() -> None:
    assert selected() == LogSelection("node-0")


def test_a_time_may_be_of_any_zone_or_ago() -> None:
    moment = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=9)))
    assert selected(since=moment).since == datetime(2026, 1, 1, 3, tzinfo=UTC)
    ago = selected(since=timedelta(minutes=5)).since
    assert ago is not None
    assert abs(datetime.now(UTC) - timedelta(minutes=5) - ago) < timedelta(seconds=5)
    assert selected(since=timedelta(0)).since is not None


@pytest.mark.parametrize("since", [timedelta.max, datetime.min.replace(tzinfo=timezone(timedelta(hours=9)))])
def test_a_time_before_all_times_is_the_first(since: object) -> None:
    assert selected(since=since).since == datetime.min.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"container": ""}, "container= is the name of a container"),
        ({"container": 3}, "container= is the name of a container"),
        ({"tail_lines": -1}, "at least 0"),
        ({"tail_lines": 1.5}, "tail_lines= is a number of lines"),
        ({"tail_lines": True}, "tail_lines= is a number of lines"),
        ({"tail_lines": "10"}, "tail_lines= is a number of lines"),
        (
            {"since": datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)},
            r"names no offset from UTC: write .*astimezone\(\)",
        ),
        ({"since": timedelta(seconds=-1)}, "not negative"),
        ({"since": 300}, r"since=timedelta\(minutes=5\)"),
        ({"since": "5m"}, r"since=timedelta\(minutes=5\)"),
        ({"after": "p", "tail_lines": 1}, "after= and tail_lines= both say where to begin"),
        ({"after": "p", "since": timedelta(1)}, "after= and since= both say where to begin"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_does(asked: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        selected(**asked)


def test_the_call_of_the_published_package_is_still_one() -> None:
    parameters = inspect.signature(TrainerClient.get_job_logs).parameters
    by_place = [name for name, one in parameters.items() if one.kind is one.POSITIONAL_OR_KEYWORD]
    assert by_place == ["self", "name", "step", "follow"]  # of 0.5.0
    assert (parameters["step"].default, parameters["follow"].default) == ("node-0", False)
    assert {one.default for one in parameters.values() if one.kind is one.KEYWORD_ONLY} == {None}
