"""The job store: one truth for many processes, kept through whatever happens to it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import MISSING, fields, replace
from pathlib import Path

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.local.job.plan import EnvironmentPlan, JobPlan, NodePlan, read_plan, write_plan
from kubeflow.local.job.process_identity import ProcessIdentity, identify, this_process
from kubeflow.local.jobs import Jobs
from kubeflow.local.state import state_dir
from kubeflow.local.store.job_directories import new_job_dir, sweep
from kubeflow.local.store.retention import keeping, prune
from kubeflow.local.store.store import NameTaken, Store
from tests.local.conftest import Desk, wait_for

ROOT = Path(__file__).parents[2]
GONE = ProcessIdentity(pid=2**22 + 1, started="1", boot="gone", host=os.uname().nodename)


def finished(store: Store, name: str, *, days: float = 0) -> Path:
    """Put a job into `store` that ended some days ago; return its directory."""
    directory = new_job_dir(store.database.path.parent, name, GONE)
    job = store.add(JobPlan(name, ((NodePlan("node-0", ("true",)),),), "/"), directory, GONE)
    with store.database.writing() as db:
        db.execute(
            "UPDATE jobs SET phase = 'Complete', settled = 1, ended = ? WHERE id = ?", (time.time() - days * 86400, job)
        )
    return directory


def test_a_plan_reads_back_as_it_was_written_and_only_its_user_can_read_it(tmp_path: Path) -> None:
    nodes = (NodePlan("node-0", ("a", "b"), {"A": "ü"}, {"P": "{port}"}, (0, 1), gpus=1, cpus=2, memory=3),)
    plan = JobPlan(
        "job",
        ((NodePlan("dataset-initializer", ("c",)),), nodes),
        "/somewhere",
        environment=EnvironmentPlan(("torch",), ("https://example.com/simple",), "3.12"),
        devices=("0", "1"),
        deadline=1.5,
        labels={"team": "vision"},
        details={"runtime": {"name": "torch"}},
        notes=(("Reason", "message"),),
        keep_jobs=7,
    )

    write_plan(plan, tmp_path)

    assert read_plan(tmp_path) == plan
    assert (tmp_path / "plan.json").stat().st_mode & 0o777 == 0o600
    assert [node.name for node in plan.nodes] == ["dataset-initializer", "node-0"]


def test_a_plan_of_an_earlier_version_has_defaults_for_what_that_did_not_write(tmp_path: Path) -> None:
    node = {"name": "node-0", "argv": ["a"]}
    environment = {"requirements": ["torch"]}
    job = {"name": "job", "stages": [[node]], "cwd": "/", "environment": environment}
    (tmp_path / "plan.json").write_text(json.dumps(job))

    plan = JobPlan("job", ((NodePlan("node-0", ("a",)),),), "/", environment=EnvironmentPlan(("torch",)))
    assert read_plan(tmp_path) == plan
    required = {field.name for field in [*fields(JobPlan), *fields(NodePlan)] if field.default is MISSING}
    required -= {field.name for field in [*fields(JobPlan), *fields(NodePlan)] if field.default_factory is not MISSING}
    assert required == {"stages", "cwd", *node}, "a field that an earlier version did not write needs a default"


@pytest.mark.parametrize(
    "content",
    [
        '{"name": 1',
        "[]",
        '{"name": "job", "cwd": "/"}',
        '{"name": "job", "cwd": "/", "stages": [["node-0"]]}',
        '{"name": "job", "cwd": "/", "stages": [], "of_a_later_version": 1}',
        '{"name": "job", "cwd": "/", "stages": [[{"name": "node-0", "argv": [], "of_a_later_version": 1}]]}',
        '{"name": "job", "cwd": "/", "stages": [], "environment": {"of_a_later_version": 1}}',
    ],
)
def test_a_plan_that_is_damaged_or_of_a_later_version_is_an_error_in_words(content: str, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(content)

    with pytest.raises(InvalidInput, match="cannot be read .*a later version of kubeflow made it.*delete the job"):
        read_plan(tmp_path)


def test_looking_for_jobs_makes_no_store(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "state")

    assert (jobs.all(), jobs.find("job")) == ([], None)
    assert not (tmp_path / "state").exists()


def test_a_store_of_a_newer_version_is_refused_and_left_alone(desk: Desk) -> None:
    desk.submit("true")
    desk.finish()
    desk.jobs.store.database.close()
    path = desk.state / "jobs.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(InvalidInput, match="newer kubeflow .schema 99, and this one knows 1.: upgrade kubeflow"):
        desk.jobs.find("job")
    with pytest.raises(InvalidInput, match="upgrade"):
        desk.submit("true", name="other")
    assert len(list((desk.state / "jobs").iterdir())) == 1

    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    assert desk.get().phase == "Complete"


def test_a_damaged_store_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "jobs.db").write_bytes(b"no database, but long enough to be taken for one" * 100)

    with pytest.raises(InvalidInput, match=r"is damaged.*KUBEFLOW_STATE_DIR"):
        Jobs(tmp_path).all()


def test_only_its_user_can_read_the_store(desk: Desk) -> None:
    desk.submit("true")

    assert (desk.state / "jobs.db").stat().st_mode & 0o077 == 0


def test_a_name_is_given_once_until_its_job_is_deleted(desk: Desk) -> None:
    first = desk.submit("true")
    desk.finish()
    before = sorted((desk.state / "jobs").iterdir())

    with pytest.raises(NameTaken, match="'job' exists already"):
        desk.submit("true")
    assert sorted((desk.state / "jobs").iterdir()) == before

    assert desk.jobs.delete(first)
    assert desk.submit("true").id != first.id


RACE = """
import sys
from pathlib import Path
from kubeflow.local.store.store import NameTaken
from tests.local.conftest import Desk
state, cwd = sys.argv[1:]
desk = Desk(Path(state), Path(cwd))
print("ready", flush=True)
sys.stdin.readline()
for turn in range(5):
    try:
        desk.submit("true", name=f"job-{turn}")
        print("won")
    except NameTaken:
        print("lost")
