"""Jobs of plain processes: how they start, end and are ended, whatever becomes of who submitted them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from kubeflow.local.executors.processes import members
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import JobPlan
from kubeflow.local.job.process_identity import identify
from kubeflow.local.job.records import Verdict
from kubeflow.local.job.status_file import parse_progress
from kubeflow.local.jobs import Jobs
from kubeflow.local.store.last_words import write_last_words
from tests.local.conftest import Desk, has_ended, wait_for


def test_all_nodes_succeed(desk: Desk) -> None:
    desk.submit("echo out; echo err >&2", "true")

    record = desk.finish()

    assert record.phase == "Complete"
    assert [(node.name, node.phase, node.exit_code) for node in record.nodes] == [
        ("node-0", "Succeeded", 0),
        ("node-1", "Succeeded", 0),
    ]
    assert desk.log() == "out\nerr\n"
    assert sorted(desk.reasons()) == sorted(["Created", "Started", "Started", "Exited", "Exited", "Complete"])
    assert (desk.reasons()[0], desk.reasons()[-1]) == ("Created", "Complete")


HELD = """
import pathlib, time
deadline = time.monotonic() + 30
while not pathlib.Path({go!r}).exists() and time.monotonic() < deadline:
    time.sleep(0.01)
"""


def test_submitting_returns_before_anything_has_started(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    (tmp_path / "sitecustomize.py").write_text(HELD.format(go=str(go)))  # a supervisor is slow to start
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    record = desk.submit("sleep 60")

    assert record.phase == "Created"
    go.touch()
    assert desk.running().supervisor == desk.get().supervisor


def test_one_failing_node_ends_the_others(desk: Desk) -> None:
    record = desk.submit("sleep 60", "exit 3")

    record = desk.finish()

    assert (record.phase, record.failed_step, record.reason) == ("Failed", "node-1", "node-1 exited with code 3")
    assert [node.exit_code for node in record.nodes] == [-signal.SIGTERM, 3]
    assert members(record.mark) == []


def test_a_rank_that_ends_while_its_supervisor_looks_is_not_late(desk: Desk) -> None:
    """A supervisor may stand still between its look at the clock and that at the node."""
    end = "cd $HERE/node-0; echo 3 >rank-0.exit; touch -d '1 hour' rank-0.exit; exit 3"
    make = desk.plan("job", end)

    def with_rank(places: Places) -> JobPlan:
        made = make(places)
        (node,) = made.nodes
        env = {**node.env, "HERE": str(places.directory)}
        return replace(made, stages=((replace(node, env=env, ranks=(0,)),),))

    desk.jobs.submit("job", with_rank)

    (rank,) = desk.jobs.ranks(desk.finish())
    assert (rank.code, rank.late) == (3, False)


def test_a_killed_node_is_named_with_its_signal(desk: Desk) -> None:
    desk.submit("kill -9 $$")

    assert desk.finish().reason == "node-0 was killed by SIGKILL"


def test_a_program_that_does_not_exist_fails_the_job_and_ends_the_nodes_that_have_started(desk: Desk) -> None:
    plan = desk.plan("job", "sleep 60", "true")

    def without_program(places: Places):  # type: ignore[no-untyped-def]
        from dataclasses import replace

        made = plan(places)
        ((first, second),) = made.stages
        return replace(made, stages=((first, replace(second, argv=("/no/such/program",))),))

    desk.jobs.submit("job", without_program)
    record = desk.finish()

    assert record.reason.startswith("node-1 could not start: ")
    assert "/no/such/program" in record.reason
    assert members(record.mark) == []


def test_stages_follow_each_other_and_a_failing_one_is_the_last(desk: Desk) -> None:
    desk.submit("cat fetched", name="good", before=("sleep 0.2; echo data > fetched",))
    desk.submit("touch never", name="bad", before=("exit 4",))

    assert desk.finish("good").phase == "Complete"
    assert desk.log("good") == "data\n"
    bad = desk.finish("bad")
    assert (bad.phase, bad.failed_step) == ("Failed", "step-0")
    assert [node.phase for node in bad.nodes] == ["Failed", "Pending"]
    assert not (desk.cwd / "never").exists()


STUBBORN = (
    "import os, signal, time; os.setsid(); signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print(os.getpid(), flush=True); time.sleep(60)"
)


def test_nothing_survives_not_even_what_ignores_term_in_a_session_of_its_own(desk: Desk) -> None:
    record = desk.submit(f"{sys.executable} -c '{STUBBORN}' & exec sleep 60")
    desk.running()
    wait_for(lambda: desk.log().endswith("\n"))
    wait_for(lambda: len(members(record.mark)) == 2)
    processes = members(record.mark)

    assert desk.jobs.delete(record)

    assert members(record.mark) == []
    assert all(map(has_ended, processes))
    assert desk.jobs.find("job") is None
    assert not record.directory.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="needs a subreaper")
def test_what_wipes_its_environment_and_its_session_is_ended_too(desk: Desk) -> None:
    record = desk.submit("env -i setsid sh -c 'sleep 60 & echo $! > pid; wait' & sleep 0.5; exec sleep 60")
    wait_for(lambda: (desk.cwd / "pid").exists() and (desk.cwd / "pid").read_text().strip() != "")
    hidden = psutil.Process(int((desk.cwd / "pid").read_text()))

    desk.jobs.delete(record)

    assert has_ended(hidden)


def test_the_orphans_of_a_killed_launcher_are_ended(desk: Desk) -> None:
    record = desk.submit("setsid sleep 60 & sleep 60")
    wait_for(lambda: len(members(record.mark)) == 3)
    (node,) = desk.running().nodes
    assert node.id is not None

    os.kill(int(node.id), signal.SIGKILL)

    assert desk.finish().reason == "node-0 was killed by SIGKILL"
    assert members(record.mark) == []


def test_term_gives_time_to_finish(desk: Desk) -> None:
    record = desk.submit(
        "trap 'sleep 0.2; echo saved > saved; exit 0' TERM; echo up; while :; do sleep 0.05; done", grace=30
    )
    wait_for(lambda: "up" in desk.log() if desk.get().phase == "Running" else False)

    desk.jobs.suspend(record)

    assert (desk.cwd / "saved").read_text() == "saved\n"


def test_a_node_that_outlives_its_own_deadline_fails_the_job_and_is_named(desk: Desk) -> None:
    make = desk.plan("job", "sleep 60", "sleep 60")

    def with_deadline(places: Places) -> JobPlan:
        made = make(places)
        first, second = made.nodes
        return replace(made, stages=((first, replace(second, deadline=0.5)),))

    desk.jobs.submit("job", with_deadline)

    record = desk.finish()
    assert (record.phase, record.reason) == ("Failed", "node-1 took longer than 0.5 s")
    assert record.failed_step == "node-1"


def test_a_job_that_outlives_its_deadline_fails(desk: Desk) -> None:
    desk.submit("sleep 60", deadline=0.5)

    record = desk.finish()

    assert (record.phase, record.reason) == ("Failed", "it was active for longer than 0.5 s")


def test_a_suspended_job_has_no_processes_and_starts_anew(desk: Desk) -> None:
    record = desk.submit("echo start; test -e go || sleep 60", deadline=50)
    desk.running()
    wait_for(lambda: desk.log() == "start\n")

    desk.jobs.suspend(record)

    suspended = desk.get()
    assert (suspended.phase, suspended.nodes[0].phase, suspended.supervisor) == ("Suspended", "Pending", None)
    assert members(record.mark) == []
    (desk.cwd / "go").touch()
    desk.jobs.resume(suspended)
    desk.jobs.resume(desk.get())  # it is not suspended any more: nothing happens
    assert desk.finish().phase == "Complete"
    assert desk.log() == "start\nstart\n"
    reasons = desk.reasons()
    assert reasons.index("Suspended") < reasons.index("Resumed") < reasons.index("Complete")


def test_a_job_can_be_made_suspended(desk: Desk) -> None:
    desk.submit("echo started", suspend=True)
    time.sleep(0.3)
    record = desk.get()
    assert (record.phase, record.supervisor) == ("Suspended", None)

    desk.jobs.resume(record)

    assert desk.finish().phase == "Complete"
    assert desk.log() == "started\n"


SUBMIT = """
import os, sys
from pathlib import Path
from tests.local.conftest import Desk
state, cwd, script = sys.argv[1:]
desk = Desk(Path(state), Path(cwd))
desk.submit(script)
print("submitted", flush=True)
sys.stdin.read()
"""
ROOT = Path(__file__).parents[2]


def test_a_job_outlives_a_killed_client_and_another_finds_it(desk: Desk) -> None:
    command = [sys.executable, "-c", SUBMIT, str(desk.state), str(desk.cwd), "sleep 1; echo done"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "submitted\n"
        client.kill()

    assert desk.finish().phase == "Complete"
    assert desk.log() == "done\n"


def test_a_job_that_a_job_submits_is_a_job_of_its_own(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "submit.py").write_text(SUBMIT)
    inner = Desk(tmp_path / "inner", tmp_path)
    call = f"{sys.executable} {tmp_path}/submit.py {inner.state} {tmp_path} 'sleep 2; echo done'"
    outer = desk.submit(f"cd {ROOT} && PYTHONPATH={ROOT}:{ROOT}/generated {call} </dev/null; sleep 60")
    desk.running()
    wait_for(lambda: "submitted" in desk.log())

    desk.jobs.delete(outer)

    assert inner.finish().phase == "Complete"
    assert inner.log() == "done\n"
    inner.jobs.delete(inner.get())


def test_a_terminal_that_is_closed_or_interrupted_does_not_reach_the_job(desk: Desk) -> None:
    record = desk.submit("while ! test -e go; do sleep 0.05; done; echo done")
    supervisor = desk.running().supervisor
    assert supervisor is not None
    assert os.getsid(supervisor.pid) == supervisor.pid

    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        os.kill(supervisor.pid, number)

    (desk.cwd / "go").touch()
    assert desk.finish().phase == "Complete"
    assert record.mark == desk.get().mark


def test_a_killed_supervisor_fails_its_job_and_leaves_nothing(desk: Desk) -> None:
    stubborn = f"{sys.executable} -c '{STUBBORN}' & sleep 60"
    record = desk.submit(stubborn, stubborn)
    wait_for(lambda: len(members(record.mark)) == 6)
    supervisor = desk.running().supervisor
    assert supervisor is not None

    os.kill(supervisor.pid, signal.SIGKILL)
    wait_for(lambda: not supervisor.alive())
    found = desk.get()

    assert (found.phase, found.reason) == ("Failed", f"its supervisor (process {supervisor.pid}) was killed")
    assert found.settled
    assert members(record.mark) == []
    assert desk.reasons()[-1] == "Failed"


@pytest.mark.skipif(sys.platform != "linux", reason="needs the death signal of a parent")
def test_the_nodes_of_a_killed_supervisor_end_though_nobody_looks(desk: Desk) -> None:
    desk.submit("exec sleep 60")
    (node,) = desk.running().nodes
    supervisor = desk.get().supervisor
    assert supervisor is not None
    assert node.id is not None
    process = psutil.Process(int(node.id))

    os.kill(supervisor.pid, signal.SIGKILL)

    wait_for(lambda: has_ended(process))


def test_what_a_supervisor_could_not_tell_the_store_is_found_in_its_last_words(desk: Desk) -> None:
    record = desk.submit("sleep 60")
    supervisor = desk.running().supervisor
    assert supervisor is not None
    write_last_words(Places(record.directory).last_words, Verdict("Failed", "the disk was full"))

    os.kill(supervisor.pid, signal.SIGKILL)
    wait_for(lambda: not supervisor.alive())

    assert (desk.get().phase, desk.get().reason) == ("Failed", "the disk was full")


def test_a_supervisor_that_is_asked_to_end_ends_its_job(desk: Desk) -> None:
    record = desk.submit("sleep 60")
    supervisor = desk.running().supervisor
    assert supervisor is not None

    os.kill(supervisor.pid, signal.SIGTERM)

    assert "SIGTERM" in desk.finish().reason
    assert members(record.mark) == []


def test_a_number_that_another_process_got_is_no_supervisor(desk: Desk) -> None:
    """As after a reboot, or when the system has come round to the same pid again."""
    record = desk.submit("sleep 60")
    supervisor = desk.running().supervisor
    assert supervisor is not None
    os.kill(supervisor.pid, signal.SIGKILL)
    with subprocess.Popen(["sleep", "60"]) as bystander:
        other = identify(bystander.pid)
        assert other is not None
        recycled = json.dumps({**json.loads(other.to_text()), "started": "1"}, sort_keys=True)
        with desk.jobs.store.database.writing() as db:
            db.execute("UPDATE jobs SET supervisor = ?", (recycled,))

        found = desk.get()

        assert (found.phase, f"process {bystander.pid}" in found.reason) == ("Failed", True)
        assert desk.jobs.delete(found)
        assert bystander.poll() is None
        bystander.kill()
    assert members(record.mark) == []


def test_a_supervisor_whose_job_is_gone_from_the_store_ends_it(desk: Desk) -> None:
    record = desk.submit("sleep 60")
    supervisor = desk.running().supervisor
    assert supervisor is not None

    desk.jobs.store.forget(record.id)

    wait_for(lambda: not supervisor.alive())
    assert members(record.mark) == []


def test_progress_is_seen_while_the_job_runs_and_the_last_report_is_not_lost(desk: Desk) -> None:
    report = """
