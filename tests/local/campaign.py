"""The fault campaign's ground: clients as processes, jobs that bear witness of what they did, and the judgement.

The witness is independent of the engine: each node itself writes a line when it starts and another when it has really
done its work.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kubeflow.local.executors.processes import MARK, SUPERVISES, members
from kubeflow.local.job.records import JobRecord
from kubeflow.local.jobs import Jobs

WAIT = 90.0  # seconds; a job that takes longer is taken to be stuck
TICK = 0.02  # seconds by which the times of files may be too early: clocks of file systems tick
ROOT = Path(__file__).parents[2]
FIRST_PATH = "CAMPAIGN_PYTHONPATH"
"""Environment variable of this process: where clients and supervisors look for modules first."""

_WORK = {
    "quick": ":",
    "short": "sleep 0.2 || exit 9",
    "failing": "sleep 0.1 || exit 9; exit 3",
    "long": "sleep 300 || exit 9",
    "overdue": "sleep 300 || exit 9",
    # What it leaves behind has a session of its own and does not listen to TERM.
    "stubborn": "setsid /bin/sh -c 'trap \"\" TERM; sleep 300' & sleep 0.1 || exit 9",
    # Its supervisor is writing all the time.
    "chatty": (
        'for i in 1 2 3 4 5 6 7 8 9; do echo "{\\"progressPercentage\\": $i}" >"$KUBEFLOW_STATUS_FILE.part"; '
        'mv "$KUBEFLOW_STATUS_FILE.part" "$KUBEFLOW_STATUS_FILE"; sleep 0.03 || exit 9; done'
    ),
}
KINDS = tuple(_WORK)
# These do nothing before `Ground.go`.
_HOLD = 'until test -e "$WITNESS/go"; do sleep 0.02 || exit 9; done'
_WORK["held"] = f"{_HOLD}; {_WORK['chatty']}"
_WORK["held-failing"] = f"{_HOLD}; {_WORK['failing']}"
# A GPU that is given twice is locked already.
_WORK["gpu"] = 'flock -n -E 8 "$WITNESS/$CUDA_VISIBLE_DEVICES.lock" sleep 0.5 || exit $?'
OWN_FAILURES = {
    "failing": r"(node-\d|rank \d \(node-\d\)) exited with code 3",
    "held-failing": r"(node-\d|rank \d \(node-\d\)) exited with code 3",
    "long": r"(?!)",
    "overdue": r"it was active for longer than 0\.3 s",
}
SUPERVISOR_KILLED = r"its supervisor \(process \d+\) was killed"
SUBMITTER_KILLED = r"the process that submitted it \(\d+\) ended before it could start"
RANK_KILLED = r"node-\d (was killed by SIGKILL|exited with code (9|137))"


def script(kind: str) -> str:
    """Return what a node runs: it says that it starts, works, and says that it has done its work."""
    return f'echo $$ >>"$STARTED"; {_WORK[kind]}; echo $$ >>"$ENDED"'


@dataclass
class Expected:
    """What may become of a job, by what was done to it.

    Attributes:
        name: The job.
        kind: What its first node does; another, if there is one, is `short`.
        nodes: How many nodes it has.
        failures: Patterns of the reasons for which it may have failed.
        promised: A client was told that it is there.
        deletion: Somebody asked for it to be deleted.
        starts: How often each of its nodes may have started.
        full: Its supervisor could not always write, and may have said so.
        litter: A client was killed while it submitted it, and may have left a directory beside that of the job.
        killed: When its supervisor was killed, in seconds since the epoch.
    """

    name: str
    kind: str
    nodes: int
    failures: list[str] = field(default_factory=list[str])
    promised: bool = False
    deletion: bool = False
    starts: int = 1
    full: bool = False
    litter: bool = False
    killed: float = math.inf


class Client(contextlib.AbstractContextManager["Client"]):
    """A client process at work."""

    def __init__(self, state: Path, request: dict[str, object]) -> None:
        paths = [str(ROOT), str(ROOT / "generated"), sysconfig.get_path("purelib")]
        paths[:0] = filter(None, [os.environ.get(FIRST_PATH)])
        self._process = subprocess.Popen(
            # -S: a tenth of a second less for each client
            [sys.executable, "-S", "-P", str(ROOT / "tests/local/campaign_client.py"), json.dumps(request)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._killed = False
        self.error = ""

    def kill(self) -> None:
        """Kill it as it is, if it has not ended yet."""
        self._killed = True
        self._process.kill()

    def said(self, *, refused: bool = False) -> list[str]:
        """Wait for its end and return its lines; one that was not killed has to have succeeded, or been `refused`."""
        out, self.error = self._process.communicate(timeout=WAIT)
        code = self._process.returncode
        good = code == 0 or (self._killed and code == -signal.SIGKILL) or (refused and code == 1)
        assert good, f"a client failed ({code}): {self.error}"
        return [line for line in out.splitlines(keepends=True) if line.endswith("\n")]

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()


class Ground:
    """A state directory with a witness beside it.

    Args:
        directory: Where.
        engine: What runs the jobs' containers, for `job_plan`; `None` for processes.
    """

    def __init__(self, directory: Path, engine: dict[str, Any] | None = None) -> None:
        self.engine = engine
        self.pace = 1.0 if engine is None else 4.0
        self.state = directory / "state"
        self.witness = directory / "witness"
        self.witness.mkdir(parents=True)
        self.jobs = Jobs(self.state)

    def client(self, do: str, *names: str, **request: object) -> Client:
        """Start a client that does something with some jobs."""
        return Client(
            self.state, {"do": do, "names": names, "state": str(self.state), "witness": str(self.witness), **request}
        )

    def submitting(self, *expected: Expected, room: int | None = None, **options: object) -> Client:
        """Start a client that submits jobs of one kind; neither it nor its jobs make a file longer than `room`."""
        kind, nodes = expected[0].kind, expected[0].nodes
        scripts = [script(kind), *[script("short")] * (nodes - 1)]
        deadline = {"deadline": 0.3} if kind == "overdue" else {}
        return self.client(
            "submit",
            *(job.name for job in expected),
            engine=self.engine,
            scripts=scripts,
            room=room,
            options={"grace": 0.3, **deadline, **options},
        )

    def submit(self, expected: Expected) -> JobRecord:
        """Submit a job by a client that lives long enough."""
        with self.submitting(expected) as client:
            assert client.said() == [f"submitted {expected.name}\n"]
        expected.promised = True
        record = self.jobs.find(expected.name)
        assert record is not None, f"{expected} is lost"
        return record

    def go(self) -> None:
        """Let the jobs that are held do their work."""
        (self.witness / "go").touch()

    def starts(self, job: Expected, node: int) -> list[str]:
        """Return who says that it has started as this node, in order."""
        return self._lines(f"{job.name}.{node}.started")

    def ends(self, job: Expected, node: int) -> list[str]:
        """Return who says that it has done this node's work, in order."""
        return self._lines(f"{job.name}.{node}")

    def _lines(self, name: str) -> list[str]:
        path = self.witness / name
        return path.read_text().split() if path.exists() else []

    def settle(self, job: Expected) -> JobRecord | None:
        """Return the job as it ends, `None` when it is not there; one that would never end is deleted."""
        deadline = time.monotonic() + WAIT
        while (record := self.jobs.find(job.name)) is not None and not record.finished:
            assert time.monotonic() < deadline, f"{job} has no end: {record}"
            if record.phase == "Suspended":
                job.starts += 1
                self.jobs.resume(record)
            elif record.phase == "Running" and job.kind == "long":
                job.deletion = True
                self.jobs.delete(record)
            else:
                time.sleep(0.02)
        return record

    def judge(self, job: Expected) -> None:
        """Hold what the store says of a job against the witness.

        Raises:
            AssertionError: When the job is lost or doubled, its status is not true, or something of it is left.
        """
        record = self.settle(job)
        starts = [self.starts(job, node) for node in range(job.nodes)]
        done = [bool(begun) and begun[-1:] == self.ends(job, node)[-1:] for node, begun in enumerate(starts)]
        reason = "" if record is None else record.reason  # at full length
        tale = f"{job}\n{record}\n{reason}\nstarted: {starts}, done: {done}"
        assert all(len(begun) <= job.starts for begun in starts), f"doubled: {tale}"
        if record is None:
            assert job.deletion or not (job.promised or any(starts)), f"lost: {tale}"
            self._wait_for_deletion(job)
            return
        assert not job.deletion or job.kind != "long", f"not deleted: {tale}"
        assert record.settled, f"not settled: {tale}"
        assert self.processes(str(record.directory)) == [], f"orphans: {tale}"
        log = (record.directory / "supervisor.log").read_text()
        assert log == "" or job.full, f"a supervisor said: {log}\n{tale}"
        if record.phase == "Complete":
            assert all(done), f"not true: {tale}"
            assert all(node.phase == "Succeeded" for node in record.nodes), f"nodes: {tale}"
            return
        reasons = [*job.failures, *([OWN_FAILURES[job.kind]] if job.kind in OWN_FAILURES else [])]
        assert any(re.fullmatch(reason, record.reason) for reason in reasons), f"no such fault: {tale}"
        assert not all(node.phase == "Succeeded" for node in record.nodes), f"not true: {tale}"
        if re.fullmatch(SUPERVISOR_KILLED, record.reason):
            words = self.words(record, before=job.killed)
            assert set(words) != {"0"}, f"not true, they had done their work: {tale}"
            assert "3" not in words, f"not true, a rank had failed before: {tale}"
        if re.fullmatch(SUBMITTER_KILLED, record.reason) and job.starts == 1:
            assert not any(starts), f"not true: {tale}"

    @staticmethod
    def words(record: JobRecord, before: float = math.inf) -> list[str]:
        """Return what each node of a job said when it ended: its exit code alone if nobody had told it to end.

        Args:
            record: The job.
            before: What was said later says nothing: whoever recovered the job may not have waited for it.
        """
        paths = [record.directory / f"node-{i}" / f"rank-{i}.exit" for i in range(len(record.nodes))]
        said = (path.exists() and path.stat().st_mtime < before - TICK for path in paths)
        return [path.read_text().strip() if found else "" for path, found in zip(paths, said, strict=True)]

    def _wait_for_deletion(self, job: Expected) -> None:
        """Somebody else may be at it; nothing of the job may stay."""
        deadline = time.monotonic() + WAIT
        while self.jobs.store.find(job.name) is not None:
            assert time.monotonic() < deadline, f"{job} is not deleted"
            self.jobs.all()
            time.sleep(0.02)
        left = [directory for directory in self.directories() if directory.name.startswith(f"{job.name}-")]
        assert job.litter or job.deletion <= (left == []), f"{job} has left {left}"
        for directory in left:  # of a client that was killed before it had a job
            assert self.processes(str(directory)) == [], f"{job} has left processes"

    def directories(self) -> list[Path]:
        """Return the job directories there are."""
        jobs = self.state / "jobs"
        return sorted(jobs.iterdir()) if jobs.is_dir() else []

    def processes(self, mark: str) -> list[str]:
        """Return the processes of a job."""
        return list(self._marked((f"{MARK}={mark}".encode() + b"\0",)))

    def close(self) -> None:
        """Judge the ground as a whole: nothing runs any more that belongs to it, and the store is sound."""
        deadline = time.monotonic() + WAIT
        while left := list(self.everything()):
            assert time.monotonic() < deadline, f"left: {left}"
            time.sleep(0.05)
        with self.jobs.store.database.reading() as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert db.execute("PRAGMA foreign_key_check").fetchall() == []
            assert db.execute("SELECT count(*) FROM leases").fetchall() == [(0,)]

    def everything(self, *variables: str) -> Iterator[str]:
        """Find supervisors and jobs by the marks of this state directory, without a word of the engine's."""
        return self._marked(tuple(f"{name}={self.state}/".encode() for name in variables or (MARK, SUPERVISES)))

    @staticmethod
    def _marked(wanted: tuple[bytes, ...]) -> Iterator[str]:
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has ended
                environ = (entry / "environ").read_bytes().split(b"\0")
                if any((variable + b"\0").startswith(wanted) for variable in environ):
                    yield f"{entry.name}: {(entry / 'cmdline').read_bytes()!r}"

    def supervisors(self) -> Iterator[str]:
        """Find the supervisors that run."""
        return self.everything(SUPERVISES)