"""


def test_of_two_processes_that_want_one_name_one_gets_it(desk: Desk) -> None:
    command = [sys.executable, "-c", RACE, str(desk.state), str(desk.cwd)]
    racers = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    outputs = [racer.communicate(timeout=60)[0] for racer in racers]

    assert Counter("".join(outputs).split()) == {"won": 5, "lost": 10}
    assert sorted(record.name for record in desk.jobs.all()) == [f"job-{turn}" for turn in range(5)]
    for turn in range(5):
        assert desk.finish(f"job-{turn}").phase == "Complete"
    assert len(list((desk.state / "jobs").iterdir())) == 5


def test_many_threads_may_use_one_client(desk: Desk) -> None:
    def work(index: int) -> None:
        desk.submit("true", name=f"job-{index}")
        done.append(desk.finish(f"job-{index}").phase)

    done: list[str] = []
    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert done == ["Complete"] * 4


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_of_a_client_is_a_client(desk: Desk) -> None:
    desk.submit("true")
    child = os.fork()
    if child == 0:
        try:
            desk.submit("true", name="of-the-child")
        finally:
            os._exit(0)
    os.waitpid(child, 0)

    assert desk.finish("of-the-child").phase == "Complete"
    assert desk.finish().phase == "Complete"


def test_a_store_that_was_removed_is_made_anew(desk: Desk) -> None:
    supervisor = desk.submit("true").supervisor
    assert supervisor is not None
    desk.finish()
    wait_for(
        lambda: not supervisor.alive()
    )  # it cleans up at its end, and would make the store anew in the middle of this
    for path in desk.state.glob("jobs.db*"):
        path.unlink()

    assert desk.jobs.all() == []
    assert desk.submit("true").id == 1


@pytest.mark.parametrize("make", [lambda path: path.write_text(""), lambda path: path.mkdir(mode=0o500)])
def test_a_state_directory_that_cannot_be_written_is_an_error_in_words(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "place")
    if os.access(tmp_path / "place", os.W_OK) and (tmp_path / "place").is_dir():
        pytest.skip("this user may write anywhere")
    desk = Desk(tmp_path / "place", tmp_path)

    with pytest.raises(InvalidInput, match="KUBEFLOW_STATE_DIR"):
        desk.submit("true")


def test_the_state_directory_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBEFLOW_STATE_DIR", str(tmp_path / "chosen"))
    assert state_dir() == tmp_path / "chosen"
    assert state_dir(tmp_path / "given") == tmp_path / "given"

    monkeypatch.delenv("KUBEFLOW_STATE_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    if sys.platform == "linux":
        assert state_dir() == tmp_path / "xdg" / "kubeflow"


def test_job_directories_of_one_name_differ_and_are_private(tmp_path: Path) -> None:
    first, second = (new_job_dir(tmp_path, "job", this_process()) for _ in range(2))

    assert first != second
    assert first.stat().st_mode & 0o777 == 0o700


def test_a_job_whose_submitter_was_killed_before_it_started_has_failed(desk: Desk) -> None:
    directory = new_job_dir(desk.state, "job", GONE)
    desk.jobs.store.add(JobPlan("job", ((NodePlan("node-0", ("true",)),),), "/"), directory, GONE)

    record = desk.get()

    assert (record.phase, record.settled) == ("Failed", True)
    assert record.reason == f"the process that submitted it ({GONE.pid}) ended before it could start"


def test_a_client_that_stood_still_names_no_supervisor_of_an_earlier_start(desk: Desk) -> None:
    """After it had started one, the job was suspended, and started anew by another client."""
    record = desk.submit("true", suspend=True)
    store = desk.jobs.store
    assert store.restart(record.id, GONE)

    store.set_supervisor(record.id, this_process(), this_process())

    found = store.get(record.id)
    assert found is not None
    assert found.supervisor is None
    store.set_supervisor(record.id, this_process(), GONE)
    assert desk.get().supervisor == this_process()
    store.forget(record.id)


def test_a_deletion_that_was_interrupted_is_completed_by_the_next_who_looks(desk: Desk) -> None:
    record = desk.submit("true")
    desk.finish()
    desk.jobs.store.want(record.id, "delete")

    assert desk.jobs.find("job") is None
    assert desk.jobs.all() == []
    assert not record.directory.exists()
    assert desk.submit("true").id > record.id


def test_identities_tell_processes_apart_that_have_the_same_number() -> None:
    mine = this_process()

    assert mine.alive()
    assert ProcessIdentity.from_text(mine.to_text()) == mine
    assert not replace(mine, started=str(int(mine.started) - 1) if mine.started.isdigit() else "1").alive()
    assert not replace(mine, boot="another").alive()
    assert not replace(mine, host="elsewhere").alive()
    with subprocess.Popen(["true"]) as zombie:
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        assert identify(zombie.pid) is None


def test_old_jobs_and_those_beyond_the_count_are_cleaned_up_and_no_others(desk: Desk) -> None:
    store = desk.jobs.store
    gone = [finished(store, "old", days=31), finished(store, "third", days=3)]
    kept = [finished(store, "second", days=2), finished(store, "first", days=1)]
    running = desk.submit("sleep 60", name="running")
    suspended = desk.submit("true", name="suspended", suspend=True)
    with store.database.writing() as db:
        db.execute("UPDATE jobs SET created = 0 WHERE id IN (?, ?)", (running.id, suspended.id))

    assert sorted(prune(store, keep_days=30, keep_jobs=2)) == ["old", "third"]

    assert [record.name for record in desk.jobs.all()] == ["second", "first", "running", "suspended"]
    assert not any(directory.exists() for directory in gone)
    assert all(directory.exists() for directory in [*kept, running.directory, suspended.directory])


def test_a_job_that_ends_cleans_up(desk: Desk) -> None:
    finished(desk.jobs.store, "old", days=31)
    unclaimed = new_job_dir(desk.state, "killed-while-submitting", GONE)
    before_that = desk.state / "jobs" / "killed-at-once-x1y2"  # of a version that wrote later who makes it
    before_that.mkdir()
    submitting = new_job_dir(desk.state, "being-submitted-while-the-clock-is-set", this_process())
    others = [desk.state / "jobs" / ".Trash-0", desk.state / "jobs" / ".DS_Store", desk.state / "jobs" / "notes.txt"]
    others[0].mkdir()
    for file in others[1:]:
        file.touch()
    for path in (unclaimed, before_that, submitting, *others):
        os.utime(path, (0, 0))

    desk.submit("true", keep_days=30, keep_jobs=5)
    desk.finish()
    desk.until(lambda _: [record.name for record in desk.jobs.all()] == ["job"])
    desk.until(lambda _: not unclaimed.exists() and not before_that.exists())
    assert submitting.exists()
    assert all(path.exists() for path in others)


def test_a_directory_is_never_without_its_maker(desk: Desk) -> None:
    """A process that stands still, or is killed, between any two of its steps, while others sweep by a clock that was set."""
    steps = threading.Event()

    def submit() -> None:
        while not steps.is_set():
            made = new_job_dir(desk.state, "made", this_process())
            shutil.rmtree(made.rename(desk.cwd / "made"))  # in one step: half removed, it would be swept

    made_early = desk.state / "jobs" / ".4194305-0123456789abcdef-x1y2"  # killed at once
    made_early.mkdir(parents=True)
    thread = threading.Thread(target=submit)
    thread.start()
    try:
        for _ in range(300):
            for directory in (desk.state / "jobs").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    os.utime(directory, (0, 0))
            sweep(desk.jobs.store)
            assert thread.is_alive()
    finally:
        steps.set()
        thread.join()
    assert list((desk.state / "jobs").iterdir()) == []


def test_how_long_jobs_are_kept_follows_what_is_given_then_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert keeping() == (30, 1000)
    monkeypatch.setenv("KUBEFLOW_KEEP_DAYS", "1.5")
    monkeypatch.setenv("KUBEFLOW_KEEP_JOBS", "0")
    assert keeping() == (1.5, 0)
    assert keeping(0, 7) == (0, 7)
    for value in ("many", "-1", "nan"):
        monkeypatch.setenv("KUBEFLOW_KEEP_DAYS", value)
        with pytest.raises(InvalidInput, match="KUBEFLOW_KEEP_DAYS"):
            keeping()
