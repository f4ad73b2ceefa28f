"""A disk without room: a clear refusal with nothing half-started, and never a status that is not true."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kubeflow.core.errors import KubeflowError
from kubeflow.local.job.status_file import parse_progress
from tests.local.campaign import Expected, Ground, ground
from tests.local.conftest import wait_for

__all__ = ["ground"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes, tmpfs")


def phase(ground: Ground, job: Expected) -> str | None:
    record = ground.jobs.find(job.name)
    return None if record is None else record.phase


FULL = r"(?s).*(cannot be used now|could not start|cannot be written to|No space|File too large).*"


@pytest.mark.parametrize("room", [0, 3_000, 20_000, 60_000, 100_000, 140_000, 200_000])
def test_where_no_file_can_grow_a_job_is_refused_or_its_status_is_true(ground: Ground, room: int) -> None:
    job = Expected("job", "short", 2, failures=[FULL], full=True)

    with ground.submitting(job, room=room) as client:
        said = client.said(refused=True)

    if said:
        job.promised = True
    else:
        assert client.error.count("\n") == 1
        assert "Make room there." in client.error or "`df`" in client.error
        assert ground.jobs.find("job") is None
        assert ground.directories() == []
    ground.judge(job)
    again = Expected("again", "quick", 1)
    ground.submit(again)
    ground.judge(again)
    ground.close()


def test_a_job_whose_end_cannot_be_recorded_is_complete_all_the_same(ground: Ground) -> None:
    job = Expected("job", "held", 1, full=True)
    supervisor = ground.submit(job).supervisor
    assert supervisor is not None
    wait_for(lambda: phase(ground, job) == "Running")

    resource.prlimit(supervisor.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    ground.go()
    wait_for(lambda: not supervisor.alive())

    ground.judge(job)
    assert phase(ground, job) == "Complete"


def test_a_report_that_cannot_be_recorded_is_recorded_later_and_ends_no_job(ground: Ground) -> None:
    job = Expected("job", "held", 1, full=True)
    supervisor = ground.submit(job).supervisor
    assert supervisor is not None
    wait_for(lambda: phase(ground, job) == "Running")

    resource.prlimit(supervisor.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    ground.go()
    wait_for(lambda: ground.ends(job, 0) != [])
    resource.prlimit(supervisor.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    ground.judge(job)
    record = ground.jobs.find("job")
    assert record is not None
    assert (record.phase, parse_progress(record.status).percent) == ("Complete", 9)
    assert [event.reason for event in ground.jobs.events(record)][-2:] == ["Exited", "Complete"]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    directory = tmp_path / "small"
    directory.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(directory)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("needs the right to mount")
    yield directory
    subprocess.run(["umount", "--lazy", str(directory)], check=True)


def fill(directory: Path, room: int = 0) -> Callable[[], None]:
    """Leave so many bytes free; return what frees the others again."""
    filler = directory / "filler"
    free = os.statvfs(directory)
    with filler.open("wb") as file, contextlib.suppress(OSError):
        file.write(b"0" * (free.f_bavail * free.f_frsize - room))
    return filler.unlink


@pytest.mark.parametrize("room", [0, 4096, 16384, 49152])
def test_a_full_disk_refuses_a_job_or_its_status_is_true(small: Path, room: int) -> None:
    ground = Ground(small)
    first = Expected("first", "quick", 1)
    ground.submit(first)
    ground.judge(first)
    empty = fill(small, room)
    job = Expected("job", "quick", 1, failures=[FULL], full=True)

    with ground.submitting(job) as client:
        job.promised = client.said(refused=True) != []
    assert job.promised or "room" in client.error or "`df`" in client.error
    wait_for(lambda: not list(ground.supervisors()))
    empty()

    ground.judge(job)
    ground.judge(first)
    ground.close()
    ground.jobs.store.database.close()


def test_a_disk_that_fills_while_a_job_runs_costs_nobody_the_truth(small: Path, tmp_path: Path) -> None:
    ground = Ground(small)
    ground.witness = tmp_path / "witness"
    ground.witness.mkdir()
    jobs = [Expected("good", "held", 1, full=True), Expected("bad", "held-failing", 1, full=True)]
    supervisors = [ground.submit(job).supervisor for job in jobs]
    wait_for(lambda: all(phase(ground, job) == "Running" for job in jobs))

    empty = fill(small)
    ground.go()
    wait_for(lambda: not any(supervisor and supervisor.alive() for supervisor in supervisors))
    with contextlib.suppress(KubeflowError):  # it says so when it cannot write what it has found
        ground.jobs.all()
    empty()

    for job in jobs:
        ground.judge(job)
    assert [phase(ground, job) for job in jobs] == ["Complete", "Failed"]
    ground.close()
    ground.jobs.store.database.close()
