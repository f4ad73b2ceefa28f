"""Whatever is killed, and whenever: no job is lost or doubled, no process is left, and every status is true."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Thread

import pytest

from kubeflow.local.executors.processes import MARK
from kubeflow.local.job.places import Places
from kubeflow.local.job.process_identity import identify, this_process
from kubeflow.local.store.store import Store
from kubeflow.local.supervision.recovery import recover
from tests.local.campaign import FAULTS, ROOT, WAIT, Expected, Ground, Round, ground
from tests.local.campaign_client import job_plan

__all__ = ["ground"]

ROUNDS = int(os.environ.get("KUBEFLOW_FAULT_ROUNDS", "25"))
SEED = os.environ.get("KUBEFLOW_FAULT_SEED", "0")
SIDE_BY_SIDE = 6  # rounds: each has to bear what the others do to the store


@pytest.mark.skipif(sys.platform != "linux", reason="the witness reads /proc")
def test_whatever_is_killed_no_job_is_lost_or_doubled_and_every_status_is_true(ground: Ground) -> None:
    rounds = [
        Round(ground, f"r{number}", FAULTS[number % len(FAULTS)], random.Random(f"{SEED}/{number}"))
        for number in range(ROUNDS)
    ]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        failures = [error for error in pool.map(_failure, rounds) if error is not None]

    assert not failures, f"seed {SEED}: {len(failures)} of {ROUNDS} rounds failed\n" + "\n\n".join(failures)
    ground.close()


def test_fifty_jobs_of_ten_processes_at_once_all_run_once(ground: Ground) -> None:
    groups = [[Expected(f"p{process}-{i}", "quick", 1) for i in range(5)] for process in range(10)]

    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(ground.submitting(*jobs)) for jobs in groups]
        for client, jobs in zip(clients, groups, strict=True):
            assert client.said() == [f"submitted {job.name}\n" for job in jobs]

    everything = [job for jobs in groups for job in jobs]
    for job in everything:
        job.promised = True
        ground.judge(job)
    records = ground.jobs.all()
    assert sorted(record.name for record in records) == sorted(job.name for job in everything)
    assert {record.phase for record in records} == {"Complete"}
    assert len(ground.directories()) == 50
    ground.close()


HALF_WRITTEN = """
import sys, time
from pathlib import Path
from kubeflow.local.job.process_identity import this_process
from kubeflow.local.jobs import Jobs
from kubeflow.local.job.plan import JobPlan, NodePlan
jobs = Jobs(Path(sys.argv[1]))
with jobs.store.database.writing() as db:
    db.execute(
        "INSERT INTO jobs (name, directory, phase, created, submitter, labels, details) "
        "VALUES ('half', '/half', 'Created', 0, '', '{}', '{}')"
    )
    db.execute("DELETE FROM jobs WHERE name = 'whole'")
    print("in it", flush=True)
    time.sleep(300)
"""


def test_a_writer_killed_in_mid_write_leaves_no_trace_and_no_lock(ground: Ground) -> None:
    whole = Expected("whole", "quick", 1)
    ground.submit(whole)
    ground.judge(whole)
    command = [sys.executable, "-c", HALF_WRITTEN, str(ground.state)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "in it\n"
        assert [record.name for record in ground.jobs.all()] == ["whole"]  # reading waits for nobody

        writer.kill()

    after = Expected("half", "quick", 1)
    ground.submit(after)
    ground.judge(after)
    ground.judge(whole)
    ground.close()


def test_a_supervisor_that_begins_while_its_job_is_given_up_keeps_it(ground: Ground) -> None:
    """The client was killed just after it had started the supervisor, and another looks just then."""
    with subprocess.Popen(["true"]) as client:
        submitter = identify(client.pid) or replace(this_process(), pid=client.pid, started="")
    directory = ground.state / "jobs" / "job-1"
    directory.mkdir(parents=True)
    store = ground.jobs.store
    number = store.add(job_plan("job", ["true"], "")(Places(directory)), directory, submitter)
    seen = store.get(number)
    assert seen is not None
    other = Store(ground.state)
    with subprocess.Popen(["sleep", "300"], env={**os.environ, MARK: seen.mark}) as node:
        look = Thread(target=recover, args=(other, seen))
        with store.database.writing() as db:
            look.start()
            time.sleep(0.5)  # it waits to write, having found no supervisor
            db.execute("UPDATE jobs SET supervisor = ?", (this_process().to_text(),))
        look.join(WAIT)

        found, ended = store.get(number), node.poll()
        node.kill()
    store.forget(number)
    other.database.close()
    assert found is not None
    assert (found.phase, found.settled, ended) == ("Created", False, None)


def _failure(round: Round) -> str | None:  # noqa: A002 - there is no better word
    try:
        round.run()
    except AssertionError as error:
        return str(error)
    return None