import json, os, time
def report(percent, loss):
    path = os.environ["KUBEFLOW_STATUS_FILE"]
    text = json.dumps({"progressPercentage": percent, "estimatedRemainingSeconds": 100 - percent,
                       "metrics": [{"name": "loss", "value": str(loss)}, {"name": "stage", "value": "warm"}]})
    open(path + ".part", "w").write(text)
    os.replace(path + ".part", path)
report(40, 0.5)
while not os.path.exists("go"):
    time.sleep(0.01)
for step in range(41, 101):
    report(step, 1 / step)
"""
    (desk.cwd / "report.py").write_text(report)
    desk.submit(f"{sys.executable} report.py")

    half = parse_progress(desk.until(lambda record: record.status is not None).status)
    assert (half.percent, half.estimated_remaining_seconds, half.metrics) == (40, 60, {"loss": 0.5, "stage": "warm"})
    (desk.cwd / "go").touch()
    full = parse_progress(desk.finish().status)
    assert (full.percent, full.metrics["loss"]) == (100, 0.01)


def test_a_report_that_is_none_is_told_and_ignored(desk: Desk) -> None:
    desk.submit('echo "[1]" > "$KUBEFLOW_STATUS_FILE"; sleep 0.5')

    record = desk.finish()

    assert (record.phase, record.status) == ("Complete", None)
    assert "StatusIgnored" in desk.reasons()


def test_nodes_know_their_workspace_and_their_port(desk: Desk) -> None:
    script = 'echo "$KUBEFLOW_WORKSPACE"; test -d "$KUBEFLOW_WORKSPACE"; echo "$WHERE"'
    record = desk.submit(script, script, rendezvous={"WHERE": "127.0.0.1:{port}"})

    assert desk.finish().phase == "Complete"
    assert desk.log() == desk.log(step="node-1")
    workspace, where = desk.log().splitlines()
    assert Path(workspace) == record.directory / "workspace"
    assert where.startswith("127.0.0.1:")
    assert int(where.partition(":")[2]) > 0


def stop_between_writes(desk: Desk, supervisor: int) -> None:
    """Stop a supervisor where it does not hold the store: else nobody could write it."""
    while True:
        os.kill(supervisor, signal.SIGSTOP)
        with contextlib.closing(sqlite3.connect(desk.jobs.store.database.path, isolation_level=None)) as db:
            try:
                db.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                os.kill(supervisor, signal.SIGCONT)
            else:
                db.execute("ROLLBACK")
                return


@pytest.mark.parametrize("verb", ["delete", "suspend"])
def test_a_supervisor_that_does_not_answer_is_killed_rather_than_waited_for(desk: Desk, verb: str) -> None:
    desk.submit("sleep 60")
    record = desk.running()
    assert record.supervisor is not None
    impatient = Jobs(desk.state, patience=0.5)

    stop_between_writes(desk, record.supervisor.pid)
    if verb == "delete":
        impatient.delete(record)
        assert desk.jobs.find("job") is None
    else:
        ended = impatient.suspend(record)
        assert ended is not None
        assert (ended.phase, "was killed" in ended.reason) == ("Failed", True)

    assert not record.supervisor.alive()
    assert members(record.mark) == []
