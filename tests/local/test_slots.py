"""How many jobs run at once: the rest wait in the order of their submission, whoever is killed, and no job starves."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.local.job.records import JobRecord
from kubeflow.local.store.slots import job_limit
from tests.local.conftest import Desk, wait_for

HOLD = "while ! test -e go; do sleep 0.05; done"
MARKED = "date +%s.%N >> $NAME.began; sleep 0.3; date +%s.%N >> $NAME.ended"


HELD = f"date +%s.%N >> $NAME.began; {HOLD}; sleep 0.3; date +%s.%N >> $NAME.ended"


def waits(record: JobRecord) -> bool:
    return record.phase == "Created" and "other job" in record.reason


def moment(desk: Desk, name: str, reason: str) -> float:
    return next(event.time.timestamp() for event in desk.jobs.events(desk.get(name)) if event.reason == reason)


def started(desk: Desk, name: str) -> float:
    return moment(desk, name, "Started")


def most_at_once(desk: Desk, names: list[str]) -> int:
    moments: list[tuple[float, int]] = []
    for name in names:
        moments.append((float((desk.cwd / f"{name}.began").read_text()), 1))
        moments.append((float((desk.cwd / f"{name}.ended").read_text()), -1))
    running = most = 0
    for _, change in sorted(moments):
        running += change
        most = max(most, running)
    return most


def test_the_rest_waits_says_so_and_starts_in_the_order_of_submission(desk: Desk) -> None:
    names = [f"job-{number}" for number in range(6)]
    for name in names:
        desk.submit(HELD.replace("$NAME", name), name=name, max_jobs=2)

    waiting = desk.until(waits, "job-5")
    assert re.fullmatch(r"waiting for 5 other jobs of this machine: at most 2 run at once", waiting.reason)
    assert desk.reasons("job-5") == ["Created", "WaitingForJobs"]
    wait_for(lambda: all((desk.cwd / f"{name}.began").exists() for name in names[:2]))
    (desk.cwd / "go").touch()
    for name in names:
        assert desk.finish(name).phase == "Complete"

    assert most_at_once(desk, names) == 2
    # The two that start side by side may do so in any order.
    ends = [moment(desk, name, "Complete") for name in names]
    assert all(sum(end > started(desk, name) for end in ends[:place]) <= 1 for place, name in enumerate(names))


def test_clients_in_other_processes_share_the_limit(desk: Desk) -> None:
    program = (
        "import sys; from pathlib import Path; sys.path.insert(0, {root!r}); from tests.local.conftest import Desk\n"
        "desk = Desk(Path({state!r}), Path({cwd!r}))\n"
        "for name in sys.argv[1:]: desk.submit({script!r}.replace('$NAME', name), name=name, max_jobs=2)\n"
    )
    root = str(Path(__file__).parents[2])
    text = program.format(root=root, state=str(desk.state), cwd=str(desk.cwd), script=MARKED)
    clients = [
        subprocess.Popen([sys.executable, "-c", text, *(f"{client}-{number}" for number in range(3))])
        for client in ("a", "b")
    ]
    assert [client.wait(60) for client in clients] == [0, 0]
    names = [record.name for record in desk.jobs.all()]
    assert len(names) == 6
    for name in names:
        assert desk.finish(name).phase == "Complete"

    assert most_at_once(desk, names) <= 2


def test_without_a_limit_all_run_and_count_for_those_with_one(desk: Desk) -> None:
    for name in ("a", "b", "c"):
        desk.submit(HOLD, name=name, max_jobs=0)
    for name in ("a", "b", "c"):
        desk.running(name)
    desk.submit("true", name="limited", max_jobs=3)
    desk.until(waits, "limited")
    desk.submit("true", name="larger", max_jobs=5)
    (desk.cwd / "go").touch()

    assert desk.finish("limited").phase == "Complete"
    assert desk.finish("larger").phase == "Complete"


def test_cpus_and_memory_that_are_asked_for_are_given_once(desk: Desk) -> None:
    everything = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    desk.submit(HOLD, name="all-cpus", max_jobs=9, cpus=everything)
    desk.running("all-cpus")
    desk.submit("true", name="one-cpu", max_jobs=9, cpus=1)
    desk.submit("true", name="asks-for-none", max_jobs=9)

    assert desk.finish("asks-for-none").phase == "Complete"
    assert "it asks for 1 CPU(s), and they have asked" in desk.until(waits, "one-cpu").reason
    desk.submit(HOLD, name="all-memory", max_jobs=9, memory=1 << 50)  # more than there is: all of it
    desk.running("all-memory")
    desk.submit("true", name="some-memory", max_jobs=9, memory=1 << 30)
    assert "it asks for 1,024 MiB of memory" in desk.until(waits, "some-memory").reason
    (desk.cwd / "go").touch()
    for name in ("one-cpu", "some-memory"):
        assert desk.finish(name).phase == "Complete"


def test_a_job_that_waits_for_gpus_takes_no_slot(desk: Desk) -> None:
    desk.submit(HOLD, name="holder", max_jobs=2, gpus=1, devices=("0",))
    desk.running("holder")
    desk.submit("true", name="needs-gpu", max_jobs=2, gpus=1, devices=("0",))
    desk.until(lambda record: "GPU" in record.reason, "needs-gpu")
    desk.submit("true", name="needs-none", max_jobs=2)

    assert desk.finish("needs-none").phase == "Complete"
    (desk.cwd / "go").touch()
    assert desk.finish("needs-gpu").phase == "Complete"


def held(desk: Desk) -> JobRecord:
    desk.submit(HOLD, name="holder", max_jobs=1)
    return desk.running("holder")


def test_a_waiting_job_can_be_deleted_suspended_and_resumed(desk: Desk) -> None:
    held(desk)
    for name in ("deleted", "suspended", "last"):
        desk.submit("true", name=name, max_jobs=1)
        desk.until(waits, name)

    assert desk.jobs.delete(desk.get("deleted"))
    assert desk.jobs.find("deleted") is None
    suspended = desk.jobs.suspend(desk.get("suspended"))
    assert suspended is not None
    assert suspended.phase == "Suspended"
    (desk.cwd / "go").touch()
    assert desk.finish("last").phase == "Complete"
    desk.jobs.resume(desk.get("suspended"))
    assert desk.finish("suspended").phase == "Complete"


def test_a_job_that_is_made_suspended_takes_no_place_in_the_queue(desk: Desk) -> None:
    desk.submit("true", name="asleep", max_jobs=1, suspend=True)
    desk.submit("true", name="awake", max_jobs=1)

    assert desk.finish("awake").phase == "Complete"
    desk.jobs.resume(desk.get("asleep"))
    assert desk.finish("asleep").phase == "Complete"


def ended(desk: Desk, name: str) -> bool:
    """Whether a job has ended, without looking after the others as a client would."""
    record = desk.jobs.store.find(name)
    return record is not None and record.finished


def test_the_slot_of_a_killed_supervisor_is_free_again_though_no_client_looks(desk: Desk) -> None:
    supervisor = held(desk).supervisor
    assert supervisor is not None
    desk.submit("true", name="next", max_jobs=1)
    desk.until(waits, "next")

    os.kill(supervisor.pid, signal.SIGKILL)

    wait_for(lambda: ended(desk, "next"))
    assert desk.get("next").phase == "Complete"
    assert desk.get("holder").phase == "Failed"


def test_a_waiting_job_whose_supervisor_is_killed_holds_nobody_up(desk: Desk) -> None:
    held(desk)
    for name in ("killed", "next"):
        desk.submit("true", name=name, max_jobs=1)
        desk.until(waits, name)
    supervisor = desk.get("killed").supervisor
    assert supervisor is not None

    os.kill(supervisor.pid, signal.SIGKILL)
    (desk.cwd / "go").touch()

    wait_for(lambda: ended(desk, "next"))
    assert desk.get("next").phase == "Complete"
    assert desk.get("killed").phase == "Failed"
    assert "was killed" in desk.get("killed").reason


NESTED = """
import sys, time
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.local.conftest import Desk
desk = Desk(Path({state!r}), Path({cwd!r}))
depth = int(sys.argv[1])
names = [f"{{sys.argv[2]}}-{{number}}" for number in range(2 if depth else 0)]
for name in names:
    desk.submit(f"{{sys.executable}} {cwd}/nested.py {{depth - 1}} {{name}}", name=name, max_jobs=1)
