"""Jobs of plain shell scripts, in a state directory of their own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import JobPlan, NodePlan
from kubeflow.local.job.records import JobRecord
from kubeflow.local.jobs import Jobs

WAIT = 60.0  # seconds; generous, for machines that have other things to do


class Desk:
    """Submits jobs of shell scripts and waits for them."""

    wait = WAIT

    def __init__(self, state: Path, cwd: Path) -> None:
        self.state = state
        self.cwd = cwd
        self.jobs = Jobs(state)

    def plan(self, name: str, *scripts: str, **options: object) -> Callable[[Places], JobPlan]:
        """Return what makes the plan of a job with one node for each script; `stage` scripts run before."""
        before = options.pop("before", ())
        node_options = {key: options.pop(key) for key in ("gpus", "cpus", "memory", "rendezvous") if key in options}
        assert isinstance(before, tuple)
        first = tuple(NodePlan(f"step-{i}", ("/bin/sh", "-c", text), dict(os.environ)) for i, text in enumerate(before))
        nodes = tuple(
            NodePlan(f"node-{i}", ("/bin/sh", "-c", text), dict(os.environ), **node_options)  # type: ignore[arg-type]
            for i, text in enumerate(scripts)
        )
        options = {"grace": 0.5, **options}
        stages = (first, nodes) if first else (nodes,)
        return lambda places: JobPlan(name, stages, str(self.cwd), **options)  # type: ignore[arg-type]

    def submit(self, *scripts: str, name: str = "job", **options: object) -> JobRecord:
        self.jobs.submit(name, self.plan(name, *scripts, **options))
        return self.get(name)

    def get(self, name: str = "job") -> JobRecord:
        record = self.jobs.find(name)
        assert record is not None
        return record

    def until(self, condition: Callable[[JobRecord], bool], name: str = "job") -> JobRecord:
        change = self.jobs.watch(name)
        deadline = time.monotonic() + self.wait
        record: JobRecord | None = self.get(name)
        while True:
            assert record is not None
            if condition(record):
                return record
            assert time.monotonic() < deadline, record
            record = change(deadline - time.monotonic())

    def running(self, name: str = "job") -> JobRecord:
        return self.until(lambda record: record.phase == "Running", name)

    def finish(self, name: str = "job") -> JobRecord:
        return self.until(lambda record: record.finished, name)

    def reasons(self, name: str = "job") -> list[str]:
        return [event.reason for event in self.jobs.events(self.get(name))]

    def log(self, name: str = "job", step: str = "node-0") -> str:
        return Places(self.get(name).directory).node_log(step).read_text()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "state", tmp_path)
    yield desk
    for record in desk.jobs.all():
        desk.jobs.delete(record)


def has_ended(process: psutil.Process) -> bool:
    """Whether a process runs no more. A zombie waits for whoever adopted it."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # between the two looks
        return True


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
