"""Supervisors by fork: as detached as those that begin as interpreters, whatever becomes of who forks them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from kubeflow.local.executors.processes import SUPERVISES
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import FilesPlan, JobPlan
from kubeflow.local.supervision.fork_server import CAN_FORK
from tests.local.conftest import WAIT, Desk, wait_for

forks = pytest.mark.skipif(not CAN_FORK, reason="there are no fork servers on this system")


def fork_servers(state: Path) -> list[psutil.Process]:
    """Return the processes that fork supervisors of a state directory: they have no directory of a job."""
    return [process for process in psutil.process_iter() if value_of(process, SUPERVISES) == str(state / "jobs")]


def own_fork_server(state: Path) -> psutil.Process:
    """Return the fork server that this process has started. Supervisors, its forks, may be ending."""
    (server,) = [process for process in fork_servers(state) if parent_of(process) == os.getpid()]
    return server


def parent_of(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.NoSuchProcess:
        return None


def value_of(process: psutil.Process, variable: str) -> str | None:
    try:
        return process.environ().get(variable) if process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, OSError):
        return None


@forks
def test_a_forked_supervisor_runs_a_job_that_outlives_its_fork_server(desk: Desk) -> None:
    with desk.jobs.forking():
        desk.submit("echo first", name="first")
        assert desk.finish("first").phase == "Complete"
        desk.submit("while [ ! -e go ]; do sleep 0.05; done", name="second")
        record = desk.running("second")
        server = own_fork_server(desk.state)
        assert record.supervisor is not None
        assert psutil.Process(record.supervisor.pid).ppid() not in (os.getpid(), server.pid)
        assert os.getsid(record.supervisor.pid) == record.supervisor.pid

    assert not server.is_running()
    assert desk.get("second").phase == "Running"
    (desk.cwd / "go").touch()
    assert desk.finish("second").phase == "Complete"
    assert Places(record.directory).supervisor_log.read_text() == ""
    assert desk.log("first") == "first\n"


@forks
def test_jobs_start_all_the_same_when_the_fork_server_is_killed_or_was_never_there(desk: Desk) -> None:
    with desk.jobs.forking():
        desk.submit("true", name="before")
        assert desk.finish("before").phase == "Complete"
        own_fork_server(desk.state).kill()
        desk.submit("true", name="after")
        assert desk.finish("after").phase == "Complete"
        desk.submit("true", name="last")
        assert desk.finish("last").phase == "Complete"


@forks
def test_a_killed_supervisor_that_was_forked_is_found_and_its_job_recovered(desk: Desk) -> None:
    with desk.jobs.forking():
        desk.submit("sleep 60")
        record = desk.running()
        assert record.supervisor is not None
        os.kill(record.supervisor.pid, signal.SIGKILL)
        ended = desk.finish()

    assert ended.phase == "Failed"
    assert "was killed" in ended.reason


OWNER = """
import sys, time
from pathlib import Path
from kubeflow.local.jobs import Jobs
with Jobs(Path(sys.argv[1])).forking():
    print("forking", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "forking\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@forks
def test_a_fork_server_ends_when_its_owner_is_killed(owner: subprocess.Popen[str], tmp_path: Path) -> None:
    wait_for(lambda: len(fork_servers(tmp_path)) == 1)

    owner.kill()

    wait_for(lambda: not fork_servers(tmp_path))


def test_the_files_of_a_plan_are_there_anew_each_time_the_node_starts(desk: Desk) -> None:
    folder = desk.cwd / "code"
    plan = desk.plan("job", f"cd {folder}; cat pkg/word; ls; touch left; sleep 60")

    def with_files(places: Places) -> JobPlan:
        made = plan(places)
        ((node,),) = made.stages
        files = FilesPlan(str(folder), {"pkg/word": "aGVsbG8K"})  # hello, and an end of line
        return replace(made, stages=((replace(node, files=files),),))

    desk.jobs.submit("job", with_files)
    wait_for((folder / "left").exists)
    desk.jobs.suspend(desk.get())
    desk.jobs.resume(desk.get())
    deadline = time.monotonic() + WAIT
    while desk.log() != "hello\npkg\nhello\npkg\n":
        assert time.monotonic() < deadline, desk.log()
        time.sleep(0.02)
    desk.jobs.delete(desk.get())
