"""Executors: what they start is found and ended from anywhere, and a job gets the one that its plan names."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.local.executors.executor import NodeExecutor, NodeExit, RunningNode
from kubeflow.local.executors.registry import executor
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import PLAN_FILE, NodePlan
from kubeflow.local.store.leases import Share
from tests.local.conftest import Desk, has_ended, wait_for


class Floor:
    """One executor with a directory whose path is its job's mark."""

    def __init__(self, directory: Path) -> None:
        self.executor: NodeExecutor = executor("process")
        self.directory = directory
        self.mark = str(directory)
        self.nodes: list[RunningNode] = []

    def start(self, script: str, name: str = "node-0") -> RunningNode:
        node = self.executor.start(
            NodePlan(name, ("/bin/sh", "-c", script)),
            share=Share(),
            env=dict(os.environ),
            cwd=str(self.directory),
            mark=self.mark,
            log=self.directory / "log",
        )
        self.nodes.append(node)
        return node

    def leave(self) -> None:
        self.executor.end(self.mark, 1.0)
        for node in self.nodes:
            end_of(node)


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Floor]:
    floor = Floor(tmp_path)
    yield floor
    floor.leave()


def end_of(node: RunningNode) -> NodeExit:
    wait_for(lambda: node.poll() is not None)
    end = node.poll()
    assert end is not None
    return end


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ("exit 0", 0, "exited with code 0"),
        ("exit 7", 7, "exited with code 7"),
        ("kill -KILL $$", -signal.SIGKILL, "was killed by SIGKILL"),
    ],
)
def test_a_node_says_how_it_ended_and_says_it_again(floor: Floor, script: str, code: int, words: str) -> None:
    node = floor.start(script)

    assert end_of(node) == end_of(node) == NodeExit(code)
    assert str(end_of(node)) == words


def test_an_end_for_want_of_memory_says_so() -> None:
    end = NodeExit(137, out_of_memory=True, message="limit 64 MiB")

    assert str(end) == "exited with code 137: it had used the memory that it may have: limit 64 MiB"


def test_what_runs_is_found_and_ended_from_another_process(floor: Floor) -> None:
    node = floor.start("sleep 60 & exec sleep 60")
    assert floor.executor.running(floor.mark)
    elsewhere = (
        "import sys; from kubeflow.local.executors.registry import executor; e = executor('process'); "
        "print(e.running(sys.argv[1])); e.end(sys.argv[1], 1.0); e.clean(sys.argv[1]); print(e.running(sys.argv[1]))"
    )

    said = subprocess.run(
        [sys.executable, "-c", elsewhere, floor.mark], capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()

    assert said == ["True", "False"]
    assert end_of(node).code == -signal.SIGTERM
    assert not floor.executor.running(floor.mark)


HEAVY = """
import os, time
held = os.memfd_create("as of a GPU")
for _ in range(256):
    os.write(held, bytes(1 << 20))
print("up", flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs memory that is a file")
def test_what_is_ended_has_given_back_what_it_had_opened(floor: Floor) -> None:
    """That takes a while after it has lost its environment, by which it was found."""
    node = floor.start(f"exec {sys.executable} -c '{HEAVY}'")
    wait_for(lambda: (floor.directory / "log").read_text() == "up\n")
    process = psutil.Process(int(node.id))

    floor.executor.end(floor.mark, 1.0)

    assert has_ended(process)


def test_ending_cleaning_and_closing_twice_does_nothing(floor: Floor) -> None:
    floor.start("exec sleep 60")

    for _ in range(2):
        floor.executor.end(floor.mark, 1.0)
        floor.executor.clean(floor.mark)
        floor.executor.close()

    assert not floor.executor.running(floor.mark)


def test_ending_one_job_leaves_the_others_alone(floor: Floor, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = Floor(tmp_path_factory.mktemp("other"))
    node = other.start("exec sleep 60")
    floor.start("exec sleep 60")

    floor.executor.end(floor.mark, 1.0)

    assert node.poll() is None
    other.leave()


def test_a_port_is_kept_until_the_executor_is_closed(floor: Floor) -> None:
    port = floor.executor.port()

    assert floor.executor.port() == port
    others = [executor("process") for _ in range(20)]
    assert port not in [other.port() for other in others]
    for held in (*others, floor.executor):
        held.close()


def test_where_the_first_node_is_reaches_every_node(desk: Desk) -> None:
    desk.submit('echo "$WHERE"', 'echo "$WHERE"', rendezvous={"WHERE": "{host}:{port} {elsewhere}"})
    desk.finish()

    first, second = desk.log(step="node-0"), desk.log(step="node-1")

    assert first == second
    host, port = first.split()[0].split(":")
    assert (host, first.split()[1]) == ("127.0.0.1", "{elsewhere}")
    assert 0 < int(port) < 65536


def test_an_executor_that_is_not_there_is_refused_before_anything_is_started(desk: Desk) -> None:
    with pytest.raises(InvalidInput, match="no executor 'balloon'.*it has process"):
        desk.submit("true", executor="balloon")

    assert desk.jobs.all() == []
    assert not any((desk.state / "jobs").iterdir())


def test_a_version_without_containers_can_read_the_plan_of_a_job_without_them(desk: Desk) -> None:
    record = desk.submit("true", suspend=True)

    plan = json.loads((record.directory / PLAN_FILE).read_text())

    assert not {"engine"} & set(plan)
    assert not {"container"} & set(plan["stages"][0][0])


def test_the_job_of_a_newer_version_is_listed_and_does_not_bar_others(desk: Desk) -> None:
    """Its supervisor is gone, and what it runs in is unknown here."""
    record = desk.submit("true", suspend=True)
    file = Places(record.directory).directory / PLAN_FILE
    file.write_text(json.dumps({**json.loads(file.read_text()), "executor": "balloon"}))
    desk.jobs.resume(record)
    desk.submit("true", name="ours")

    assert desk.finish("ours").phase == "Complete"
    theirs = desk.finish()
    assert theirs.phase == "Failed"
    assert "no executor 'balloon'" in theirs.reason
    assert desk.jobs.delete(theirs)
