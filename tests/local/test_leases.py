"""Sharing the machine: GPUs go to one node at a time, CPUs are spread, memory is limited."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from kubeflow.local.job.plan import JobPlan, NodePlan
from kubeflow.local.job.process_identity import this_process
from kubeflow.local.store.job_directories import new_job_dir
from kubeflow.local.store.leases import Wait, lease, whole_cpus
from kubeflow.local.store.store import Store
from tests.local.conftest import Desk, wait_for

SHOW = 'echo "$CUDA_VISIBLE_DEVICES"'
HOLD = f"{SHOW}; while ! test -e go; do sleep 0.05; done"


def test_each_node_sees_gpus_of_its_own(desk: Desk) -> None:
    desk.submit(SHOW, SHOW, gpus=2, devices=("0", "1", "2", "GPU-x"))
    desk.finish()

    assert (desk.log(), desk.log(step="node-1")) == ("0,1\n", "2,GPU-x\n")


def test_a_job_waits_for_gpus_says_so_and_gets_them_when_they_are_free(desk: Desk) -> None:
    desk.submit(HOLD, name="first", gpus=1, devices=("0", "1"))
    desk.running("first")
    desk.submit(SHOW, name="second", gpus=2, devices=("0", "1"))

    waiting = desk.until(lambda record: "waiting" in record.reason, "second")

    assert waiting.phase == "Created"
    assert waiting.reason == "waiting for 2 GPU(s): 1 of 2 free, the others are used by first"
    assert "WaitingForGPUs" in desk.reasons("second")
    (desk.cwd / "go").touch()
    assert desk.finish("second").phase == "Complete"
    assert desk.log("second", "node-0") == "0,1\n"
    ended, started = (
        next(event.time for event in desk.jobs.events(desk.get(job)) if event.reason == reason)
        for job, reason in (("first", "Complete"), ("second", "Started"))
    )
    assert ended <= started


def test_who_waits_longest_is_next_and_who_wants_other_gpus_need_not_wait(desk: Desk) -> None:
    desk.submit(HOLD, name="holder", gpus=1, devices=("0", "1"))
    desk.running("holder")
    desk.submit(SHOW, name="large", gpus=2, devices=("0", "1"))
    desk.until(lambda record: "waiting" in record.reason, "large")
    desk.submit(SHOW, name="small", gpus=1, devices=("0", "1"))

    small = desk.until(lambda record: "waiting" in record.reason, "small")
    assert "job large waits since before" in small.reason
    desk.submit(SHOW, name="elsewhere", gpus=1, devices=("7",))
    assert desk.finish("elsewhere").phase == "Complete"
    (desk.cwd / "go").touch()
    for name in ("large", "small"):
        assert desk.finish(name).phase == "Complete"


def test_a_waiting_job_can_be_deleted_and_the_next_one_moves_up(desk: Desk) -> None:
    desk.submit(HOLD, name="holder", gpus=1, devices=("0", "1"))
    desk.running("holder")
    large = desk.submit(SHOW, name="large", gpus=2, devices=("0", "1"))
    desk.until(lambda record: "waiting" in record.reason, "large")
    desk.submit(SHOW, name="small", gpus=1, devices=("0", "1"))

    desk.jobs.delete(large)

    assert desk.finish("small").phase == "Complete"


def test_the_gpus_of_a_killed_supervisor_are_free_again_though_no_client_looks(desk: Desk) -> None:
    desk.submit("sleep 60", name="killed", gpus=1, devices=("0",))
    supervisor = desk.running("killed").supervisor
    assert supervisor is not None
    desk.submit(SHOW, name="waiting", gpus=1, devices=("0",))
    desk.until(lambda record: "waiting" in record.reason, "waiting")

    os.kill(supervisor.pid, signal.SIGKILL)

    store = desk.jobs.store

    def ended() -> bool:  # `desk.finish` would look after the other job as well
        record = store.find("waiting")
        return record is not None and record.finished

    wait_for(ended)
    assert desk.get("waiting").phase == "Complete"


def test_a_suspended_job_gives_its_gpus_back(desk: Desk) -> None:
    record = desk.submit("sleep 60", name="suspended", gpus=1, devices=("0",))
    desk.running("suspended")

    desk.jobs.suspend(record)

    desk.submit(SHOW, gpus=1, devices=("0",))
    assert desk.finish().phase == "Complete"


def test_nodes_get_cpus_that_the_fewest_others_use(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def job(name: str, *nodes: NodePlan) -> int:
        return store.add(JobPlan(name, (nodes,), "/"), new_job_dir(tmp_path, name, this_process()), this_process())

    two = [NodePlan(f"node-{i}", ("true",), cpus=2) for i in range(2)]
    first = lease(store.database, job("a", *two), two, gpus=(), cpus=range(6))
    second = lease(store.database, job("b", *two), two, gpus=(), cpus=range(6))
    assert not isinstance(first, Wait)
    assert not isinstance(second, Wait)

    assert [sorted(share.cpus or ()) for share in first.values()] == [[0, 1], [2, 3]]
    assert [sorted(share.cpus or ()) for share in second.values()] == [[4, 5], [0, 1]]
    many = [NodePlan("node-0", ("true",), cpus=6)]
    everything = lease(store.database, job("c", *many), many, gpus=(), cpus=range(6))
    assert not isinstance(everything, Wait)
    assert everything["node-0"].cpus is None
    assert [whole_cpus(amount) for amount in (0.25, 1, 1.5)] == [1, 1, 2]
    store.database.close()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs CPU affinity")
def test_a_node_and_what_it_starts_keep_to_its_cpus(desk: Desk) -> None:
    there = sorted(os.sched_getaffinity(0))
    if len(there) < 2:
        pytest.skip("needs two CPUs")
    show = f"{sys.executable} -c 'import os; print(*sorted(os.sched_getaffinity(0)))'"
    desk.submit(show, show, cpus=1)
    desk.finish()

    assert {desk.log().strip(), desk.log(step="node-1").strip()} == {str(there[0]), str(there[1])}


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_DATA")
def test_a_process_that_takes_more_memory_than_its_limit_is_refused_it(desk: Desk) -> None:
    take = "import sys; block = bytearray(int(sys.argv[1]) << 20); print(len(block))"
    desk.submit(f"{sys.executable} -c '{take}' 50", name="enough", memory=200 << 20)
    desk.submit(f"{sys.executable} -c '{take}' 300", name="too-much", memory=200 << 20)

    assert desk.finish("enough").phase == "Complete"
    assert desk.finish("too-much").phase == "Failed"
    assert "MemoryError" in desk.log("too-much")
