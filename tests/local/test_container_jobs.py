"""Jobs in containers of real engines: what they run, what they are allowed, how they end, and that nothing is left."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.local.executors.containers.container_engine import JOB_LABEL, STATE_LABEL
from kubeflow.local.executors.containers.engine_errors import ImageUnavailable
from kubeflow.local.executors.processes import members
from kubeflow.local.job.container_plan import MountPlan
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import PLAN_FILE, read_plan
from kubeflow.local.job.records import JobRecord
from kubeflow.local.logs.lines import read_lines
from tests.container_engines import (
    GPU,
    GPU_VARIABLE,
    IMAGE,
    NO_PYTHON,
    NO_SHELL,
    OWN_ENTRYPOINT,
    WITHOUT_INIT,
    container_engine,
    engine,
    stop,
)
from tests.local.conftest import wait_for
from tests.local.containers import ContainerDesk, container_desk

__all__ = ["container_desk", "container_engine"]

# What is the script's that a container begins with, and no engine's, is seen on one.
ONE_ENGINE = pytest.mark.parametrize("container_engine", ["docker"], indirect=True)
MIB = 1 << 20
# By the version of the cgroups of this machine: memory, CPU time and its period.
LIMITS = (
    "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us "
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us 2>/dev/null || cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max"
)


@pytest.fixture
def desk(container_desk: ContainerDesk) -> ContainerDesk:
    return container_desk


def test_a_node_runs_and_what_it_says_is_in_its_log(desk: ContainerDesk) -> None:
    desk.submit("echo $0 $WORD; hostname; id -u", env={"WORD": 'it\'s\n"quoted" $HOME', "odd.name": "x"})

    record = desk.finish()

    assert (record.phase, record.reason) == ("Complete", "")
    assert desk.log() == f'/bin/sh it\'s "quoted" $HOME\nnode-0\n{os.getuid()}\n'


def test_limits_of_cpu_memory_and_shared_memory_are_those_of_the_cgroup(desk: ContainerDesk) -> None:
    desk.submit(
        f"{LIMITS}; df -B1 --output=size /dev/shm | tail -1",
        memory=96 * MIB,
        cpus=1,
        container={"cpus": 0.5, "shared_memory": 32 * MIB},
    )
    desk.finish()

    memory, quota, period, shared = desk.log().split()

    assert (int(memory), int(quota) / int(period), int(shared)) == (96 * MIB, 0.5, 32 * MIB)


@pytest.mark.parametrize("limited", [True, False])
def test_who_uses_too_much_memory_is_told_from_who_fails(desk: ContainerDesk, limited: bool) -> None:
    waste = f"exec {sys.executable} -c 'b = bytearray(200 << 20); raise SystemExit(7)'"
    desk.submit(waste, memory=64 * MIB if limited else None, env={"PYTHONHOME": sys.base_prefix})

    reason = desk.finish().reason

    memory = "node-0 was killed by SIGKILL: it had used the memory that it may have: the limit is 64 MiB"
    assert reason == (memory if limited else "node-0 exited with code 7")


def test_a_leased_gpu_is_asked_for_and_no_other_is_seen(desk: ContainerDesk) -> None:
    script = f"ls /dev | grep -c {GPU}; echo ${GPU_VARIABLE} $0; hostname -i | wc -w; {LIMITS}"
    options = {"memory": 96 * MIB, "cpus": 1, "container": {"cpus": 0.5, "mounts": (MountPlan("/tmp", "/seen"),)}}
    desk.submit(script, name="none", **options)
    desk.submit(script, name="one", gpus=1, devices=["0"], **options)

    none, one = desk.finish("none"), desk.finish("one")

    assert none.phase == "Complete"
    if desk.under_test.name == "docker":  # there is no NVIDIA runtime
        assert one.reason.startswith("node-0 could not start: The container engine refused to start a container: ")
        assert "device driver" in one.reason
    else:
        without = desk.log("none").splitlines()
        assert (without[0], without[1]) == ("0", "/bin/sh")
        assert desk.log("one").splitlines() == ["1", "0 /bin/sh", *without[2:]]


def test_when_one_node_fails_the_others_end_and_the_failing_one_is_named(desk: ContainerDesk) -> None:
    desk.submit("sleep 300", "exit 3")

    record = desk.finish()

    assert (record.phase, record.reason, record.failed_step) == ("Failed", "node-1 exited with code 3", "node-1")
    assert members(record.mark) == []


def test_nodes_find_each_other_by_name_and_share_the_folder_of_the_job(desk: ContainerDesk) -> None:
    script = (
        'echo "$WHERE"; until getent hosts node-{other} >/dev/null; do sleep 0.1; done; '
        'touch "$KUBEFLOW_WORKSPACE/{other}"; until test -e "$KUBEFLOW_WORKSPACE/{own}"; do sleep 0.1; done'
    )
    desk.submit(
        *(script.format(own=own, other=1 - own) for own in (0, 1)),
        rendezvous={"WHERE": "{host}:{port}"},
    )

    assert desk.finish().phase == "Complete"
    assert desk.log(step="node-0") == desk.log(step="node-1") == "node-0:29500\n"


def _logs(record: JobRecord) -> bool:
    log = Places(record.directory).node_log("node-0")
    return log.exists() and log.read_text() != ""


def test_two_jobs_at_once_do_not_see_each_other(desk: ContainerDesk, tmp_path: Path) -> None:
    mount = MountPlan(str(tmp_path), "/witness")
    until = "until test -e /witness/go; do sleep 0.05; done"
    for name in ("one", "other"):
        script = f"getent hosts node-0 | cut -d ' ' -f 1; {until}"
        desk.submit(script, name=name, container={"mounts": (mount,)})
    wait_for(lambda: all(_logs(desk.get(name)) for name in ("one", "other")))
    (tmp_path / "go").touch()

    assert [desk.finish(name).phase for name in ("one", "other")] == ["Complete", "Complete"]
    assert len({desk.log("one"), desk.log("other")}) == 2


@ONE_ENGINE
def test_a_hundred_thousand_lines_arrive_whole_and_in_order(desk: ContainerDesk) -> None:
    desk.submit("seq -f 'line %.0f' 1 50000; seq -f 'line %.0f' 50001 100000 >&2")
    record = desk.get()
    directory = Places(record.directory).node("node-0")

    lines = read_lines([directory], finished=lambda: desk.get().finished, follow=True)

    assert [line.text for line in lines] == [f"line {number}" for number in range(1, 100_001)]


def test_what_is_written_to_a_mount_is_the_callers_and_a_read_only_mount_is_read_only(
    desk: ContainerDesk, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    mounts = (MountPlan(str(tmp_path / "data"), "/data"), MountPlan(str(tmp_path), "/fixed", read_only=True))
    desk.submit("echo here >/data/written; touch /fixed/written; test $? != 0", container={"mounts": mounts})

    assert desk.finish().phase == "Complete"
    found = (tmp_path / "data/written").stat()
    assert (found.st_uid, found.st_gid) == (os.getuid(), os.getgid())
    assert not (tmp_path / "written").exists()


@ONE_ENGINE
def test_somebody_else_than_the_caller_may_not_look_into_the_job(desk: ContainerDesk) -> None:
    desk.submit("id -u", container={"user": "4321:4321"})

    record = desk.finish()

    assert (record.phase, "node-0 exited with code" in record.reason) == ("Failed", True)


@ONE_ENGINE
def test_a_home_that_cannot_be_written_to_is_replaced(desk: ContainerDesk) -> None:
    desk.submit('touch "$HOME/written" && echo "$HOME"', env={"HOME": "/nothing"})

    record = desk.finish()

    assert (record.phase, desk.log()) == ("Complete", f"{record.directory}/tmp/home-node-0\n")


def test_a_volume_of_the_engine_outlives_its_jobs(desk: ContainerDesk) -> None:
    mounts = (MountPlan(f"kept-{desk.under_test.name}", "/kept"),)
    desk.submit("echo kept >/kept/file", container={"mounts": mounts})
    desk.finish()
    desk.submit("cat /kept/file", name="next", container={"mounts": mounts})

    try:
        assert desk.finish("next").phase == "Complete"
        assert desk.log("next") == "kept\n"
    finally:
        api = desk.under_test.api()
        for name in ("job", "next"):
            desk.jobs.delete(desk.get(name))
        api.remove_volume(mounts[0].source)
        api.close()


def test_secrets_are_in_no_inspect_no_label_and_no_file_that_others_can_read(desk: ContainerDesk) -> None:
    secret = "s3cr3t-0f-the-test"
    desk.submit('echo "${#TOKEN}"; sleep 300', env={"TOKEN": secret})
    desk.begun()

    known = json.dumps(desk.inspect())

    assert desk.log() == f"{len(secret)}\n"
    assert secret not in known
    directory = desk.get().directory
    holders = [path for path in directory.rglob("*") if path.is_file() and secret in path.read_text()]
    assert {path.name for path in holders} == {PLAN_FILE, "environment.sh"}
    assert {path.stat().st_mode & 0o077 for path in [*holders, directory]} == {0}


@ONE_ENGINE
def test_the_images_entrypoint_is_kept_where_the_plan_says_so(desk: ContainerDesk) -> None:
    kept = {"image": OWN_ENTRYPOINT, "keep_entrypoint": True}
    desk.submit("x", name="args", container=kept)
    desk.submit("x", name="all", container={**kept, "before": ("/usr/bin/env", "-u", "HOME")}, argv=())
    desk.submit("echo other", name="none", container={"image": OWN_ENTRYPOINT})

    assert [desk.finish(name).phase for name in ("args", "all", "none")] == ["Complete"] * 3
    assert desk.log("args") == "entry /bin/sh -c x\n"
    assert desk.log("all") == "entry image-command\n"
    assert desk.log("none") == "other\n"


def test_an_image_without_python_or_without_a_shell_says_so(desk: ContainerDesk) -> None:
    desk.submit("true", name="python", container={"image": NO_PYTHON, "programs": ("python3",)})
    desk.submit("true", name="shell", container={"image": NO_SHELL})

    reasons = [desk.finish(name).reason for name in ("python", "shell")]

    assert reasons[0].endswith(f": image '{NO_PYTHON}' has no 'python3': use an image that has it on its PATH")
    assert reasons[1].endswith(
        f": image '{NO_SHELL}' has no /bin/sh, which nodes are started with: use an image that has a shell"
    )


def test_an_engine_without_an_init_process_runs_jobs_all_the_same(tmp_path: Path) -> None:
    bare = engine("podman", WITHOUT_INIT)
    try:
        desk = ContainerDesk(tmp_path / "state", tmp_path, bare)
        desk.submit("echo begun")
        desk.submit("true", name="shell", container={"image": NO_SHELL})

        assert desk.finish().phase == "Complete"
        assert desk.log() == "begun\n"
        assert desk.finish("shell").reason.endswith("which nodes are started with: use an image that has a shell")
    finally:
        stop(bare)


def test_what_an_image_says_before_the_node_begins_is_its_reason(desk: ContainerDesk, tmp_path: Path) -> None:
    (tmp_path / "sh").write_text("#!/usr/bin/sh\necho this shell is broken >&2; exit 3\n")
    (tmp_path / "sh").chmod(0o755)
    desk.submit("true", container={"image": NO_SHELL, "mounts": (MountPlan(str(tmp_path / "sh"), "/bin/sh"),)})

    assert desk.finish().reason == "node-0 exited with code 3: this shell is broken"


@ONE_ENGINE
@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"container": {"image": "localhost/absent:1"}}, ImageUnavailable, "is not there, and pull_policy='Never'"),
        ({"container": {"mounts": (MountPlan("/absent/data", "/data"),)}}, InvalidInput, "no such path.*make it first"),
        ({"container": {"mounts": (MountPlan("/tmp", "data"),)}}, InvalidInput, "write an absolute path"),
        ({"memory": 1 << 50}, InvalidInput, r"asks for 1,048,576.0 GiB of memory, and containers have"),
        ({"container": {"cpus": 10_000.5}}, InvalidInput, "asks for 10000.5 CPUs, and containers have"),
    ],
)
def test_what_cannot_run_is_refused_and_nothing_is_kept(
    desk: ContainerDesk, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        desk.submit("true", **options)

    assert desk.jobs.all() == []
    assert not any((desk.state / "jobs").iterdir())


def test_a_job_that_is_suspended_leaves_nothing_and_starts_anew(desk: ContainerDesk, tmp_path: Path) -> None:
    part = {"workdir": "/witness", "mounts": (MountPlan(str(tmp_path), "/witness"),)}
    # As patient as it takes for the shell to say what became of its `sleep`.
    desk.submit("echo begun; test -e go || sleep 300", container=part, grace=60)
    record = desk.begun()

    suspended = desk.jobs.suspend(record)
    assert suspended is not None
    assert (suspended.phase, members(record.mark), desk.left()) == ("Suspended", [], [])
    (tmp_path / "go").touch()
    desk.jobs.resume(suspended)

    assert desk.finish().phase == "Complete"
    assert desk.log().split() == ["begun", "Terminated", "begun"]


def test_a_deadline_and_a_deletion_end_containers_that_do_not_listen(desk: ContainerDesk) -> None:
    stubborn = "trap '' TERM; echo begun; sleep 300"
    desk.submit(stubborn, name="overdue", deadline=1.0, grace=0.2)
    desk.submit(stubborn, name="deleted", grace=0.2)
    desk.running("deleted")

    assert desk.jobs.delete(desk.get("deleted"))
    assert desk.finish("overdue").reason == "it was active for longer than 1 s"
    assert desk.left() == []


@ONE_ENGINE
def test_a_node_that_is_told_to_end_can_clean_up(desk: ContainerDesk) -> None:
    # A shell that waits for what it runs in the background is told at once, at whatever place it is.
    tidy = "trap 'echo tidy; exit 0' TERM; sleep 300 & echo begun; wait"
    desk.submit(tidy, grace=60)
    desk.begun()

    begun = time.monotonic()
    desk.jobs.suspend(desk.get())

    assert desk.log().split() == ["begun", "tidy"]
    assert time.monotonic() - begun < 50  # when it has ended, and not when its time is over


@ONE_ENGINE
def test_python_in_a_container_can_be_interrupted(desk: ContainerDesk) -> None:
    desk.submit(f"exec {sys.executable} -c 'import signal; print(signal.getsignal(signal.SIGINT).__name__)'")

    assert desk.finish().phase == "Complete"
    assert desk.log() == "default_int_handler\n"


def _kill_supervisor(record: JobRecord) -> None:
    assert record.supervisor is not None
    os.kill(record.supervisor.pid, signal.SIGKILL)


def test_containers_of_a_killed_supervisor_get_sigterm_and_the_next_client_removes_them(desk: ContainerDesk) -> None:
    desk.submit("trap 'echo told; exit 5' TERM; sleep 300 & echo begun; wait")
    record = desk.begun()

    _kill_supervisor(record)
    wait_for(lambda: members(record.mark) == [])

    log = Places(record.directory).node_log("node-0").read_text()  # without a look at the store, which would help
    assert log.split() == ["begun", "told"]
    assert desk.left() != []
    ended = desk.finish()
    assert ended.reason.endswith("was killed")
    assert desk.left() == []


def test_containers_that_do_not_listen_to_the_death_of_their_supervisor_are_ended_by_the_next_client(
    desk: ContainerDesk,
) -> None:
    desk.submit("trap '' TERM; echo begun; sleep 300")
    record = desk.begun()

    _kill_supervisor(record)

    assert desk.finish().phase == "Failed"
    assert (members(record.mark), desk.left()) == ([], [])


def test_what_is_left_of_a_deleted_job_and_cannot_be_removed_now_is_in_nobodys_way(desk: ContainerDesk) -> None:
    gone = str(desk.state / "jobs/gone")
    labels = {JOB_LABEL: gone, STATE_LABEL: str(desk.state)}
    network = f"kubeflow-tests-{desk.under_test.name}"
    api = desk.under_test.api()
    api.create_network(network, labels=labels)
    busy = api.create_container(IMAGE, ["/bin/sleep", "300"], host_config=api.create_host_config(network_mode=network))
    try:
        api.start(busy)
        desk.submit("true", name="first")
        assert desk.finish("first").phase == "Complete"
        assert desk.left() == [network]
    finally:
        api.remove_container(busy, force=True)
        api.close()

    desk.submit("true", name="next")

    assert desk.finish("next").phase == "Complete"
    assert desk.left() == []


def test_a_container_that_is_killed_or_removed_by_hand_fails_its_job(desk: ContainerDesk) -> None:
    api = desk.under_test.api()
    removals: dict[str, Callable[[str], None]] = {
        "killed": api.kill,
        "removed": lambda container: api.remove_container(container, force=True),
    }
    for name, act in removals.items():
        desk.submit("sleep 300", name=name)
        node = desk.running(name).node("node-0")
        assert node is not None
        assert node.id is not None
        act(node.id)
    api.close()

    reasons = [desk.finish(name).reason for name in removals]

    assert reasons[0] == "node-0 was killed by SIGKILL"
    assert reasons[1].startswith("node-0 was killed by SIGKILL")


def test_finished_containers_are_kept_until_their_job_is_deleted_where_the_plan_says_so(desk: ContainerDesk) -> None:
    desk.submit("exit 4", engine={"keep": True})
    desk.finish()

    assert desk.inspect()["State"]["ExitCode"] == 4
    desk.jobs.delete(desk.get())
    assert desk.left() == []


@ONE_ENGINE
def test_any_process_finds_the_engine_of_a_job_in_its_plan(desk: ContainerDesk) -> None:
    record = desk.submit("true", suspend=True)

    plan = read_plan(record.directory)

    assert plan.engine == desk.engine
    assert (desk.engine.kind, desk.engine.here) == (desk.under_test.name, True)
    assert [node.container for node in plan.nodes] == [desk.part()]


TRAIN = """
import os, torch, torch.distributed as dist
dist.init_process_group("gloo")
total = torch.ones(1) * (dist.get_rank() + 1)
dist.all_reduce(total)
print(f"{os.uname().nodename} {dist.get_rank()} of {dist.get_world_size()}: {total.item():g}", flush=True)
dist.destroy_process_group()
"""


def test_two_nodes_of_torchrun_reduce_over_gloo(desk: ContainerDesk, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAIN)
    command = 'torchrun --nnodes 2 --nproc-per-node 1 --node-rank "${HOSTNAME#node-}" --master-addr "$PET_ADDR"'
    script = f'HOSTNAME=$(hostname); exec {command} --master-port "$PET_PORT" /code/train.py 2>/dev/null'
    desk.submit(
        script,
        script,
        rendezvous={"PET_ADDR": "{host}", "PET_PORT": "{port}"},
        env={"OMP_NUM_THREADS": "1"},
        container={"mounts": (MountPlan(str(tmp_path), "/code", read_only=True),)},
    )

    assert desk.finish().phase == "Complete"
    assert [desk.log(step=f"node-{rank}") for rank in (0, 1)] == [
        "node-0 0 of 2: 3\n",
        "node-1 1 of 2: 3\n",
    ]