for name in names:
    assert desk.finish(name).phase == "Complete"
"""


def test_jobs_that_submit_others_and_wait_for_them_do_not_wait_for_ever(desk: Desk) -> None:
    text = NESTED.format(root=str(Path(__file__).parents[2]), state=str(desk.state), cwd=str(desk.cwd))
    (desk.cwd / "nested.py").write_text(text)
    desk.submit(f"{sys.executable} {desk.cwd}/nested.py 2 outer", name="outer", max_jobs=1)
    desk.submit("true", name="after", max_jobs=1)

    assert desk.finish("outer").phase == "Complete"
    assert desk.finish("after").phase == "Complete"
    inner = [record for record in desk.jobs.all() if record.name.startswith("outer-")]
    assert sorted(record.phase for record in inner) == ["Complete"] * 6
    # One job at a time ran on the slot of its parent, and who came from outside waited for the outermost.
    spans = sorted(
        (started(desk, record.name), moment.time.timestamp())
        for record in inner
        if record.name.count("-") == 1
        for moment in desk.jobs.events(record)
        if moment.reason == "Complete"
    )
    assert spans[0][1] <= spans[1][0] + 0.05
    assert started(desk, "after") >= max(end for _, end in spans)


def test_what_outlives_the_job_that_submitted_it_counts_by_itself(desk: Desk) -> None:
    text = NESTED.format(root=str(Path(__file__).parents[2]), state=str(desk.state), cwd=str(desk.cwd))
    text += f"desk.submit({HOLD!r}, name='child', max_jobs=1); desk.running('child')\n"
    (desk.cwd / "nested.py").write_text(text)
    desk.submit(f"{sys.executable} {desk.cwd}/nested.py 0 parent", name="parent", max_jobs=1)
    assert desk.finish("parent").phase == "Complete"
    desk.submit("true", name="after", max_jobs=1)

    assert desk.until(waits, "after").reason.startswith("waiting for 1 other job of this machine")
    (desk.cwd / "go").touch()
    assert desk.finish("after").phase == "Complete"


def test_time_in_the_queue_is_no_time_of_the_job(desk: Desk) -> None:
    held(desk)
    desk.submit("sleep 60", name="short", max_jobs=1, deadline=1.5)
    desk.until(waits, "short")
    time.sleep(2)
    assert waits(desk.get("short"))
    at_most_admitted = time.time()
    (desk.cwd / "go").touch()

    assert desk.finish("short").reason == "it was active for longer than 1.5 s"
    assert moment(desk, "short", "Failed") > at_most_admitted + 1.4


def test_many_that_wait_cost_next_to_nothing(desk: Desk) -> None:
    held(desk)
    names = [f"job-{number}" for number in range(12)]
    for name in names:
        desk.submit("true", name=name, max_jobs=1)
    for name in names:
        desk.until(waits, name)
    supervisors = [record.supervisor for record in desk.jobs.all() if record.name != "holder"]
    processes = [psutil.Process(supervisor.pid) for supervisor in supervisors if supervisor is not None]
    begun = time.monotonic()
    before = sum(sum(process.cpu_times()[:2]) for process in processes)
    with sqlite3.connect(desk.jobs.store.database.path) as db:
        version = db.execute("PRAGMA data_version").fetchone()
        time.sleep(4)

        assert db.execute("PRAGMA data_version").fetchone() == version  # nobody who waits writes
    spent = sum(sum(process.cpu_times()[:2]) for process in processes) - before
    assert spent < 0.15 * (time.monotonic() - begun) * 2  # of one CPU, and twice that for a busy machine
    (desk.cwd / "go").touch()
    for name in names:
        assert desk.finish(name).phase == "Complete"


@pytest.mark.parametrize(("given", "variable", "limit"), [(3, "5", 3), (0, "5", 0), (None, "5", 5), (None, "0", 0)])
def test_the_limit_is_what_is_given_else_the_variable(
    given: int | None, variable: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBEFLOW_MAX_JOBS", variable)

    assert job_limit(given) == limit


@pytest.mark.parametrize("variable", ["", " "])
def test_the_default_limit_follows_the_cpus(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEFLOW_MAX_JOBS", variable)

    assert job_limit() == max(4, os.cpu_count() or 1)


@pytest.mark.parametrize("variable", ["-1", "many", "1.5"])
def test_a_limit_that_is_none_is_refused(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEFLOW_MAX_JOBS", variable)

    with pytest.raises(InvalidInput, match=f"max_jobs={variable!r}.*KUBEFLOW_MAX_JOBS; 0 is no limit"):
        job_limit()
