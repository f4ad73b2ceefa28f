"""Jobs of plain processes: how they start, end and are ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.local.job import JobState, LocalJob, NodePlan
from kubeflow.local.ports import LOOPBACK, ReservedPort
from kubeflow.local.processes import members
from kubeflow.local.state import new_job_dir, state_dir

NewJob = Callable[..., LocalJob]


@pytest.fixture
def new_job(tmp_path: Path) -> Iterator[NewJob]:
    made: list[LocalJob] = []

    def make(*scripts: str, grace: float = 0.3, deadline: float | None = None) -> LocalJob:
        directory = tmp_path / f"job-{len(made)}"
        directory.mkdir()
        plans = [NodePlan(("/bin/sh", "-c", script), dict(os.environ)) for script in scripts]
        job = LocalJob(directory.name, directory, plans, cwd=tmp_path, grace=grace, deadline=deadline)
        made.append(job)
        job.start()
        return job

    yield make
    for job in made:
        job.stop()


def finish(job: LocalJob, timeout: float = 10) -> JobState:
    deadline = time.monotonic() + timeout
    while not (state := job.state).finished:
        assert time.monotonic() < deadline, state
        job.next_state(state, deadline - time.monotonic())
    return state


def until(condition: Callable[[], bool], timeout: float = 5) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_all_nodes_succeed(new_job: NewJob) -> None:
    job = new_job("echo out; echo err >&2", "true")

    state = finish(job)

    assert state.phase == "Complete"
    assert [node.exit_code for node in state.nodes] == [0, 0]
    assert (job.node_dir(0) / "launcher.log").read_text() == "out\nerr\n"
    assert [event.reason for event in job.events] == [
        "Created",
        "Started",
        "Started",
        "Exited",
        "Exited",
        "Complete",
    ]


def test_one_failing_node_ends_the_others(new_job: NewJob) -> None:
    job = new_job("sleep 60", "exit 3")

    state = finish(job)

    assert (state.phase, state.failed_node, state.reason) == ("Failed", 1, "node-1 exited with code 3")
    assert [node.exit_code for node in state.nodes] == [-signal.SIGTERM, 3]
    assert members(str(job.directory)) == []


def test_a_killed_node_is_named_with_its_signal(new_job: NewJob) -> None:
    assert finish(new_job("kill -9 $$")).reason == "node-0 was killed by SIGKILL"


def test_nothing_survives_not_even_what_ignores_term_in_a_session_of_its_own(new_job: NewJob) -> None:
    stubborn = "import os, signal, time; os.setsid(); signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    job = new_job(f"{sys.executable} -c '{stubborn}' & exec sleep 60")
    mark = str(job.directory)
    until(lambda: any(os.getsid(p.pid) == p.pid and p.ppid() != os.getpid() for p in members(mark)))
    processes = members(mark)
    assert len(processes) == 2

    job.stop()

    assert members(mark) == []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            assert process.status() == psutil.STATUS_ZOMBIE  # waits for whoever adopted it
    assert job.state.phase == "Failed"


def test_the_orphans_of_a_killed_launcher_are_ended(new_job: NewJob) -> None:
    job = new_job("setsid sleep 60 & sleep 60")
    mark = str(job.directory)
    until(lambda: len(members(mark)) == 3)
    launcher = next(p for p in members(mark) if p.ppid() == os.getpid())

    launcher.kill()

    assert finish(job).reason == "node-0 was killed by SIGKILL"
    assert members(mark) == []


def test_term_gives_time_to_finish(new_job: NewJob, tmp_path: Path) -> None:
    job = new_job("trap 'sleep 0.2; echo saved > saved; exit 0' TERM; while :; do sleep 0.05; done", grace=5)
    time.sleep(0.2)

    job.stop()

    assert (tmp_path / "saved").read_text() == "saved\n"


def test_a_job_that_outlives_its_deadline_fails(new_job: NewJob) -> None:
    state = finish(new_job("sleep 60", deadline=0.2))

    assert (state.phase, state.reason) == ("Failed", "it was active for longer than 0.2 s")


def test_a_job_that_cannot_start_leaves_nothing(tmp_path: Path) -> None:
    plans = [NodePlan(("sleep", "60"), dict(os.environ)), NodePlan(("/no/such/program",), {})]
    job = LocalJob("job", tmp_path, plans, cwd=tmp_path)

    with pytest.raises(OSError, match="/no/such/program"):
        job.start()

    assert members(str(tmp_path)) == []


def test_removing_a_job_deletes_its_directory(new_job: NewJob) -> None:
    job = new_job("sleep 60")

    job.remove()

    assert not job.directory.exists()


def test_a_reserved_port_is_given_to_nobody_but_can_be_listened_on() -> None:
    with (
        ReservedPort() as first,
        ReservedPort() as second,
        socket.socket() as taker,
        socket.socket() as other,
    ):
        assert first.number != second.number
        with pytest.raises(OSError, match="in use"):
            other.bind((LOOPBACK, first.number))
        taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taker.bind((LOOPBACK, first.number))
        taker.listen()


def test_the_state_directory_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBEFLOW_STATE_DIR", str(tmp_path / "chosen"))
    assert state_dir() == tmp_path / "chosen"
    assert state_dir(tmp_path / "given") == tmp_path / "given"

    monkeypatch.delenv("KUBEFLOW_STATE_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    if sys.platform == "linux":
        assert state_dir() == tmp_path / "xdg" / "kubeflow"


def test_a_state_directory_that_cannot_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(InvalidInput, match="KUBEFLOW_STATE_DIR"):
        new_job_dir(tmp_path / "file", "job")


def test_job_directories_of_one_name_differ_and_are_private(tmp_path: Path) -> None:
    first, second = new_job_dir(tmp_path, "job"), new_job_dir(tmp_path, "job")

    assert first != second
    assert first.stat().st_mode & 0o777 == 0o700


EXITING = """
import os, sys
from pathlib import Path
from kubeflow.local.job import LocalJob, NodePlan
from kubeflow.local.registry import registry

directory = Path(sys.argv[1])
job = LocalJob("forgotten", directory, [NodePlan(("sleep", "60"), dict(os.environ))], cwd=directory)
jobs = registry(directory)
assert jobs is registry(directory) and jobs.claim("forgotten") and not jobs.claim("forgotten")
jobs.fill("forgotten", job)
job.start()
if os.fork() == 0:
    sys.exit()  # a fork's exit ends nothing
os.wait()
assert not job.state.finished
"""


def test_the_end_of_the_interpreter_ends_its_jobs_and_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", EXITING, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    assert "ending forgotten" in done.stderr
    assert members(str(tmp_path)) == []
