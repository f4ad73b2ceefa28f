"""The clock is set while jobs run: times of day are for people, and nothing is decided by them."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from tests.local.campaign import Expected, Ground, ground
from tests.local.conftest import wait_for

__all__ = ["ground"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the campaign's ground needs /proc")

YEAR = 365 * 86400
# What a supervisor loads before anything else: its clock shows what the file says on top of the real time.
_CLOCK = """
import time
_real = time.time
def _set():
    try:
        with open({path!r}) as file:
            return _real() + float(file.read())
    except (OSError, ValueError):
        return _real()
time.time = _set
"""


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file to write seconds into, by which the clock of all supervisors is wrong from then on."""
    directory = tmp_path / "clock"
    directory.mkdir()
    offset = tmp_path / "offset"
    (directory / "sitecustomize.py").write_text(_CLOCK.format(path=str(offset)))
    monkeypatch.setenv("CAMPAIGN_PYTHONPATH", str(directory))
    return offset


@pytest.mark.parametrize("jump", [-20 * YEAR, -3600, 3600, 20 * YEAR])
def test_a_clock_that_jumps_changes_no_status(ground: Ground, clock: Path, jump: int) -> None:
    good, bad = Expected("good", "held", 1), Expected("bad", "held-failing", 1)
    overdue = Expected("late", "overdue", 1)
    for job in (good, bad):
        ground.submit(job)
    wait_for(lambda: all(ground.starts(job, 0) for job in (good, bad)))

    clock.write_text(str(jump))

    ground.go()
    ground.submit(overdue)
    for job in (good, bad, overdue):
        ground.judge(job)
    record = ground.jobs.find("good")
    assert record is not None
    ended = [event.time.timestamp() for event in ground.jobs.events(record) if event.reason == "Complete"]
    assert abs(ended[0] - time.time() - jump) < 600  # the supervisor has seen it
    ground.close()


def test_a_deadline_runs_by_the_time_that_passes(ground: Ground, clock: Path) -> None:
    job = Expected("job", "held", 1)
    with ground.submitting(job, deadline=200) as client:
        client.said()
    wait_for(lambda: ground.starts(job, 0) != [])

    clock.write_text(str(YEAR))

    ground.go()
    ground.judge(job)
    record = ground.jobs.find("job")
    assert record is not None
    assert record.phase == "Complete"