class Round:
    """One round: a few jobs, one fault at a random moment, and the judgement.

    Args:
        ground: Where.
        name: Begins the names of its jobs.
        fault: One of `FAULTS`.
        chance: Decides everything that is left to chance, but for the operating system's part.
    """

    def __init__(self, ground: Ground, name: str, fault: str, chance: random.Random) -> None:
        self._ground = ground
        self._name = name
        self._chance = chance
        self._jobs: list[Expected] = []
        self.fault = fault

    def run(self) -> None:
        """Do it.

        Raises:
            AssertionError: When the engine is in the wrong.
        """
        try:
            getattr(self, f"_{self.fault}")()
            for job in self._jobs:
                self._ground.judge(job)
        except AssertionError as error:
            raise AssertionError(f"round {self._name}, {self.fault}: {error}") from error
        finally:
            for job in self._jobs:
                if (record := self._ground.jobs.find(job.name)) is not None and not record.finished:
                    self._ground.jobs.delete(record)

    def _job(self, kinds: Sequence[str] = KINDS) -> Expected:
        job = Expected(f"{self._name}-{len(self._jobs)}", self._chance.choice(kinds), self._chance.choice((1, 1, 2)))
        self._jobs.append(job)
        return job

    def _pause(self, longest: float) -> None:
        time.sleep(self._chance.uniform(0, longest) * self._ground.pace)

    def _kill_supervisor_of(self, job: Expected) -> None:
        record = self._ground.jobs.store.find(job.name)
        job.failures.append(SUPERVISOR_KILLED)
        if record is not None and record.supervisor is not None and record.supervisor.alive():
            job.killed = min(job.killed, time.time())
            with contextlib.suppress(ProcessLookupError):
                os.kill(record.supervisor.pid, signal.SIGKILL)

    def _kill_client(self) -> None:
        jobs = [self._job() for _ in range(self._chance.choice((1, 1, 3)))]
        for job in jobs:
            job.kind, job.nodes = jobs[0].kind, jobs[0].nodes
            job.failures.append(SUBMITTER_KILLED)
        with self._ground.submitting(*jobs) as client:
            time.sleep(self._chance.uniform(0.05, 0.4))
            client.kill()
            said = client.said()
        for job in jobs:
            job.promised = f"submitted {job.name}\n" in said
            if job.promised:
                job.failures.clear()

    def _kill_supervisor(self) -> None:
        job = self._job()
        self._ground.submit(job)
        self._pause(0.8)
        self._kill_supervisor_of(job)

    def _kill_supervisor_at_the_end(self) -> None:
        job = self._job(("quick", "short", "failing"))
        record = self._ground.submit(job)
        deadline = time.monotonic() + WAIT
        while not all(self._ground.words(record)) and time.monotonic() < deadline:
            found = self._ground.jobs.find(job.name)
            if found is None or found.finished:
                break
            time.sleep(0.001)
        self._pause(0.1)
        self._kill_supervisor_of(job)

    def _kill_rank(self) -> None:
        job = self._job(("short", "failing", "long", "stubborn", "chatty"))
        record = self._ground.submit(job)
        job.failures.append(RANK_KILLED)
        deadline = time.monotonic() + WAIT
        while not (processes := members(record.mark)) and time.monotonic() < deadline:
            found = self._ground.jobs.find(job.name)
            if found is None or found.finished:
                return
        self._pause(0.2)
        with contextlib.suppress(Exception):  # it has ended by itself
            self._chance.choice(members(record.mark) or processes).kill()

    def _kill_writer(self) -> None:
        jobs = [self._job(("quick",)) for _ in range(200)]
        for job in jobs:
            job.nodes = 2
        with self._ground.submitting(*jobs, suspend=True) as client:
            time.sleep(self._chance.uniform(0.1, 0.5))
            client.kill()
            said = {line.strip().partition(" ")[2] for line in client.said()}
        self._jobs.clear()
        for job in jobs:
            record = self._ground.jobs.find(job.name)
            assert record is not None or job.name not in said, f"lost: {job}"
            if record is not None:
                events = [event.reason for event in self._ground.jobs.events(record)]
                whole = (record.phase, record.settled, len(record.nodes), events)
                assert whole == ("Suspended", True, 2, ["Created", "Suspended"]), f"half written: {record}"
                assert self._ground.jobs.delete(record)

    def _suspend_and_resume(self) -> None:
        job = self._job(("short", "chatty", "stubborn", "failing", "long"))
        self._ground.submit(job)
        self._pause(0.5)
        with self._ground.client("suspend", job.name) as client:
            if self._chance.random() < 0.3:
                self._pause(0.5)
                client.kill()
            if self._chance.random() < 0.3:
                self._pause(0.3)
                self._kill_supervisor_of(job)
            client.said()
        job.starts += 2  # by one of these, and by settling it when they were too early or killed
        with self._ground.client("resume", job.name) as one, self._ground.client("resume", job.name) as other:
            if self._chance.random() < 0.3:
                job.failures.append(SUBMITTER_KILLED)
                self._pause(0.4)
                one.kill()
            one.said()
            other.said()

    def _delete_by_many(self) -> None:
        job = self._job()
        self._ground.submit(job)
        self._pause(0.5)
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(self._ground.client("delete", job.name)) for _ in range(3)]
            job.deletion = True
            if killed := self._chance.random() < 0.4:
                self._pause(0.4)
                clients[0].kill()
            said = [line for client in clients for line in client.said()]
        done = said.count(f"deleted {job.name}\n")
        assert done == 1 or (done == 0 and killed), f"{done} clients deleted {job}"
        assert self._ground.jobs.find(job.name) is None, f"not deleted: {job}"

    def _kill_who_has_the_gpu(self) -> None:
        jobs = [self._job(("gpu",)) for _ in range(3)]
        for job in jobs:
            job.nodes = 1
        with self._ground.submitting(*jobs, devices=[f"{self._name}-gpu"]) as client:
            client.said()
        for job in jobs:
            job.promised = True
        self._pause(1)
        running = [job for job in jobs if (found := self._ground.jobs.find(job.name)) and found.phase == "Running"]
        for job in running:
            self._pause(0.3)
            self._kill_supervisor_of(job)

    def _one_name_for_many(self) -> None:
        job = self._job()
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(self._ground.submitting(job)) for _ in range(3)]
            if killed := self._chance.random() < 0.4:
                job.failures.append(SUBMITTER_KILLED)
                job.litter = True
                time.sleep(self._chance.uniform(0.1, 0.4))
                clients[0].kill()
            said = [line for client in clients for line in client.said()]
        done = said.count(f"submitted {job.name}\n")
        assert done == 1 or (done == 0 and killed), f"{done} clients submitted {job}"
        job.promised = done == 1

    def _kill_client_and_supervisor(self) -> None:
        job = self._job()
        job.failures.append(SUBMITTER_KILLED)
        with self._ground.submitting(job) as client:
            time.sleep(self._chance.uniform(0.1, 0.4))
            client.kill()
            job.promised = client.said() != []
        self._pause(0.4)
        self._kill_supervisor_of(job)

    def _kill_who_cleans_up(self) -> None:
        job = self._job(("long", "stubborn", "chatty"))
        self._ground.submit(job)
        self._pause(0.4)
        self._kill_supervisor_of(job)
        with self._ground.client("look") as client:
            time.sleep(self._chance.uniform(0.05, 0.5))
            client.kill()
            client.said()


FAULTS = tuple(
    name.removeprefix("_")
    for name in (
        "_kill_client",
        "_kill_supervisor",
        "_kill_supervisor_at_the_end",
        "_kill_rank",
        "_kill_writer",
        "_suspend_and_resume",
        "_delete_by_many",
        "_kill_who_has_the_gpu",
        "_one_name_for_many",
        "_kill_client_and_supervisor",
        "_kill_who_cleans_up",
    )
)


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    made = Ground(tmp_path)
    yield made
    for record in made.jobs.all():
        if not record.finished:
            made.jobs.delete(record)
