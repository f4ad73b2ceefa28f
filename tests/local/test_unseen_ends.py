"""A supervisor that is killed before it could say how its job ended: the ranks' own words say it, where they can."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kubeflow.local.executors.processes import members
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import JobPlan, NodePlan
from kubeflow.local.job.records import JobRecord
from kubeflow.local.logs.ranks import watched
from tests.local.conftest import Desk, wait_for

AT_GO = "while [ ! -e go ]; do sleep 0.02; done; "

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs the death signal of a parent")


def ranks(*scripts: str, restarts: int = 0) -> Callable[[Places], JobPlan]:
    """Return what makes the plan of a job with one node of one rank for each script."""

    def node(places: Places, rank: int, text: str) -> NodePlan:
        name = f"node-{rank}"
        command = (*watched(str(places.node(name)), str(rank)), "/bin/sh", "-c", text)
        return NodePlan(name, command, dict(os.environ), ranks=(rank,), restarts=restarts)

    return lambda places: JobPlan(
        "job",
        (tuple(node(places, rank, text) for rank, text in enumerate(scripts)),),
        str(places.directory),
        grace=0.5,
    )


class Unseen:
    """A job whose supervisor sees nothing of its end."""

    def __init__(self, desk: Desk, *scripts: str, restarts: int = 0) -> None:
        self._desk = desk
        desk.jobs.submit("job", ranks(*scripts, restarts=restarts))
        self.record = desk.running()
        assert self.record.supervisor is not None
        self._supervisor = self.record.supervisor
        os.kill(self._supervisor.pid, signal.SIGSTOP)

    def word(self, rank: int) -> Path:
        return self.record.directory / f"node-{rank}" / f"rank-{rank}.exit"

    def go(self, *expected: int) -> None:
        """Let the ranks go on, and wait for the word of some of them."""
        (self.record.directory / "go").touch()
        wait_for(lambda: all(self.word(rank).exists() and self.word(rank).read_text() for rank in expected))

    def kill(self) -> None:
        """Kill the supervisor."""
        if self._supervisor.alive():
            os.kill(self._supervisor.pid, signal.SIGKILL)
            wait_for(lambda: not self._supervisor.alive())

    def end(self) -> JobRecord:
        """Kill the supervisor and return the job as the next client sees it."""
        self.kill()
        record = self._desk.get()
        assert record.settled
        assert members(record.mark) == []
        return record


def test_a_job_whose_ranks_all_ended_well_is_complete(desk: Desk) -> None:
    job = Unseen(desk, AT_GO, AT_GO)
    job.go(0, 1)

    record = job.end()

    assert (record.phase, record.reason) == ("Complete", "")
    assert [node.phase for node in record.nodes] == ["Succeeded", "Succeeded"]
    assert [(rank.rank, rank.exit_code, rank.late) for rank in desk.jobs.ranks(record)] == [
        (0, 0, False),
        (1, 0, False),
    ]
    assert desk.reasons()[-2:] == ["SupervisorKilled", "Complete"]


def test_a_rank_that_failed_before_is_what_the_job_failed_of(desk: Desk) -> None:
    job = Unseen(desk, "sleep 60", AT_GO + "exit 3")
    job.go(1)

    record = job.end()

    assert (record.phase, record.reason) == ("Failed", "rank 1 (node-1) exited with code 3")
    assert record.failed_step == "node-1"
    assert (1, 3, False) in [(rank.rank, rank.code, rank.late) for rank in desk.jobs.ranks(record)]


def test_a_rank_that_ends_well_because_it_is_told_to_end_has_not_done_its_work(desk: Desk) -> None:
    job = Unseen(desk, "trap 'exit 0' TERM; while :; do sleep 0.02; done")

    assert_killed(job.end())


def test_a_rank_that_fails_when_its_peer_is_told_to_end_is_not_the_cause(desk: Desk) -> None:
    job = Unseen(desk, "touch up; exec sleep 60", AT_GO + "exit 3")
    pid = job.record.nodes[0].id
    assert pid is not None
    wait_for((job.record.directory / "up").exists)  # and so the shell around it listens
    os.killpg(int(pid), signal.SIGTERM)
    wait_for(lambda: job.word(0).exists() and job.word(0).read_text() == "143 told\n")
    job.go(1)

    assert_killed(job.end())


def test_a_rank_that_its_launcher_would_have_started_anew_is_not_the_cause(desk: Desk) -> None:
    job = Unseen(desk, AT_GO + "exit 3", restarts=1)
    job.go(0)

    assert_killed(job.end())


def test_a_rank_that_had_not_ended_leaves_the_job_to_its_supervisors_death(desk: Desk) -> None:
    job = Unseen(desk, AT_GO, "sleep 60")
    job.go(0)

    assert_killed(job.end())


def test_what_the_supervisor_saw_last_counts(desk: Desk) -> None:
    """It was killed between two writes: the end of a node, and what follows from that."""
    job = Unseen(desk, "sleep 60")
    job.kill()  # stopped, it might hold the store
    with desk.jobs.store.database.writing() as db:
        db.execute("UPDATE nodes SET phase = 'Failed', exit_code = 5")

    record = job.end()

    assert (record.phase, record.reason, record.failed_step) == ("Failed", "node-0 exited with code 5", "node-0")


def test_a_suspended_job_keeps_no_word_of_its_ranks(desk: Desk) -> None:
    """Else a job that is started anew might be taken to have ended."""
    desk.jobs.submit("job", ranks(AT_GO, "sleep 60"))
    record = desk.running()
    words = record.directory / "node-0" / "rank-0.exit"
    (record.directory / "go").touch()
    wait_for(words.exists)

    desk.jobs.suspend(record)

    assert not words.exists()
    assert desk.jobs.ranks(desk.get()) == []


def assert_killed(record: JobRecord) -> None:
    assert record.phase == "Failed"
    assert record.reason.startswith("its supervisor (process ")
    assert record.reason.endswith(" was killed")
    assert record.failed_step is None
