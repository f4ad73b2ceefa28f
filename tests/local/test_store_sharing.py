"""One state directory by several paths, from several containers, from several machines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import JobPlan, NodePlan
from kubeflow.local.job.process_identity import ProcessIdentity, this_process
from kubeflow.local.job.records import JobRecord
from kubeflow.local.store.retention import prune
from kubeflow.local.store.store import Store
from tests.local.conftest import Desk

LOOK = """
import sys
from pathlib import Path
from kubeflow.local.store.store import Store
store = Store(Path(sys.argv[1]))
print(*(job.name for job in store.all()))
store.database.close()
"""


def seen_by_another_process(state: Path) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", LOOK, str(state)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.split()


def add(store: Store, name: str) -> None:
    store.add(JobPlan(name, ((NodePlan("node-0", ("true",)),),), "/"), Path("/jobs", name), this_process())


def test_two_ways_to_one_store_in_a_process_lose_no_job(tmp_path: Path) -> None:
    state = tmp_path / "state"
    store = Store(state)
    add(store, "first")
    (tmp_path / "link").symlink_to(state)
    same = Store(tmp_path / "link")

    assert [job.name for job in same.all()] == ["first"]
    assert seen_by_another_process(state) == ["first"]  # which closes the store as if it were the last to have it
    add(store, "second")
    add(same, "third")

    assert seen_by_another_process(state) == ["first", "second", "third"]


def test_the_store_is_for_its_users_eyes_only(tmp_path: Path) -> None:
    store = Store(tmp_path)
    add(store, "job")

    files = list(tmp_path.glob("jobs.db*"))
    assert len(files) == 3  # the store, the log of its writes, and the index of that
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_cleaning_up_spares_the_jobs_that_were_made_by_another_path(desk: Desk, tmp_path: Path) -> None:
    running = desk.submit("sleep 60")
    long_ago = time.time() - 86400
    os.utime(running.directory, (long_ago, long_ago))
    (tmp_path / "link").symlink_to(desk.state)

    prune(Store(tmp_path / "link"), keep_days=30, keep_jobs=1000)

    assert running.directory.exists()


def elsewhere(**where: str) -> ProcessIdentity:
    return replace(this_process(), pid=2**22 + 1, **where)


BESIDE = f"{this_process().boot.partition(' ')[0]} pid:[1]"


@pytest.mark.skipif(sys.platform != "linux", reason="tells containers by their namespaces")
@pytest.mark.parametrize(
    ("supervisor", "silence", "phase", "reason"),
    [
        (elsewhere(boot=BESIDE), 20, "Running", ""),
        (elsewhere(boot=BESIDE), 60, "Failed", "the machine (or its container) was started anew meanwhile"),
        (elsewhere(boot="an-earlier-one pid:[1]"), 0, "Failed", "the machine (or its container) was started anew"),
        (elsewhere(host="other", boot="x"), 60, "Running", ""),
        (elsewhere(host="other", boot="x"), 200, "Failed", "its supervisor (process 4194305) was killed"),
    ],
    ids=["beside", "beside, silent", "before a reboot", "another machine", "another machine, silent"],
)
def test_a_supervisor_that_cannot_be_seen_lives_while_it_gives_signs_of_life(
    desk: Desk, supervisor: ProcessIdentity, silence: float, phase: str, reason: str
) -> None:
    store = desk.jobs.store
    record = desk.submit("true", suspend=True)
    with store.database.writing() as db:
        db.execute("UPDATE jobs SET phase = 'Running', settled = 0, supervisor = ?", (supervisor.to_text(),))
    beat(record, silence)
    if not supervisor.local:  # its silence has to last while somebody listens
        assert desk.get().phase == "Running"
        listen(record, silence)

    found = desk.get()

    assert found.phase == phase
    assert found.reason.startswith(reason)
    store.forget(record.id)


def beat(record: JobRecord, ago: float) -> None:
    """Give a sign of life of the supervisor, so many seconds ago by the clock of this machine."""
    log = Places(record.directory).supervisor_log
    log.touch()
    os.utime(log, (time.time() - ago, time.time() - ago))


def listen(record: JobRecord, seconds: float) -> None:
    """Let so much time pass since the heartbeat was first found old, by a clock that nobody sets."""
    for note in record.directory.glob("silence-*.json"):
        heartbeat, since = json.loads(note.read_text())
        note.write_text(json.dumps([heartbeat, since - seconds]))


@pytest.mark.parametrize("jump", [1000, -1000])
def test_a_clock_that_is_set_makes_no_supervisor_of_another_machine_dead(desk: Desk, jump: int) -> None:
    record = desk.submit("true", suspend=True)
    with desk.jobs.store.database.writing() as db:
        db.execute(
            "UPDATE jobs SET phase = 'Running', settled = 0, supervisor = ?",
            (elsewhere(host="other", boot="x").to_text(),),
        )
    for since_the_jump in (0, 130, 260):
        beat(record, jump - since_the_jump)
        assert desk.get().phase == "Running"
        listen(record, 130)

    assert desk.get().phase == "Failed"
    desk.jobs.store.forget(record.id)


def test_a_submitter_that_cannot_be_seen_has_time_to_start_a_supervisor(desk: Desk) -> None:
    record = desk.submit("true", suspend=True)
    with desk.jobs.store.database.writing() as db:
        db.execute(
            "UPDATE jobs SET phase = 'Created', settled = 0, submitter = ?",
            (elsewhere(host="other", boot="x").to_text(),),
        )

    assert desk.get().phase == "Created"
    desk.jobs.store.forget(record.id)
